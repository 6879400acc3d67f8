"""Rounding modes against their definitions (UG1399, "ap_fixed quantization modes")."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfxc.ir.rounding import Rounding
from qfxc.ops.quantize import round_floats

# -2.5, -1.5, -0.5, 0.5, 1.5, 2.5 by hand from the definitions; HALF_EVEN also from numpy.rint
TIES = {
    Rounding.FLOOR: [-3, -2, -1, 0, 1, 2],
    Rounding.ZERO: [-2, -1, 0, 0, 1, 2],
    Rounding.CEIL: [-2, -1, 0, 1, 2, 3],
    Rounding.AWAY: [-3, -2, -1, 1, 2, 3],
    Rounding.HALF_UP: [-2, -1, 0, 1, 2, 3],
    Rounding.HALF_DOWN: [-3, -2, -1, 0, 1, 2],
    Rounding.HALF_ZERO: [-2, -1, 0, 0, 1, 2],
    Rounding.HALF_AWAY: [-3, -2, -1, 1, 2, 3],
    Rounding.HALF_EVEN: [-2, -2, 0, 0, 2, 2],
}


@pytest.mark.parametrize("mode", list(Rounding))
def test_ties(mode: Rounding) -> None:
    halves = [Fraction(2 * k + 1, 2) for k in range(-3, 3)]
    assert [mode.round(u) for u in halves] == TIES[mode]
    assert round_floats(np.array([float(u) for u in halves]), mode).tolist() == TIES[mode]


@pytest.mark.parametrize("mode", list(Rounding))
@given(u=st.fractions(-9, 9, max_denominator=64), k=st.integers(-9, 9))
def test_threshold_says_when_a_value_is_reached(mode: Rounding, u: Fraction, k: int) -> None:
    t, closed = mode.threshold(k)
    assert (mode.round(u) >= k) == (u >= t if closed else u > t)


@pytest.mark.parametrize("mode", list(Rounding))
@given(u=st.fractions(-99, 99, max_denominator=1024))
def test_rounding_stays_within_one(mode: Rounding, u: Fraction) -> None:
    distance = abs(mode.round(u) - u)
    assert distance < 1
    if mode.value.startswith("half"):
        assert distance <= Fraction(1, 2)
