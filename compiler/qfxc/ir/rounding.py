"""Rounding modes, each with its value on an exact rational and on thresholds (docs/numerics.md)."""

from __future__ import annotations

import enum
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, trunc
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        return _ROUND[self](u)

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


def _half_up(u: Fraction) -> int:
    return (2 * u.numerator + u.denominator) // (2 * u.denominator)


def _half_down(u: Fraction) -> int:
    return -_half_up(-u)


_ROUND: dict[Rounding, Callable[[Fraction], int]] = {
    Rounding.FLOOR: floor,
    Rounding.ZERO: trunc,
    Rounding.CEIL: ceil,
    Rounding.AWAY: lambda u: ceil(u) if u >= 0 else floor(u),
    Rounding.HALF_UP: _half_up,
    Rounding.HALF_DOWN: _half_down,
    Rounding.HALF_ZERO: lambda u: _half_down(u) if u >= 0 else _half_up(u),
    Rounding.HALF_AWAY: lambda u: _half_up(u) if u >= 0 else _half_down(u),
    Rounding.HALF_EVEN: round,
}


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
