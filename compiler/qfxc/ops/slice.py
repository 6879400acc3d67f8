"""y = x[starts : stops : steps], per frame axis."""

from __future__ import annotations

from dataclasses import dataclass

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, TensorType


@dataclass(frozen=True)
class Slice(Op):
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
