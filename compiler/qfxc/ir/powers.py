"""Weights that are sums of few signed powers of two: where the terms lie, and their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Powers:
    """``terms`` signed powers of two per weight, all below ``2**shifts``.

    Canonical digits are never neighbours, so whatever the weight is, term r can lie in one of
    ``span`` places from ``2 * r`` on: the highest term needs no low places, the lowest no high
    ones. qfx_pkg.sv has the same functions (``shift_span``, ``shift_fine``, ``shift_code``).
    """

    terms: int
    shifts: int

    @property
    def span(self) -> int:
        """Places of a term."""
        return self.shifts if self.terms == 1 else max(self.shifts - 2 * (self.terms - 1), 2)

    @property
    def fine(self) -> int:
        """A place is a remainder below this number, and a quotient of 0 or 1."""
        return (self.span + 1) // 2

    @property
    def spare(self) -> bool:
        """Whether the bits of a remainder have a value left, which says that there is no term."""
        return 1 << self._remainder > self.fine

    @property
    def field(self) -> int:
        """Bits of the code of a term."""
        return self._remainder + (self.span > 1) + (not self.spare) + 1

    @property
    def bits(self) -> int:
        """Bits of the code of a weight."""
        return self.terms * self.field

    def code(self, digits: Sequence[tuple[int, int]]) -> int:
        """The code of the canonical digits (place, sign), the lowest first (docs/kernels.md)."""
        fields = [(1 << self._remainder) - 1 if self.spare else 0] * self.terms
        term = 0
        for place, sign in digits:
            term = max(term, (place - self.span + 2) // 2)
            fields[term] = self._field(place - 2 * term, sign)
            term += 1
        return sum(field << number * self.field for number, field in enumerate(fields))

    def _field(self, place: int, sign: int) -> int:
        quotient, remainder = divmod(place, self.fine)
        there = not self.spare
        high = quotient | there << (self.span > 1)
        return remainder | high << self._remainder | (sign < 0) << self.field - 1

    @property
    def _remainder(self) -> int:
        return (self.fine - 1).bit_length()
