"""Sine, cosine and arc tangent between two rationals.

None of them changes faster than its argument: where that is only known to lie in an interval, the
value lies in the value of the middle, widened by half the width.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from qfxc.ir.interval import ONE, ZERO, Interval, pi

Point = Callable[[Fraction, int], Interval]

GUARD = 10
"""More decimal digits of the arithmetic than are asked for: every term rounds once."""


def widened(point: Point) -> Callable[[Interval, int], Interval]:
    """A function with slopes from -1 to 1 on intervals, from its value at a point."""

    def inside(x: Interval, digits: int) -> Interval:
        if x.exact:
            return point(x.lo, digits)
        low, high = point((x.lo + x.hi) / 2, digits)
        half = (x.hi - x.lo) / 2
        return Interval(low - half, high + half)

    return inside


def sin(x: Fraction, digits: int) -> Interval:
    """The sine of a rational number, to within ``10**-digits``."""
    return Interval(ZERO, ZERO) if x == 0 else _turned(x, 0, digits)


def cos(x: Fraction, digits: int) -> Interval:
    """The cosine of a rational number, to within ``10**-digits``."""
    return Interval(ONE, ONE) if x == 0 else _turned(x, 1, digits)


def _turned(x: Fraction, quarters: int, digits: int) -> Interval:
    """sin(x + quarters pi / 2), by its value within an eighth of a turn."""
    more = digits + GUARD + len(str(abs(x.numerator) // x.denominator))
    low, high = pi(more)
    turns = round(2 * x / low)
    # x - turns pi / 2 lies between these two
    ends = sorted((x - turns * low / 2, x - turns * high / 2))
    unit = 10 ** (digits + GUARD)
    rest = round((ends[0] + ends[1]) / 2 * unit)
    quarters = (quarters + turns) % 4
    value, terms = _series(rest, unit, cosine=quarters % 2 == 1)
    slack = Fraction(2 * terms + 2, unit) + (ends[1] - ends[0])
    value = -value if quarters > 1 else value
    middle = Fraction(value, unit)
    return Interval(max(middle - slack, -ONE), min(middle + slack, ONE))


def _series(x: int, unit: int, *, cosine: bool) -> tuple[int, int]:
    """The Taylor series of fixed point numbers below 1, and how many terms it took."""
    term, n = (unit, 0) if cosine else (x, 1)
    total, count = 0, 0
    while term:
        total, count = total + term, count + 1
        term = -term * x // unit * x // (unit * (n + 1) * (n + 2))
        n += 2
        if term == -1:  # floor division never reaches zero from below
            break
    return total, count + 1


def atan(x: Fraction, digits: int) -> Interval:
    """The arc tangent of a rational number, to within ``10**-digits``."""
    if x == 0:
        return Interval(ZERO, ZERO)
    if x < 0:
        low, high = atan(-x, digits)
        return Interval(-high, -low)
    if x > 1:
        low, high = atan(1 / x, digits)
        quarter = pi(digits)
        return Interval(quarter.lo / 2 - high, quarter.hi / 2 - low)
    return _euler(x, digits)


def _euler(x: Fraction, digits: int) -> Interval:
    """sum_n (2^n n!)^2 / (2n+1)! x^(2n+1) / (1+x^2)^(n+1) for 0 < x <= 1.

    Terms are positive and at least halve, so that the rest is no more than the last one.
    """
    unit = 10 ** (digits + GUARD)
    ratio = x * x / (1 + x * x)
    p, q = ratio.numerator, ratio.denominator
    first = x / (1 + x * x)
    term, total, n = first.numerator * unit // first.denominator, 0, 0
    while term:
        total, n = total + term, n + 1
        term = term * (2 * n) * p // ((2 * n + 1) * q)
    # every term is too small by less than 2 units
    return Interval(Fraction(total, unit), Fraction(total + 2 * n + 2, unit))
