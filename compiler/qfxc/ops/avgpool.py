"""y[h,w,c] = sum_{i,j} x[h*sh + i, w*sw + j, c] / counted positions of that window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType
from qfxc.ops._spatial import Pair, counts, out_size, windows


@dataclass(frozen=True)
class AvgPool(Op):
    """Average over windows of x (H,W,C); padding is a ``pad`` with zeros before it.

    ``uncounted`` = how many padded rows and columns at (top, left, bottom, right) the divisor
    leaves out (all of them for count_include_pad=0, those of ceil_mode always).
    """

    kernel: Pair
    stride: Pair
    uncounted: tuple[int, int, int, int] = (0, 0, 0, 0)

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        size = out_size((x.shape[0], x.shape[1]), self.kernel, self.stride, (1, 1))
        return TensorType((*size, x.shape[2]), Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        x = arrays[0]
        size = (x.shape[1], x.shape[2])
        total = windows(x, self.kernel, self.stride, (1, 1)).sum(axis=(4, 5))
        divisor = counts(size, self.kernel, self.stride, self.uncounted)
        return np.asarray(total / divisor[:, :, None].astype(x.dtype))
