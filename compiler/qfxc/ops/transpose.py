"""y axis i = x axis perm[i]."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, lane_folds
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._hardware import io_params, legal
from qfxc.ops._samples import INT8, UINT4, source

SETTLE = 4
"""Iterations between storing the last word and emitting the first (hls_lib: transpose.hpp)."""


@dataclass(frozen=True)
class Transpose(KernelOp):
    """A permutation of the frame axes; in hardware a buffer of one frame."""

    perm: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if isinstance(x.elem, Int) and not x.elem.scale.per_tensor:
            raise ValueError("a transposition needs a per-tensor scale")
        return TensorType(tuple(x.shape[i] for i in self.perm), x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        return np.ascontiguousarray(arrays[0].transpose(0, *(i + 1 for i in self.perm)))

    def _axes(self, node: Node) -> list[tuple[int, int, int]]:
        """Output axes as (size, input stride, input axis); axes that stay together are joined."""
        shape = node.inputs[0].type.shape
        strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
        joined: list[tuple[int, int, int]] = []
        for axis in (i for i in self.perm if shape[i] > 1):
            if joined and joined[-1][1] == strides[axis] * shape[axis]:
                joined.append((joined.pop()[0] * shape[axis], strides[axis], axis))
            else:
                joined.append((shape[axis], strides[axis], axis))
        if len(joined) > 4:
            raise UserError("a transposition of more than four axes", where=node.name)
        return joined

    def folds(self, node: Node) -> tuple[Fold, ...]:
        """Several lanes only where the channels stay the channels."""
        last = len(self.perm) - 1
        channels = node.type.channels if self.perm[-1] == last else 1
        return legal(node, lane_folds(channels))

    def cycles(self, node: Node, fold: Fold) -> int:
        return 2 * (node.type.size // fold.simd) + SETTLE

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        axes = [(size, stride) for size, stride, _ in self._axes(node)]
        if fold.simd > 1:
            *outer, (size, _) = axes
            axes = [(n, s // fold.simd) for n, s in outer] + [(size // fold.simd, 1)]
        axes = [(1, 0)] * (4 - len(axes)) + axes
        params = {"Lanes": fold.simd}
        for i, (size, stride) in enumerate(axes):
            params |= {f"D{i}": size, f"T{i}": stride}
        return Kernel("transpose", {**params, **io_params(node)})

    def lag(self, node: Node) -> Fraction:
        return Fraction(1)

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
        )
