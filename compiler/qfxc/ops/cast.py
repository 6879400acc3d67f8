"""y = overflow(round(((x << left[c]) + b[c]) / 2**right))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.overflow import Overflow, is_full
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._samples import INT8, UINT4, source
from qfxc.ops._shifted import ShiftedOp

ROUNDS = {mode: index for index, mode in enumerate(Rounding)}
"""The parameter Round of the kernel: the place of the mode in ``Rounding``."""

OVERFLOWS = {mode: index for index, mode in enumerate(Overflow)}


@dataclass(frozen=True)
class Cast(ShiftedOp):
    """A cast of fixed point numbers as ap_fixed has it, any rounding and overflow.

    ``left``, ``b``: (1) or (C). ``elem`` has all codes of its bits where ``overflow`` is not SAT.
    """

    left: tuple[int, ...]
    b: tuple[int, ...]
    right: int
    rounding: Rounding
    overflow: Overflow
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        if self.overflow is not Overflow.SAT and not is_full(self.elem):
            raise ValueError(f"overflow {self.overflow.value} in a part of a type: {self.elem}")
        return super().infer(*inputs)

    def cut(self, y: Array, kind: Any) -> Array:
        return self.overflow.apply_all(self._rounded(y, kind), self.elem)

    def half(self) -> tuple[int, bool] | None:
        """Not for modes that ask for the sign, nor for other overflow than saturation."""
        step = 1 << self.right
        added = {
            Rounding.FLOOR: 0,
            Rounding.CEIL: step - 1,
            Rounding.HALF_UP: step // 2,
            Rounding.HALF_DOWN: max(step // 2 - 1, 0),
            Rounding.HALF_EVEN: step // 2,
        }
        if self.overflow is not Overflow.SAT or (self.right and self.rounding not in added):
            return None
        even = self.rounding is Rounding.HALF_EVEN and self.right > 0
        return added[self.rounding] if self.right else 0, even

    def _rounded(self, y: Array, kind: Any) -> Array:
        """``round(y / 2**right)``: the floor, and one more where the mode says so."""
        if self.right == 0:
            return y
        floor = y >> kind(self.right)
        part, half = y & kind((1 << self.right) - 1), kind(1 << (self.right - 1))
        return np.asarray(floor + self._up(y, floor, part, half))

    def _up(self, y: Array, floor: Array, part: Array, half: Any) -> Array:
        """Where the result is the integer above: ``part`` is what the floor cut off."""
        tie, above = part == half, part > half
        match self.rounding:
            case Rounding.FLOOR:
                up = np.zeros(y.shape, dtype=np.bool_)
            case Rounding.CEIL:
                up = part > 0
            case Rounding.ZERO:
                up = (part > 0) & (y < 0)
            case Rounding.AWAY:
                up = (part > 0) & (y >= 0)
            case Rounding.HALF_UP:
                up = above | tie
            case Rounding.HALF_DOWN:
                up = above
            case Rounding.HALF_ZERO:
                up = above | (tie & (y < 0))
            case Rounding.HALF_AWAY:
                up = above | (tie & (y >= 0))
            case Rounding.HALF_EVEN:
                up = above | (tie & (floor % 2 == 1))
        return np.asarray(up)

    def modes(self) -> dict[str, int]:
        return {
            "Sum": int(any(self.b) or len(set(self.left)) > 1),
            "Right": self.right,
            "Round": ROUNDS[self.rounding],
            "Overflow": OVERFLOWS[self.overflow],
        }

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((5, 6), Int(-40, 47)), source((2, 4), UINT4)
        one = source((60, 1), Int(-40, 47))
        wide = source((4, 3), Int(-(1 << 30), 1 << 30))
        sat, wrap, zero = Overflow.SAT, Overflow.WRAP, Overflow.ZERO
        int4, int3 = Int(-8, 7), Int(-4, 3)
        modes = [
            Node(cls((0,), (0,), 2, r, o, int4), (one,), f"{r.value}_{o.value}".replace("-", "_"))
            for r in Rounding
            for o in Overflow
        ]
        even, away = Rounding.HALF_EVEN, Rounding.HALF_AWAY
        return (
            *modes,
            Node(cls((0, 1, 2, 0, 1, 3), (1, -2, 3, 0, 5, -60), 3, even, wrap, int4), (x,), "all"),
            Node(cls((1,), (1, 2, -3, 4, 5, -6), 3, away, sat, Int(-3, 6)), (x,), "per_channel"),
            Node(cls((2,), (0,), 0, even, wrap, UINT4), (u,), "left_only"),
            Node(cls((2,), (-9,), 1, Rounding.ZERO, zero, int3), (u,), "left_and_right"),
            Node(cls((0,), (0,), 1, Rounding.HALF_DOWN, zero, UINT4), (x,), "to_unsigned"),
            Node(cls((0,), (0,), 9, even, sat, Int(-1, 1)), (x,), "all_cut_off"),
            Node(cls((0,), (0,), 3, even, wrap, INT8), (u,), "extended"),
            Node(cls((4,), (12345,), 12, even, sat, Int(-(1 << 23), 1 << 22)), (wide,), "wide"),
        )
