"""y[h,w,(g,i,j,c)] = x[h*sh + i*dh, w*sw + j*dw, g*C/groups + c]."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, divisors, lane_folds
from qfxc.ir.types import Array, TensorType
from qfxc.ops._hardware import io_params, legal
from qfxc.ops._samples import INT8, UINT4, source
from qfxc.ops._spatial import Pair, extent, out_size, windows

SETTLE = 4
"""Iterations between the last word of a phase and the next phase (hls_lib: window.hpp)."""


def _several_taps(fold: Fold) -> bool:
    """Whether a word holds several taps, of all channels each."""
    return fold.pe != fold.simd


@dataclass(frozen=True)
class Window(KernelOp):
    """Sliding windows of x (H,W,C), each in the order group, row, column, channel of the group."""

    size: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    groups: int = 1

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if x.channels % self.groups:
            raise ValueError(f"{x.channels} channels in {self.groups} groups")
        size = out_size((x.shape[0], x.shape[1]), self.size, self.stride, self.dilation)
        return TensorType((*size, self.size[0] * self.size[1] * x.shape[2]), x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        view = windows(arrays[0], self.size, self.stride, self.dilation)
        batch, height, width = view.shape[:3]
        split = view.reshape(batch, height, width, self.groups, -1, *self.size)
        cols = split.transpose(0, 1, 2, 3, 5, 6, 4)
        return np.ascontiguousarray(cols).reshape(batch, *node.type.shape)

    def folds(self, node: Node) -> tuple[Fold, ...]:
        channels = node.inputs[0].type.channels // self.groups
        taps = self.size[0] * self.size[1] if self.groups == 1 else 1
        several = [n * channels for n in divisors(taps) if n > 1]
        whole = (Fold(lanes, word) for lanes in divisors(channels) for word in several)
        return legal(node, (*lane_folds(channels), *whole))

    def _schedule(self, node: Node, fold: Fold) -> tuple[int, int, int]:
        """Iterations of the fill, of every output row but the last, of the last one."""
        height, width, channels = node.inputs[0].type.shape
        row = width * channels // fold.simd
        rows = node.type.shape[0]
        span = extent(self.size, self.dilation)[0]
        emit = node.type.size // rows // fold.pe
        rest = (height - span - (rows - 1) * self.stride[0]) * row
        return span * row + SETTLE, max(self.stride[0] * row + SETTLE, emit), max(rest, emit)

    def cycles(self, node: Node, fold: Fold) -> int:
        if _several_taps(fold):
            positions = node.type.size // node.type.channels
            further = node.type.channels // fold.pe - 1
            return node.inputs[0].type.size // fold.simd + positions * further
        fill, phase, last = self._schedule(node, fold)
        return fill + (node.type.shape[0] - 1) * phase + last

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        """``stencil`` for words of several taps, else ``window``."""
        height, width, channels = node.inputs[0].type.shape
        params = {
            "Simd": fold.simd,
            "H": height,
            "W": width,
            "Words": channels // fold.simd,
            "KH": self.size[0],
            "KW": self.size[1],
            "SH": self.stride[0],
            "SW": self.stride[1],
            "DH": self.dilation[0] if self.size[0] > 1 else 1,
            "DW": self.dilation[1] if self.size[1] > 1 else 1,
            "OH": node.type.shape[0],
            "OW": node.type.shape[1],
            **io_params(node),
        }
        if _several_taps(fold):
            return Kernel("stencil", {**params, "Pe": fold.pe})
        return Kernel("window", {**params, "Groups": self.groups})

    def lag(self, node: Node) -> Fraction:
        """The rows that the first window spans, and those read while the first row is emitted."""
        height = node.inputs[0].type.shape[0]
        rows = extent(self.size, self.dilation)[0] + self.stride[0]
        return min(Fraction(rows, height), Fraction(1))

    def pause(self, node: Node) -> Fraction:
        """The rows that it reads at once; about one more comes while it emits its last row."""
        height = node.inputs[0].type.shape[0]
        return Fraction(extent(self.size, self.dilation)[0], height)

    def burst(self, node: Node) -> int:
        """What must last through the rows that a stride skips: their part of a row of windows."""
        return -(-node.type.shape[1] * (self.stride[0] - 1) // self.stride[0])

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, wide = source((5, 6, 4), INT8), source((7, 8, 2), UINT4)
        return (
            Node(cls((3, 3)), (x,), "plain"),
            Node(cls((2, 3), (2, 1)), (x,), "strided_rows"),
            Node(cls((1, 1), (2, 3)), (wide,), "subsampled"),
            Node(cls((3, 2), (1, 2), (2, 3)), (wide,), "dilated"),
            Node(cls((3, 3), (3, 2), (1, 1), 2), (x,), "groups"),
            Node(cls((5, 6)), (x,), "whole"),
            Node(cls((1, 3), (1, 1), (7, 1)), (source((1, 9, 1), INT8),), "one_row"),
            Node(cls((2, 1), (3, 1)), (source((9, 1, 2), UINT4),), "one_column"),
            Node(cls((2, 2), (3, 4)), (source((9, 11, 1), INT8),), "jumps"),
            Node(cls((3, 2), (2, 1), (1, 3)), (source((6, 20, 1), UINT4),), "long_lines"),
        )
