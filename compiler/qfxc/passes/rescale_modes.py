"""The simplest rounding and overflow that give a staircase's codes, over its proven range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, gcd, lcm

from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise, Segment
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale_forms import first_code

NON_NEGATIVE = {
    Rounding.ZERO: Rounding.FLOOR,
    Rounding.AWAY: Rounding.CEIL,
    Rounding.HALF_ZERO: Rounding.HALF_DOWN,
    Rounding.HALF_AWAY: Rounding.HALF_UP,
}
"""The same on numbers that are not negative; there, the others look at the sign."""

NEAREST = (
    *(Rounding.HALF_UP, Rounding.HALF_DOWN, Rounding.HALF_ZERO),
    *(Rounding.HALF_AWAY, Rounding.HALF_EVEN),
)
"""They differ in ties only."""

FLOORED = {Rounding.CEIL: Fraction(1), Rounding.HALF_DOWN: Fraction(1, 2)}
"""Modes that are a floor behind a constant, less the least step of the numbers."""


def simplified(op: Staircase, source: Int) -> Staircase:
    """The same codes for every code of ``source``."""
    low, high = op.reach(source)
    if op.elem.lo <= low and high <= op.elem.hi:
        op = replace(op, overflow=Overflow.SAT)
    seen = [part for p in op.pieces for part in _seen(p, source)]
    if all(s.slope.denominator == s.intercept.denominator == 1 for s, _, _ in seen):
        return replace(op, rounding=Rounding.FLOOR)
    if min(s.at(x) for s, *ends in seen for x in ends) >= 0:
        op = replace(op, rounding=NON_NEGATIVE.get(op.rounding, op.rounding))
    if op.rounding in NEAREST and not any(_ties(*part) for part in seen):
        return replace(op, rounding=Rounding.HALF_UP)
    if op.rounding not in FLOORED:
        return op
    dens = (v.denominator for s, _, _ in seen for v in (s.slope, s.intercept))
    offset = FLOORED[op.rounding] - Fraction(1, lcm(2, *dens))
    pieces = tuple(p.affine(Fraction(1), offset) for p in op.pieces)
    return replace(op, pieces=pieces, rounding=Rounding.FLOOR)


def _seen(piece: Piecewise, source: Int) -> Iterator[tuple[Segment, int, int]]:
    """The segments that the range reaches, with their first and last codes."""
    firsts = [first_code(piece, s, source) for s in range(len(piece.segments))]
    ends = [*firsts[1:], source.hi + 1]
    for segment, first, end in zip(piece.segments, firsts, ends, strict=True):
        if first < end:
            yield segment, first, end - 1


def _ties(line: Segment, first: int, last: int) -> bool:
    """Whether some code lies in the middle between two integers.

    ``(p x + r) / d = k + 1/2`` needs ``p x + r = d / 2 (mod d)``: a linear congruence.
    """
    d = lcm(line.slope.denominator, line.intercept.denominator)
    p, r = int(line.slope * d), int(line.intercept * d)
    if d % 2:
        return False
    step = gcd(p, d)
    if (d // 2 - r) % step:
        return False
    period = d // step
    if period == 1:
        return True
    x = (d // 2 - r) // step * pow(p // step, -1, period) % period
    return x + ceil(Fraction(first - x, period)) * period <= last
