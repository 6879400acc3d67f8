"""The type of a fixed-point number: widths, sign, and what happens to numbers between or beyond."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeVar

from qfxc.errors import UserError
from qfxc.ir.rounding import AP_ROUNDING, Rounding

WIDEST = 53
"""Codes of more bits are no float64, in which casts compute."""


class Overflow(enum.Enum):
    """What a code beyond its width becomes; the value is the name behind ``AP_``."""

    SAT = "SAT"  # the nearest code
    SAT_ZERO = "SAT_ZERO"  # zero
    SAT_SYM = "SAT_SYM"  # the nearest code, without the most negative one
    WRAP = "WRAP"  # the lowest bits


_E = TypeVar("_E", Rounding, Overflow)


def rounding_of(mode: Rounding | str) -> Rounding:
    """A rounding mode by its ap_fixed name (``RND_CONV``) or our own (``half-even``)."""
    return _named(mode, AP_ROUNDING | {r.value: r for r in Rounding}, "rounding")


def overflow_of(mode: Overflow | str) -> Overflow:
    """An overflow mode by its ap_fixed name."""
    return _named(mode, {o.value: o for o in Overflow}, "overflow")


def _named(mode: _E | str, known: dict[str, _E], where: str) -> _E:
    if not isinstance(mode, str):
        return mode
    name = mode.removeprefix("AP_")
    if name not in known:
        raise UserError(f"unknown mode {mode}", where=where, hint="one of " + ", ".join(known))
    return known[name]


@dataclass(frozen=True, slots=True)
class Format:
    """Fixed-point numbers ``code * 2**-fbit``, ``code`` an integer of ``wbit`` bits.

    ``fbit`` has one entry, or one per channel of ``axis``; it may be negative or above ``wbit``.
    ``narrow`` holds the width of every channel where they differ, ``wbit`` the largest of them.
    """

    wbit: int
    fbit: tuple[int, ...]
    axis: int | None
    signed: bool
    rounding: Rounding
    overflow: Overflow
    narrow: tuple[int, ...] | None = None

    @property
    def lo(self) -> int:
        """The smallest code."""
        return int(limits(self.wbit, self.signed, self.overflow)[0])

    @property
    def hi(self) -> int:
        """The largest code."""
        return int(limits(self.wbit, self.signed, self.overflow)[1])

    def __str__(self) -> str:
        sign = "" if self.signed else "u"
        low, high = min(self.fbit), max(self.fbit)
        return f"{sign}{self.wbit}.{low}" + (f"..{high}" if high != low else "")


def limits(wbit: int, signed: bool, overflow: Overflow) -> tuple[float, float]:
    """The smallest and the largest code.

    Under SAT_SYM they are each other's negative, but for ``ap_fixed<1, ..>``, which has -1 and 0.
    """
    if not signed:
        return 0.0, float(2**wbit - 1)
    half = 2 ** (wbit - 1)
    symmetric = overflow is Overflow.SAT_SYM and wbit > 1
    return float(1 - half if symmetric else -half), float(half - 1)
