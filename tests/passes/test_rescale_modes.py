"""Simpler modes with the same codes, and those that have none."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qfxc.ir.graph import Node
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.input import Input
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale_modes import simplified

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


@pytest.mark.parametrize(
    ("slope", "x", "before", "after"),
    [
        (HALF, Int(-9, 9), Rounding.ZERO, Rounding.ZERO),
        (HALF, Int(0, 9), Rounding.ZERO, Rounding.FLOOR),
        (HALF, Int(0, 9), Rounding.HALF_AWAY, Rounding.HALF_UP),
        (HALF, Int(0, 9), Rounding.AWAY, Rounding.FLOOR),  # as ceil, with an offset
        (HALF, Int(-9, 9), Rounding.HALF_DOWN, Rounding.FLOOR),
        (HALF, Int(-9, 9), Rounding.HALF_EVEN, Rounding.HALF_EVEN),
        (THIRD, Int(-9, 9), Rounding.HALF_EVEN, Rounding.HALF_UP),
        (Fraction(1, 6), Int(-2, 2), Rounding.HALF_EVEN, Rounding.HALF_UP),  # ties at 3, 9, ..
        (Fraction(1, 6), Int(-2, 3), Rounding.HALF_EVEN, Rounding.HALF_EVEN),
        (Fraction(3), Int(-9, 9), Rounding.HALF_EVEN, Rounding.FLOOR),
    ],
)
def test_roundings(slope: Fraction, x: Int, before: Rounding, after: Rounding) -> None:
    op = Staircase((Piecewise.linear(slope),), before, Int(-99, 99))
    assert simplified(op, x).rounding is after


def test_overflow_that_never_happens() -> None:
    op = Staircase((Piecewise.linear(HALF),), Rounding.FLOOR, Int(-8, 7), Overflow.WRAP)
    assert simplified(op, Int(-16, 15)).overflow is Overflow.SAT
    assert simplified(op, Int(-16, 16)).overflow is Overflow.WRAP


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("seed", range(6))
def test_codes_stay(mode: Rounding, seed: int) -> None:
    rng = np.random.default_rng(seed)
    slope, offset = (
        Fraction(int(rng.integers(-9, 9)), int(rng.choice([1, 2, 3, 6, 8, 16]))) for _ in range(2)
    )
    f = Piecewise.linear(slope, offset)
    f = f.prelu(Fraction(1, 4)) if seed % 2 else f
    x = Int(int(rng.integers(-30, 1)), int(rng.integers(1, 30)))
    op = Staircase((f,), mode, Int(-16, 15), list(Overflow)[seed % 3])
    codes = np.arange(x.lo, x.hi + 1)[:, None]
    source = Node(Input((1,), x), (), "x")
    before, after = (Node(o, (source,), "y") for o in (op, simplified(op, x)))
    assert np.array_equal(before.op.run(before, codes), after.op.run(after, codes))
