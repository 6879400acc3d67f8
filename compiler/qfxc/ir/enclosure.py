"""Values of programs (ir/function.py) between two rationals, as close as asked.

Rational functions of a rational are exact: both ends are equal. What is irrational lies between
two rationals that ``digits`` decimal digits make as close as needed, so that a rounding behind it
can be proved. ``decimal`` rounds exp, ln and sqrt correctly; the error of everything else is
stated where it is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, isqrt

from qfxc.ir import enclosure_circular as circular
from qfxc.ir.function import ON_FLOATS, Program
from qfxc.ir.interval import ONE, ZERO, Interval, pi

POLE = Fraction(1 << 64)
"""The value of a function at its pole: it saturates whatever follows."""

LARGEST_EXPONENT = 11000
"""exp of more than this is taken as exp of this, 10**4777: it saturates whatever follows."""

MOST_INTEGER_POWER = 64
"""Larger exponents go through the logarithm."""


class Unsettled(Exception):
    """The digits do not tell whether a divisor is zero."""


def enclose(program: Program, x: Fraction, channel: int, digits: int) -> Interval:
    """Where the program's value at ``x`` lies.

    Outside of its domain a function has the value of the nearest end: a logarithm its pole, a
    root zero. A number divided by zero is a pole, 0 / 0 is 0.
    """
    stack: list[Interval] = []
    for step in program:
        if isinstance(step, tuple):
            value = step[channel % len(step)]
            stack.append(Interval(value, value))
        elif step == "x":
            stack.append(Interval(x, x))
        else:
            count = ON_FLOATS[step][0]
            stack[-count:] = [ENCLOSED[step](*stack[-count:], digits)]
    return stack[0]


def _context(digits: int, rounding: str) -> Context:
    return Context(prec=digits, rounding=rounding, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def _decimal(x: Fraction, digits: int, rounding: str) -> Decimal:
    return _context(digits, rounding).divide(Decimal(x.numerator), Decimal(x.denominator))


def _correct(name: str, x: Fraction, digits: int) -> Interval:
    """A function that rises and that ``decimal`` rounds correctly."""
    low, high = (_decimal(x, 2 * digits, mode) for mode in (ROUND_FLOOR, ROUND_CEILING))
    context = _context(digits, ROUND_FLOOR)
    below, above = (getattr(context, name)(v) for v in (low, high))
    return Interval(Fraction(context.next_minus(below)), Fraction(context.next_plus(above)))


@lru_cache(maxsize=1 << 14)
def _exp(x: Fraction, digits: int) -> Interval:
    if x == 0:
        return Interval(ONE, ONE)
    if x < -3 * digits:  # exp(-3 d) < 10**-d
        return Interval(ZERO, Fraction(1, 10**digits))
    return _correct("exp", min(x, Fraction(LARGEST_EXPONENT)), digits)


@lru_cache(maxsize=1 << 12)
def _log(x: Fraction, digits: int) -> Interval:
    if x <= 0:
        return Interval(-POLE, -POLE)
    return Interval(ZERO, ZERO) if x == 1 else _correct("ln", x, digits)


def _sqrt(x: Fraction, digits: int) -> Interval:
    if x <= 0:
        return Interval(ZERO, ZERO)
    p, q = isqrt(x.numerator), isqrt(x.denominator)
    if (p * p, q * q) == (x.numerator, x.denominator):
        return Interval(Fraction(p, q), Fraction(p, q))
    return _correct("sqrt", x, digits)


def _sigmoid(x: Fraction, digits: int) -> Interval:
    """1 / (1 + e) with e = exp(-|x|), or e / (1 + e) for negative x."""
    low, high = _exp(-abs(x), digits)
    if x >= 0:
        return Interval(1 / (1 + high), 1 / (1 + low))
    return Interval(low / (1 + low), high / (1 + high))


def _tanh(x: Fraction, digits: int) -> Interval:
    low, high = _sigmoid(2 * x, digits)
    return Interval(2 * low - 1, 2 * high - 1)


@lru_cache(maxsize=1 << 12)
def _erf(x: Fraction, digits: int) -> Interval:
    """2 / sqrt(pi) times the integral of exp(-t^2); odd."""
    if x < 0:
        low, high = _erf(-x, digits)
        return Interval(-high, -low)
    if x == 0:
        return Interval(ZERO, ZERO)
    if x * x > 3 * digits:  # 1 - erf(x) < exp(-x^2) for x > 1
        return Interval(1 - Fraction(1, 10**digits), ONE)
    return _erf_series(x, digits)


def _erf_series(x: Fraction, digits: int) -> Interval:
    """2 / sqrt(pi) x sum_n (-x^2)^n / (n! (2n+1)), in fixed point.

    The terms grow up to exp(x^2) before they fall: so many digits more. Every term is off by at
    most n + 2 units, and the rest is smaller than the first term left out.
    """
    digits_more = int(float(x * x) * 0.44) + 20
    unit = 10 ** (digits + digits_more)
    square, term, total, n = x * x, x.numerator * unit // x.denominator, 0, 0
    while term:
        total += (term if n % 2 == 0 else -term) // (2 * n + 1)
        n += 1
        term = term * square.numerator // (square.denominator * n)
    slack = (n + 2) ** 2 * 4 * max(1, ceil(square)) ** 2
    low, high = Fraction(total - slack, unit), Fraction(total + slack, unit)
    pi_low, pi_high = _root_pi(digits + digits_more)
    return Interval(max(2 * low / pi_high, ZERO), min(2 * high / pi_low, ONE))


@lru_cache(maxsize=8)
def _root_pi(digits: int) -> Interval:
    low, high = pi(digits)
    return Interval(_correct("sqrt", low, digits).lo, _correct("sqrt", high, digits).hi)


def _rising(point: Callable[[Fraction, int], Interval]) -> Callable[[Interval, int], Interval]:
    def both(x: Interval, digits: int) -> Interval:
        if x.exact:
            return point(x.lo, digits)
        return Interval(point(x.lo, digits).lo, point(x.hi, digits).hi)

    return both


def _steps(function: Callable[[Fraction], int]) -> Callable[[Interval, int], Interval]:
    """A function from numbers to integers that never falls."""
    return lambda x, _: Interval(Fraction(function(x.lo)), Fraction(function(x.hi)))


def _neg(x: Interval, _: int) -> Interval:
    return Interval(-x.hi, -x.lo)


def _abs(x: Interval, _: int) -> Interval:
    ends = abs(x.lo), abs(x.hi)
    return Interval(ZERO if x.lo < 0 < x.hi else min(ends), max(ends))


def _add(x: Interval, y: Interval, _: int) -> Interval:
    return Interval(x.lo + y.lo, x.hi + y.hi)


def _sub(x: Interval, y: Interval, _: int) -> Interval:
    return Interval(x.lo - y.hi, x.hi - y.lo)


def _mul(x: Interval, y: Interval, _: int) -> Interval:
    corners = (x.lo * y.lo, x.lo * y.hi, x.hi * y.lo, x.hi * y.hi)
    return Interval(min(corners), max(corners))


def _div(x: Interval, y: Interval, digits: int) -> Interval:
    if y.exact and not y.lo:
        return Interval(POLE * _sign(x.lo), POLE * _sign(x.hi))
    if y.lo <= 0 <= y.hi:
        raise Unsettled
    return _mul(x, Interval(1 / y.hi, 1 / y.lo), digits)


def _min(x: Interval, y: Interval, _: int) -> Interval:
    return Interval(min(x.lo, y.lo), min(x.hi, y.hi))


def _max(x: Interval, y: Interval, _: int) -> Interval:
    return Interval(max(x.lo, y.lo), max(x.hi, y.hi))


def _greater(x: Interval, y: Interval, _: int) -> Interval:
    return Interval(Fraction(x.lo > y.hi), Fraction(x.hi > y.lo))


def _pow(x: Interval, y: Interval, digits: int) -> Interval:
    """Exponents are constants; halves of integers go through the square root."""
    power = y.lo
    if power < 0:
        return _div(Interval(ONE, ONE), _pow(x, Interval(-power, -power), digits), digits)
    if power.denominator > 1 or power > MOST_INTEGER_POWER:
        return _rising(lambda v, d: _root(v, power, d))(x, digits)
    n = int(power)
    base = _abs(x, digits) if n % 2 == 0 else x
    return Interval(base.lo**n, base.hi**n)


def _root(x: Fraction, power: Fraction, digits: int) -> Interval:
    """``x ** power`` of a positive power that is no small integer; 0 of negative numbers."""
    if x <= 0:
        return Interval(ZERO, ZERO)
    if power.denominator == 2 and power < MOST_INTEGER_POWER:
        return _sqrt(x**power.numerator, digits)
    return _rising(_exp)(_mul(Interval(power, power), _log(x, digits), digits), digits)


def _sign(x: Fraction) -> int:
    return (x > 0) - (x < 0)


ENCLOSED: dict[str, Callable[..., Interval]] = {
    "abs": _abs,
    "add": _add,
    "atan": circular.widened(circular.atan),
    "ceil": _steps(ceil),
    "cos": circular.widened(circular.cos),
    "div": _div,
    "erf": _rising(_erf),
    "exp": _rising(_exp),
    "floor": _steps(floor),
    "greater": _greater,
    "log": _rising(_log),
    "max": _max,
    "min": _min,
    "mul": _mul,
    "neg": _neg,
    "pow": _pow,
    "round": _steps(round),
    "sigmoid": _rising(_sigmoid),
    "sign": _steps(_sign),
    "sin": circular.widened(circular.sin),
    "sqrt": _rising(_sqrt),
    "sub": _sub,
    "tanh": _rising(_tanh),
}
"""Every function of ``ON_FLOATS`` on intervals."""
