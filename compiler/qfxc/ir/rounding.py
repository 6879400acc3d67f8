"""Rounding modes, each with its value on an exact rational and on thresholds (docs/numerics.md)."""

from __future__ import annotations

import enum
from fractions import Fraction
from math import ceil, floor

_HALF = Fraction(1, 2)


class Rounding(enum.Enum):
    """How a real number becomes an integer; the comment gives the ap_fixed name of each."""

    FLOOR = "floor"  # AP_TRN
    ZERO = "zero"  # AP_TRN_ZERO
    CEIL = "ceil"  # (none)
    HALF_UP = "half-up"  # AP_RND
    HALF_DOWN = "half-down"  # AP_RND_MIN_INF
    HALF_ZERO = "half-zero"  # AP_RND_ZERO
    HALF_AWAY = "half-away"  # AP_RND_INF
    HALF_EVEN = "half-even"  # AP_RND_CONV

    def round(self, u: Fraction) -> int:
        """The integer that ``u`` rounds to."""
        if self is Rounding.HALF_EVEN:
            return round(u)
        up, down = floor(u + _HALF), ceil(u - _HALF)
        toward_zero, away = (down, up) if u >= 0 else (up, down)
        return {
            Rounding.FLOOR: floor(u),
            Rounding.ZERO: floor(u) if u >= 0 else ceil(u),
            Rounding.CEIL: ceil(u),
            Rounding.HALF_UP: up,
            Rounding.HALF_DOWN: down,
            Rounding.HALF_ZERO: toward_zero,
            Rounding.HALF_AWAY: away,
        }[self]

    def threshold(self, k: int) -> tuple[Fraction, bool]:
        """``(t, closed)`` such that ``round(u) >= k`` iff ``u >= t`` (closed) or ``u > t`` (open)."""
        mid = k - _HALF
        return {
            Rounding.FLOOR: (Fraction(k), True),
            Rounding.ZERO: (Fraction(k), True) if k >= 1 else (Fraction(k - 1), False),
            Rounding.CEIL: (Fraction(k - 1), False),
            Rounding.HALF_UP: (mid, True),
            Rounding.HALF_DOWN: (mid, False),
            Rounding.HALF_ZERO: (mid, k <= 0),
            Rounding.HALF_AWAY: (mid, k >= 1),
            Rounding.HALF_EVEN: (mid, k % 2 == 0),
        }[self]
