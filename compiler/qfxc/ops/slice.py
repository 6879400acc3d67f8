"""y = x[starts : stops : steps], per frame axis."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, divisors
from qfxc.ir.types import Array, TensorType
from qfxc.ops._hardware import io_params, legal
from qfxc.ops._samples import INT8, UINT4, source

Axis = tuple[int, int, int, int]

MOST_AXES = 4
"""Of the kernel, behind joining; the pass ``lower`` splits boxes with more."""


@dataclass(frozen=True)
class Slice(KernelOp):
    """``0 <= start < stop <= size`` and ``step >= 1`` on every frame axis."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        for size, a, b, s in zip(x.shape, self.starts, self.stops, self.steps, strict=True):
            if not (0 <= a < b <= size and s >= 1):
                raise ValueError(f"slice {a}:{b}:{s} of an axis of {size}")
        ranges = (range(*p) for p in zip(self.starts, self.stops, self.steps, strict=True))
        return TensorType(tuple(len(r) for r in ranges), x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        spans = zip(self.starts, self.stops, self.steps, strict=True)
        return arrays[0][(slice(None), *(slice(*span) for span in spans))]

    def box(self, node: Node) -> list[Axis]:
        """(size, start, stop, step) per axis; axes kept whole join the one before them."""
        shape = node.inputs[0].type.shape
        joined: list[Axis] = []
        for axis in zip(shape, self.starts, self.stops, self.steps, strict=True):
            whole = axis[1:] == (0, axis[0], 1)
            if joined and whole and joined[-1][3] == 1:
                size, start, stop, _ = joined.pop()
                joined.append((size * axis[0], start * axis[0], stop * axis[0], 1))
            else:
                joined.append(axis)
        return [(1, 0, 1, 1)] * (MOST_AXES - len(joined)) + joined

    def folds(self, node: Node) -> tuple[Fold, ...]:
        whole = gcd(node.inputs[0].type.channels, self.starts[-1], self.stops[-1])
        lanes = divisors(whole if self.steps[-1] == 1 else 1)
        return legal(node, (Fold(n, n) for n in lanes))

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.inputs[0].type.size // fold.simd

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        *outer, (size, start, stop, step) = self.box(node)
        n = fold.simd
        axes = [*outer, (size // n, start // n, stop // n, step)]
        params = {"Lanes": n}
        for i, (letter_values) in enumerate(axes):
            params |= {f"{k}{i}": v for k, v in zip("DABS", letter_values, strict=True)}
        return Kernel("slice", {**params, **io_params(node)})

    def lag(self, node: Node) -> Fraction:
        """What lies before the first kept element."""
        before = 0
        for size, start in zip(node.inputs[0].type.shape, self.starts, strict=True):
            before = before * size + start
        return Fraction(before, node.inputs[0].type.size)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((4, 5, 6), INT8), source((7,), UINT4)
        deep = source((2, 3, 2, 2, 4), UINT4)
        return (
            Node(cls((1, 0, 0), (4, 5, 6), (1, 1, 1)), (x,), "rows"),
            Node(cls((0, 1, 2), (4, 5, 6), (2, 3, 1)), (x,), "box"),
            Node(cls((0, 0, 1), (3, 4, 6), (1, 2, 2)), (x,), "odd_channels"),
            Node(cls((2,), (5,), (1,)), (u,), "vector"),
            Node(cls((0, 1, 0, 0, 0), (2, 3, 2, 2, 4), (1, 2, 1, 1, 1)), (deep,), "joined"),
        )
