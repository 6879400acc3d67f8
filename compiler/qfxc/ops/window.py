"""y[h,w,(g,i,j,c)] = x[h*sh + i*dh, w*sw + j*dw, g*C/groups + c]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, TensorType
from qfxc.ops._spatial import Pair, out_size, windows


@dataclass(frozen=True)
class Window(Op):
    """Sliding windows of x (H,W,C), one after the other: group, row, column, channel of the group."""

    kernel: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    groups: int = 1

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if x.channels % self.groups:
            raise ValueError(f"{x.channels} channels in {self.groups} groups")
        size = out_size((x.shape[0], x.shape[1]), self.kernel, self.stride, self.dilation)
        return TensorType((*size, self.kernel[0] * self.kernel[1] * x.shape[2]), x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        view = windows(arrays[0], self.kernel, self.stride, self.dilation)
        batch, height, width, channels = view.shape[:4]
        split = view.reshape(batch, height, width, self.groups, channels // self.groups, *self.kernel)
        cols = split.transpose(0, 1, 2, 3, 5, 6, 4)
        return np.ascontiguousarray(cols).reshape(batch, *node.type.shape)
