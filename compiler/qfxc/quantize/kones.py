"""Codes that are sums of few powers of two: products with them are shifts and few adders.

Each projection maps integer codes of a fixed-point type to the nearest allowed ones (or those
below). It comes after the cast, works on magnitude and sign, and never leaves the range of codes;
``KOnes`` is QFX's idea, ``DeepShift`` and ``Apot`` are its alternatives. ``nn.kones`` is the same
in PyTorch.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError
from qfxc.ir.types import Array

Codes = NDArray[np.int64]

WIDEST = 31
"""Bits of a magnitude, so that squares are exact."""


class Rule(enum.Enum):
    """Which sum of K powers of two stands for a code."""

    TRUNC = "trunc"  # the K leading ones of its magnitude: never larger
    NEAREST = "nearest"  # the nearest magnitude with K ones, the smaller of two
    SIGNED = "signed"  # the nearest sum of K powers with signs


class Projection(Protocol):
    """What all of them can do. ``str`` is the form that ``parse`` reads."""

    def codes(self, codes: Array, lo: int, hi: int) -> Codes:
        """Allowed codes for integer ``codes`` of any shape, all in ``lo..hi``.

        ``hi`` is ``2**n - 1`` and ``lo`` is 0, ``-hi`` or ``-hi - 1``: the range of a fixed-point
        type. Codes outside of it saturate first. Raises ValueError for other ranges.
        """
        ...

    @property
    def terms(self) -> int:
        """The most shifts that a product takes; one less is the number of its adders."""
        ...


def check_range(lo: int, hi: int) -> None:
    """Raises ValueError for what is no range of codes of a fixed-point type."""
    if hi < 0 or hi & (hi + 1) or lo not in (0, -hi, -hi - 1) or hi >> WIDEST:
        raise ValueError(f"{lo}..{hi} is no range of {WIDEST} bits and a sign")


MOST_ONES = 16
"""More than any code of the widest weights has."""


@dataclass(frozen=True)
class KOnes:
    """Sums of at most ``ones`` powers of two (QFX, arXiv 2401.17544; rules: docs/numerics.md)."""

    ones: int
    rule: Rule = Rule.NEAREST

    def __post_init__(self) -> None:
        if not 1 <= self.ones <= MOST_ONES:
            raise UserError(f"{self.ones} ones per weight", hint=f"1 to {MOST_ONES}")

    def __str__(self) -> str:
        return f"k-ones{{ones={self.ones},rule={self.rule.value}}}"

    @property
    def terms(self) -> int:
        return self.ones

    def codes(self, codes: Array, lo: int, hi: int) -> Codes:
        check_range(lo, hi)
        clipped = np.clip(codes, lo, hi).astype(np.int64)
        size, limit = np.abs(clipped), np.where(clipped < 0, -lo, hi)
        chosen = {Rule.TRUNC: _trunc, Rule.NEAREST: _nearest, Rule.SIGNED: _signed}[self.rule]
        return np.asarray(np.sign(clipped) * chosen(size, self.ones, limit), dtype=np.int64)


@dataclass(frozen=True)
class DeepShift:
    """One power of two, never zero, nearest in the logarithm (DeepShift-Q, arXiv 1905.13298).

    Of ``bits`` bits, one is the sign; the others count down from the largest power of two in the
    range. Code 0 becomes the smallest power, positive.
    """

    bits: int

    def __post_init__(self) -> None:
        if self.bits < 2:
            raise UserError(f"{self.bits} bits of a shift and its sign", hint="at least 2")

    def __str__(self) -> str:
        return f"deep-shift{{bits={self.bits}}}"

    @property
    def terms(self) -> int:
        return 1

    def exponents(self, hi: int) -> tuple[int, int]:
        """The smallest and the largest exponent of two in codes up to ``hi``."""
        top = max(hi.bit_length() - 1, 0)
        return max(0, top - (1 << (self.bits - 1)) + 1), top

    def codes(self, codes: Array, lo: int, hi: int) -> Codes:
        check_range(lo, hi)
        least, top = self.exponents(hi)
        clipped = np.clip(codes, lo, hi).astype(np.int64)
        size = np.clip(np.abs(clipped), 1 << least, 1 << top)
        below = _leading(size)
        # above the geometric mean of the neighbours: size > sqrt(2) below, never equal
        power = np.where(size * size > 2 * below * below, 2 * below, below)
        power = np.minimum(power, 1 << top)
        return np.asarray(np.where(clipped < 0, -power, power), dtype=np.int64)


APOT_TERMS = {
    2: ((0, 1, 2, 4),),
    3: ((0, 1, 4, 8), (0, 2)),
    4: ((0, 2, 8, 32), (0, 1, 4, 16)),
}
"""Bits of a magnitude: the sets that its powers come from, as integers (APoT, arXiv 1909.13144)."""


@dataclass(frozen=True)
class Apot:
    """Additive powers of two: one term of each set, the nearest sum, the smaller of two.

    ``bits`` of the magnitude, 2 to 4. The levels are scaled by the largest power of two that
    leaves them in the range; the rest of the normalisation belongs in the step of the codes.
    """

    bits: int

    def __post_init__(self) -> None:
        if self.bits not in APOT_TERMS:
            raise UserError(f"APoT with {self.bits} bits", hint="2, 3 or 4 bits of magnitude")

    def __str__(self) -> str:
        return f"apot{{bits={self.bits}}}"

    @property
    def terms(self) -> int:
        return len(APOT_TERMS[self.bits])

    def levels(self, hi: int) -> Codes:
        """The magnitudes that codes up to ``hi`` can have, rising from 0."""
        sums = np.zeros(1, dtype=np.int64)
        for chosen in APOT_TERMS[self.bits]:
            sums = np.unique(np.add.outer(sums, np.array(chosen, dtype=np.int64)))
        room = hi // int(sums[-1])
        if not room:
            raise UserError(
                f"the levels of {self} do not fit codes up to {hi}", hint="give weights more bits"
            )
        return sums << (room.bit_length() - 1)

    def codes(self, codes: Array, lo: int, hi: int) -> Codes:
        check_range(lo, hi)
        levels = self.levels(hi)
        clipped = np.clip(codes, lo, hi).astype(np.int64)
        # twice the middles: at a middle the level below counts
        at = np.searchsorted(levels[1:] + levels[:-1], 2 * np.abs(clipped), side="left")
        return np.asarray(np.sign(clipped) * levels[at], dtype=np.int64)


def parse(text: str) -> Projection:
    """The projection that ``str`` gave this text. Raises UserError for any other."""
    if found := re.fullmatch(r"k-ones\{ones=(\d+),rule=(trunc|nearest|signed)\}", text):
        return KOnes(int(found[1]), Rule(found[2]))
    if found := re.fullmatch(r"(deep-shift|apot)\{bits=(\d+)\}", text):
        return DeepShift(int(found[2])) if found[1] == "deep-shift" else Apot(int(found[2]))
    raise UserError(f"unknown projection {text}", hint=f"for example {KOnes(2)}")


def _leading(size: Codes) -> Codes:
    """The largest power of two in each magnitude, 0 in 0; exact below ``2**53``."""
    exponent = np.frexp(size.astype(np.float64))[1].astype(np.int64)
    return np.asarray(np.where(size > 0, 1 << np.maximum(exponent - 1, 0), 0), dtype=np.int64)


def _trunc(size: Codes, ones: int, limit: Array | None = None) -> Codes:
    rest = size.copy()
    for _ in range(ones):
        rest -= _leading(rest)
    return size - rest


def _nearest(size: Codes, ones: int, limit: Array) -> Codes:
    """Between the truncated magnitude and that plus its lowest one lies no other with K ones."""
    below = _trunc(size, ones)
    above = below + (below & -below)
    keep = (size == below) | (size - below <= above - size) | (above > limit)
    return np.where(keep, below, above)


def _signed(size: Codes, ones: int, limit: Array) -> Codes:
    """Greedy: the power nearest to what is left, the smaller of two; optimal."""
    total = np.zeros_like(size)
    for _ in range(ones):
        rest = size - total
        power = _leading(np.abs(rest))
        power = np.where(2 * np.abs(rest) > 3 * power, 2 * power, power)
        total = total + np.sign(rest) * power
    # only one term can pass 2**n - 1, for two make it exactly; the power below is next
    return np.where(total > limit, (limit + 1) // 2, total)
