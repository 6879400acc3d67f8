"""y = clip(((x << left[c]) + b[c]) >> right, lo, hi)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qfxc.ir.graph import Node
from qfxc.ir.types import Array, Int
from qfxc.ops._samples import INT8, UINT4, source
from qfxc.ops._shifted import ShiftedOp


@dataclass(frozen=True)
class Shift(ShiftedOp):
    """A staircase whose slopes are powers of two; ``>>`` is floor. ``left``, ``b``: (1) or (C)."""

    left: tuple[int, ...]
    b: tuple[int, ...]
    right: int
    elem: Int

    def cut(self, y: Array, kind: Any) -> Array:
        y >>= kind(self.right)
        return y

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((3, 6), Int(-500, 400)), source((2, 4), UINT4)
        return (
            Node(cls((0,), (4,), 3, INT8), (x,), "per_tensor"),
            Node(cls((0, 1, 2, 3, 4, 5), (1, -2, 3, -4, 5, -600), 4, INT8), (x,), "per_channel"),
            Node(cls((2,), (1, 2, 3, 4), 0, UINT4), (u,), "left_only"),
            Node(cls((0,), (-40,), 2, Int(-9, -2)), (u,), "negative"),
            Node(cls((0,), (100,), 11, Int(-2, 1)), (x,), "all_cut_off"),
        )
