"""Two rationals around a number, and the constant pi between such."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

ZERO, ONE = Fraction(0), Fraction(1)


class Interval(NamedTuple):
    """All numbers from ``lo`` to ``hi``."""

    lo: Fraction
    hi: Fraction

    @property
    def exact(self) -> bool:
        return self.lo == self.hi


@lru_cache(maxsize=8)
def pi(digits: int) -> Interval:
    """16 atan(1/5) - 4 atan(1/239), in fixed point."""
    unit = 10 ** (digits + 10)

    def atan(q: int) -> int:
        total, power, n = 0, unit // q, 0
        while power:
            total += (power if n % 2 == 0 else -power) // (2 * n + 1)
            power, n = power // (q * q), n + 1
        return total

    value = 16 * atan(5) - 4 * atan(239)
    slack = 100 * (digits + 10)  # two units for every term of both series
    return Interval(Fraction(value - slack, unit), Fraction(value + slack, unit))
