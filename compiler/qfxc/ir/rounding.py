"""Rounding modes, each with its value on an exact rational and on thresholds (docs/numerics.md)."""

from __future__ import annotations

import enum
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HALF = Fraction(1, 2)


class Rounding(enum.Enum):
    """How a real number becomes an integer."""

    FLOOR = "floor"
    ZERO = "zero"
    CEIL = "ceil"
    AWAY = "away"
    HALF_UP = "half-up"
    HALF_DOWN = "half-down"
    HALF_ZERO = "half-zero"
    HALF_AWAY = "half-away"
    HALF_EVEN = "half-even"

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
            Rounding.AWAY: ceil(u) if u >= 0 else floor(u),
            Rounding.HALF_UP: up,
            Rounding.HALF_DOWN: down,
            Rounding.HALF_ZERO: toward_zero,
            Rounding.HALF_AWAY: away,
        }[self]

    def divide(self, num: NDArray[Any], den: int) -> NDArray[Any]:
        """``round(num / den)`` of many integers, exactly; ``den > 0``, ``2 * num`` in range."""
        up, down = (2 * num + den) // (2 * den), -((den - 2 * num) // (2 * den))
        chosen: dict[Rounding, NDArray[Any]] = {
            Rounding.FLOOR: num // den,
            Rounding.ZERO: np.where(num >= 0, num // den, -(-num // den)),
            Rounding.CEIL: -(-num // den),
            Rounding.AWAY: np.where(num >= 0, -(-num // den), num // den),
            Rounding.HALF_UP: up,
            Rounding.HALF_DOWN: down,
            Rounding.HALF_ZERO: np.where(num >= 0, down, up),
            Rounding.HALF_AWAY: np.where(num >= 0, up, down),
            Rounding.HALF_EVEN: np.where(up % 2 == 0, up, down),
        }
        return chosen[self]

    def twice_offset(self, k: int) -> int:
        """``2 * (t - k)`` of the threshold ``t`` where rounding reaches ``k``: 0, -1 or -2."""
        if self is Rounding.FLOOR:
            return 0
        if self is Rounding.ZERO:
            return 0 if k >= 1 else -2
        if self is Rounding.AWAY:
            return -2 if k >= 1 else 0
        return -2 if self is Rounding.CEIL else -1

    def closed(self, k: int) -> bool:
        """Whether the threshold of ``k`` itself already rounds to ``k``."""
        if self in (Rounding.FLOOR, Rounding.HALF_UP):
            return True
        if self in (Rounding.CEIL, Rounding.HALF_DOWN):
            return False
        if self is Rounding.HALF_EVEN:
            return k % 2 == 0
        return k <= 0 if self in (Rounding.HALF_ZERO, Rounding.AWAY) else k >= 1

    def threshold(self, k: int) -> tuple[Fraction, bool]:
        """``(t, closed)``: ``round(u) >= k`` iff ``u >= t`` (closed) or ``u > t`` (open)."""
        return Fraction(2 * k + self.twice_offset(k), 2), self.closed(k)


AP_ROUNDING = {
    "TRN": Rounding.FLOOR,
    "TRN_ZERO": Rounding.ZERO,
    "RND": Rounding.HALF_UP,
    "RND_ZERO": Rounding.HALF_ZERO,
    "RND_INF": Rounding.HALF_AWAY,
    "RND_MIN_INF": Rounding.HALF_DOWN,
    "RND_CONV": Rounding.HALF_EVEN,
}
"""The quantization modes of ap_fixed by name, without ``AP_``."""
