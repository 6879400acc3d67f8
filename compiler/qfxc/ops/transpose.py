"""y axis i = x axis perm[i]."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, divisors, lane_folds
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._hardware import io_params, legal
from qfxc.ops._samples import INT8, UINT4, source

SETTLE = 4
"""Iterations between storing the last word and emitting the first (hls_lib: transpose.hpp)."""

MOST_AXES = 4
"""That stay apart in a block; ``passes/lower.py`` makes several transpositions of more."""

SMALL = 64
"""Words of a block: smaller ones would wait for ``SETTLE`` too often."""


@dataclass(frozen=True)
class Transpose(KernelOp):
    """A permutation of the frame axes; in hardware a buffer.

    Leading axes that keep their place cut the frame into blocks, one after the other: a pixel
    shuffle needs a buffer of one row of pixels, not of the frame.
    """

    perm: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if isinstance(x.elem, Int) and not x.elem.scale.per_tensor:
            raise ValueError("a transposition needs a per-tensor scale")
        return TensorType(tuple(x.shape[i] for i in self.perm), x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        return np.ascontiguousarray(arrays[0].transpose(0, *(i + 1 for i in self.perm)))

    def axes(self, node: Node) -> list[tuple[int, int]]:
        """Output axes as (size, input stride); axes that stay together are joined."""
        shape = node.inputs[0].type.shape
        strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
        joined: list[tuple[int, int]] = []
        for axis in (i for i in self.perm if shape[i] > 1):
            if joined and joined[-1][1] == strides[axis] * shape[axis]:
                joined.append((joined.pop()[0] * shape[axis], strides[axis]))
            else:
                joined.append((shape[axis], strides[axis]))
        return joined

    def block(self, node: Node) -> tuple[int, list[tuple[int, int]]]:
        """How many blocks the frame has, and the axes of one."""
        joined = self.axes(node)
        if len(joined) < 2 or joined[0][0] * joined[0][1] != node.type.size:
            return 1, joined
        (count, size), rest = joined[0], joined[1:]
        least = -(-SMALL // size) if len(rest) < MOST_AXES else 1
        kept = min((n for n in divisors(count) if n >= least), default=count)
        return count // kept, [(kept, size), *rest] if kept > 1 else rest

    def folds(self, node: Node) -> tuple[Fold, ...]:
        """Several lanes only where the channels stay the channels."""
        last = len(self.perm) - 1
        channels = node.type.channels if self.perm[-1] == last else 1
        return legal(node, lane_folds(channels))

    def cycles(self, node: Node, fold: Fold) -> int:
        return 2 * (node.type.size // fold.simd) + SETTLE * self.block(node)[0]

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        blocks, axes = self.block(node)
        if len(axes) > MOST_AXES:
            raise UserError(f"a transposition of more than {MOST_AXES} axes", where=node.name)
        if fold.simd > 1:
            *outer, (size, _) = axes
            axes = [(n, s // fold.simd) for n, s in outer] + [(size // fold.simd, 1)]
        axes = [(1, 0)] * (MOST_AXES - len(axes)) + axes
        params = {"Lanes": fold.simd, "Blocks": blocks}
        for i, (size, stride) in enumerate(axes):
            params |= {f"D{i}": size, f"T{i}": stride}
        return Kernel("transpose", {**params, **io_params(node)})

    def lag(self, node: Node) -> Fraction:
        return Fraction(1, self.block(node)[0])

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, deep = source((3, 4, 6), INT8), source((2, 3, 1, 4, 2), UINT4)
        return (
            Node(cls((1, 0, 2)), (x,), "pixels"),
            Node(cls((2, 0, 1)), (x,), "channels_first"),
            Node(cls((2, 1, 0)), (x,), "reversed"),
            Node(cls((1, 0)), (source((5, 2), UINT4),), "matrix"),
            Node(cls((3, 2, 1, 0, 4)), (deep,), "five_axes"),
            Node(cls((0,)), (source((4,), UINT4),), "nothing"),
            Node(cls((0, 3, 1, 4, 2)), (source((3, 4, 3, 2, 2), UINT4),), "pixel_shuffle"),
            Node(cls((0, 2, 1, 3)), (source((4, 8, 5, 2), INT8),), "blocks"),
            Node(cls((0, 2, 1)), (source((12, 3, 2), UINT4),), "small_blocks"),
        )
