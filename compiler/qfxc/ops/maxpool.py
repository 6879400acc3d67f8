"""y[h,w,c] = max_{i,j} x[h*sh + i*dh, w*sw + j*dw, c]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, TensorType
from qfxc.ops._spatial import Pair, out_size, windows


@dataclass(frozen=True)
class MaxPool(Op):
    """Maximum over windows of x (H,W,C), no padding (that is ``pad`` with the lowest value)."""

    kernel: Pair
    stride: Pair
    dilation: Pair = (1, 1)

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        size = out_size((x.shape[0], x.shape[1]), self.kernel, self.stride, self.dilation)
        return TensorType((*size, x.shape[2]), x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        view = windows(arrays[0], self.kernel, self.stride, self.dilation)
        y = view[..., 0, 0].copy()
        for i, j in list(np.ndindex(*self.kernel))[1:]:
            np.maximum(y, view[..., i, j], out=y)
        return y
