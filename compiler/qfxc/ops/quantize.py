"""q = overflow(round(x / scale))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.overflow import Overflow
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, TensorType


@dataclass(frozen=True)
class Quantize(Op):
    """Real to integer. In the QDQ stage only: the integer stage has a staircase in its place.

    ``run`` emulates in float64 (ties of inexact sums may differ from the exact staircase).
    """

    elem: Int
    rounding: Rounding
    overflow: Overflow = Overflow.SAT

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(inputs[0].shape, self.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        u = arrays[0].astype(np.float64) / self.elem.scale.floats()
        return self.overflow.apply_all(round_floats(u, self.rounding), self.elem)


def round_floats(u: Array, rounding: Rounding) -> Array:
    """``rounding`` on float64 arrays; exact below 2**52 in magnitude."""
    down, up = np.ceil(u - 0.5), np.floor(u + 0.5)
    return {
        Rounding.FLOOR: lambda: np.floor(u),
        Rounding.ZERO: lambda: np.trunc(u),
        Rounding.CEIL: lambda: np.ceil(u),
        Rounding.AWAY: lambda: np.where(u >= 0, np.ceil(u), np.floor(u)),
        Rounding.HALF_UP: lambda: up,
        Rounding.HALF_DOWN: lambda: down,
        Rounding.HALF_ZERO: lambda: np.where(u >= 0, down, up),
        Rounding.HALF_AWAY: lambda: np.where(u >= 0, up, down),
        Rounding.HALF_EVEN: lambda: np.rint(u),
    }[rounding]()
