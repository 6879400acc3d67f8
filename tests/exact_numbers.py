"""Tensors of exact real numbers for tests' oracles: integers times one rational unit.

Every float32 is a binary fraction, so nothing is ever rounded except where a function says so.
Integers that might not fit int64 are Python's. Knows nothing of qfxc.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ROOT_BITS = 100


@dataclass(frozen=True)
class Exact:
    """``num * unit``."""

    num: Array
    unit: Fraction

    def __post_init__(self) -> None:
        object.__setattr__(self, "num", np.asarray(self.num))  # numpy makes lone objects bare

    def map(self, move: Callable[[Array], Array]) -> Exact:
        return Exact(move(self.num), self.unit)

    def to(self, unit: Fraction) -> Array:
        factor = self.unit / unit
        assert factor.denominator == 1
        return times(self.num, factor.numerator)


def times(num: Array, factor: int) -> Array:
    if factor == 1:
        return num
    if num.dtype == object or most(num) * abs(factor) >= 1 << 62:
        return num.astype(object) * factor
    return num * factor


def most(num: Array) -> int:
    return max((abs(int(num.min())), abs(int(num.max()))), default=0) if num.size else 0


def exact(array: Array) -> Exact:
    """Floats as they are."""
    values = np.asarray(array, dtype=np.float64)
    mantissa, exponent = np.frexp(values)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    low = int(exponent.min(initial=0)) - 53
    shift = exponent - 53 - low
    num = np.array([int(w) << int(s) for w, s in zip(whole.flat, shift.flat, strict=True)], object)
    num = num.reshape(values.shape)
    common = gcd(*num.flat) if num.size else 1
    num = np.asarray(num // (common or 1), dtype=object)
    unit = Fraction(2) ** low * (common or 1)
    return Exact(num.astype(np.int64) if most(num) < 1 << 62 else num, unit)


def common_unit(a: Fraction, b: Fraction) -> Fraction:
    return Fraction(gcd(a.numerator * b.denominator, b.numerator * a.denominator),
                    a.denominator * b.denominator)  # fmt: skip


def add(a: Exact, b: Exact) -> Exact:
    unit = common_unit(a.unit, b.unit)
    x, y = a.to(unit), b.to(unit)
    if most(x) + most(y) >= 1 << 62:
        x, y = x.astype(object), y.astype(object)
    return Exact(x + y, unit)


def multiply(a: Exact, b: Exact) -> Exact:
    x, y = a.num, b.num
    if most(x) * most(y) >= 1 << 62:
        x, y = x.astype(object), y.astype(object)
    return Exact(x * y, a.unit * b.unit)


def dot(a: Exact, b: Exact) -> Exact:
    """Matrix product of the last axes."""
    x, y = a.num, b.num
    if most(x) * most(y) * x.shape[-1] >= 1 << 62:
        x, y = x.astype(object), y.astype(object)
    return Exact(np.matmul(x, y) if x.dtype != object else np.dot(x, y), a.unit * b.unit)


def reciprocal_root(x: Exact) -> Exact:
    """``1 / sqrt(x)``, rounded down to a multiple of ``2**-ROOT_BITS``."""
    values = (Fraction(int(v)) * x.unit for v in x.num.reshape(-1))
    roots = [isqrt((v.denominator << (2 * ROOT_BITS)) // v.numerator) for v in values]
    return Exact(np.array(roots, dtype=object).reshape(x.num.shape), Fraction(1, 1 << ROOT_BITS))


def round_half_even(num: Array, den: int) -> Array:
    if num.dtype != object and most(num) * 2 + den >= 1 << 62:
        num = num.astype(object)
    floor, rest = num // den, num % den
    up = (2 * rest > den) | ((2 * rest == den) & (floor % 2 != 0))
    return floor + up.astype(np.int64)
