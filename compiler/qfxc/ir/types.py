"""Exact types: rational scales, integers with proven bounds, tensors without a batch axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Values of a tensor; integers may be carried by any number type that holds them exactly."""


def exact(x: float | int | Fraction | np.generic) -> Fraction:
    """``x`` as a rational, with no rounding: every finite float is one."""
    return x if isinstance(x, Fraction) else Fraction(x.item() if isinstance(x, np.generic) else x)


@dataclass(frozen=True, slots=True)
class Scale:
    """What one integer step is worth: one rational per tensor, or one per channel (last axis).

    A float32 scale is the rational ``num * 2**exp``; scales that post-training quantization
    chooses may have other denominators (1/49 after a 7x7 average pool), see docs/decisions/0001.
    """

    values: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        if not self.values or any(v <= 0 for v in self.values):
            raise ValueError("a scale is one or more positive rationals")
        if len(self.values) > 1 and len(set(self.values)) == 1:
            object.__setattr__(self, "values", self.values[:1])

    @staticmethod
    def of(values: float | Fraction | Iterable[float | Fraction]) -> Scale:
        """A scale from one number or from one number per channel, taken exactly."""
        if isinstance(values, (int, float, Fraction, np.generic)):
            return Scale((exact(values),))
        return Scale(tuple(exact(v) for v in values))

    @property
    def per_tensor(self) -> bool:
        return len(self.values) == 1

    def channels(self, count: int) -> tuple[Fraction, ...]:
        """One value per channel, a per-tensor scale repeated."""
        if len(self.values) not in (1, count):
            raise ValueError(f"a scale of {len(self.values)} channels on {count} channels")
        return self.values * count if self.per_tensor else self.values

    def __mul__(self, other: Scale) -> Scale:
        count = max(len(self.values), len(other.values))
        pairs = zip(self.channels(count), other.channels(count), strict=True)
        return Scale(tuple(a * b for a, b in pairs))

    def floats(self) -> NDArray[np.float64]:
        """For looking at and for float emulation only; never part of the integer path."""
        return np.array([float(v) for v in self.values])

    def __str__(self) -> str:
        return ",".join(_fraction_text(v) for v in self.values)


def _fraction_text(value: Fraction) -> str:
    """``num*2^exp`` for dyadic rationals, ``num/den`` otherwise."""
    num, den = value.numerator, value.denominator
    if den & (den - 1):
        return f"{num}/{den}"
    exp = -(den.bit_length() - 1)
    while num % 2 == 0:
        num, exp = num // 2, exp + 1
    return f"{num}*2^{exp}" if exp else f"{num}"


UNIT = Scale((Fraction(1),))


@dataclass(frozen=True, slots=True)
class Real:
    """A real number; exists only before the integer stage."""

    def __str__(self) -> str:
        return "real"


@dataclass(frozen=True, slots=True)
class Int:
    """An integer in the proven range ``[lo, hi]``; its real value is ``scale`` times it."""

    lo: int
    hi: int
    scale: Scale = UNIT

    def __post_init__(self) -> None:
        if self.lo > self.hi:
            raise ValueError(f"empty range [{self.lo}, {self.hi}]")

    @property
    def signed(self) -> bool:
        return self.lo < 0

    @property
    def bits(self) -> int:
        """Bits of the narrowest two's complement (or unsigned) code; at least 1."""
        if self.signed:
            return max(max(self.hi, 0).bit_length(), (~self.lo).bit_length()) + 1
        return max(self.hi.bit_length(), 1)

    @property
    def magnitude(self) -> int:
        return max(abs(self.lo), abs(self.hi))

    def contains(self, x: Array) -> bool:
        return x.size == 0 or bool(x.min() >= self.lo and x.max() <= self.hi)

    def scaled(self, scale: Scale) -> Int:
        return Int(self.lo, self.hi, scale)

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.bits}[{self.lo},{self.hi}]*{self.scale}"

    @staticmethod
    def of_bits(bits: int, signed: bool, scale: Scale = UNIT) -> Int:
        """The full range of a ``bits``-wide code."""
        if signed:
            return Int(-(1 << (bits - 1)), (1 << (bits - 1)) - 1, scale)
        return Int(0, (1 << bits) - 1, scale)


Elem = Int | Real


@dataclass(frozen=True, slots=True)
class TensorType:
    """One frame's tensor: channels last, no batch axis (arrays at run time lead with a batch)."""

    shape: tuple[int, ...]
    elem: Elem

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def channels(self) -> int:
        return self.shape[-1] if self.shape else 1

    @property
    def int(self) -> Int:
        """The integer element type; asking a real tensor for it is a bug."""
        if not isinstance(self.elem, Int):
            raise TypeError("an integer tensor was expected, this one is real")
        return self.elem

    @property
    def is_int(self) -> bool:
        return isinstance(self.elem, Int)

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape)) or 'scalar'} {self.elem}"
