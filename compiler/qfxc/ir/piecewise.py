"""Exact piecewise linear functions and their integer thresholds (docs/numerics.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from qfxc.ir.rounding import Rounding

Line = tuple[Fraction, Fraction]
"""(slope, intercept)"""


@dataclass(frozen=True, slots=True)
class Segment:
    """``y = slope * x + intercept`` for ``x >= start`` (None: from minus infinity)."""

    start: Fraction | None
    slope: Fraction
    intercept: Fraction

    def at(self, x: Fraction | int) -> Fraction:
        return self.slope * x + self.intercept


@dataclass(frozen=True, slots=True)
class Piecewise:
    """A function given by segments in ascending order; each ends where the next one starts."""

    segments: tuple[Segment, ...]

    @staticmethod
    def linear(slope: Fraction, intercept: Fraction = Fraction(0)) -> Piecewise:
        return Piecewise((Segment(None, slope, intercept),))

    def affine(self, a: Fraction, b: Fraction) -> Piecewise:
        """``a * self + b``"""
        return Piecewise(
            tuple(Segment(s.start, a * s.slope, a * s.intercept + b) for s in self.segments)
        )

    def clip(self, lo: Fraction | None, hi: Fraction | None) -> Piecewise:
        """``min(max(self, lo), hi)``; None is no limit."""
        one, zero = Fraction(1), Fraction(0)
        levels: list[Fraction] = []
        lines: list[Line] = [(one, zero)]
        if lo is not None:
            levels, lines = [lo], [(zero, lo), (one, zero)]
        if hi is not None and (lo is None or lo < hi):
            levels, lines = [*levels, hi], [*lines, (zero, hi)]
        elif hi is not None:
            levels, lines = [], [(zero, hi)]
        return self._then(levels, lines)

    def prelu(self, slope: Fraction) -> Piecewise:
        """``self`` where positive, ``slope * self`` elsewhere."""
        return self._then([Fraction(0)], [(slope, Fraction(0)), (Fraction(1), Fraction(0))])

    def steps(self, levels: Sequence[Fraction]) -> Piecewise:
        """How many of ``levels`` are reached (>=): a function of integers, which jumps."""
        out: list[Segment] = []
        ends = [s.start for s in self.segments[1:]] + [None]
        for segment, end in zip(self.segments, ends, strict=True):
            for start, probe in _pieces(segment, end, levels):
                count = Fraction(sum(segment.at(probe) >= level for level in levels))
                if not out or out[-1].intercept != count:
                    out.append(Segment(start, Fraction(0), count))
        return Piecewise(tuple(out))

    def _then(self, levels: Sequence[Fraction], lines: Sequence[Line]) -> Piecewise:
        """Applies ``lines[i]`` where the value lies between ``levels[i - 1]`` and ``levels[i]``."""
        out: list[Segment] = []
        ends = [s.start for s in self.segments[1:]] + [None]
        for segment, end in zip(self.segments, ends, strict=True):
            for start, probe in _split(segment, end, levels):
                a, b = lines[sum(probe >= level for level in levels)]
                new = Segment(start, a * segment.slope, a * segment.intercept + b)
                last = out[-1] if out else None
                if last is None or (last.slope, last.intercept) != (new.slope, new.intercept):
                    out.append(new)
        return Piecewise(tuple(out))

    def at(self, x: Fraction | int) -> Fraction:
        """The exact value at ``x``."""
        chosen = self.segments[0]
        for segment in self.segments[1:]:
            if segment.start is not None and x >= segment.start:
                chosen = segment
        return chosen.at(x)

    def mirrored(self) -> Piecewise:
        """The function ``x -> self(-x)``; where it jumps, right at integers."""
        ends = [
            1 - ceil(s.start) if jump else -s.start
            for s, jump in zip(self.segments[1:], self._jumps(), strict=True)
            if s.start is not None
        ]
        starts = [None, *(Fraction(e) for e in reversed(ends))]
        turned = zip(starts, reversed(self.segments), strict=True)
        return Piecewise(tuple(Segment(at, -s.slope, s.intercept) for at, s in turned))

    @property
    def direction(self) -> int:
        """+1 never falls, -1 never rises (and falls somewhere), 0 neither."""
        changes = [s.slope for s in self.segments] + self._jumps()
        if all(a >= 0 for a in changes):
            return 1
        return -1 if all(a <= 0 for a in changes) else 0

    def _jumps(self) -> list[Fraction]:
        """By how much the function rises at the start of every segment but the first."""
        return [
            b.at(b.start) - a.at(b.start) for a, b in pairwise(self.segments) if b.start is not None
        ]

    def thresholds(self, rounding: Rounding, ks: range, lo: int, hi: int) -> list[int]:
        """``T[k] = min{x in [lo, hi + 1] : round(self(x)) >= k}`` for a function that never falls.

        ``hi + 1`` stands for "never". Exact: one integer division per threshold.
        """
        found: list[int] = []
        ends = [ceil(s.start) for s in self.segments[1:] if s.start is not None] + [hi + 1]
        start = lo
        for segment, end in zip(self.segments, ends, strict=True):
            end = min(max(end, lo), hi + 1)
            for t in _first_reached(segment, rounding, list(ks[len(found) :]), start):
                if t >= end:
                    break
                found.append(t)
            start = max(start, end)
        return found + [hi + 1] * (len(ks) - len(found))


def _split(
    segment: Segment, end: Fraction | None, levels: Sequence[Fraction]
) -> list[tuple[Fraction | None, Fraction]]:
    """Cuts a segment where it crosses ``levels``: (start, a value inside the piece) each."""
    cuts: list[Fraction] = []
    if segment.slope:
        crossings = sorted((level - segment.intercept) / segment.slope for level in levels)
        cuts = [
            x
            for x in crossings
            if (segment.start is None or x > segment.start) and (end is None or x < end)
        ]
    starts: list[Fraction | None] = [segment.start, *cuts]
    stops: list[Fraction | None] = [*cuts, end]
    return [(a, segment.at(_between(a, b))) for a, b in zip(starts, stops, strict=True)]


def _pieces(
    segment: Segment, end: Fraction | None, levels: Sequence[Fraction]
) -> list[tuple[Fraction | None, int]]:
    """Where a segment reaches or leaves a level: (start, an integer in the piece) each."""
    first = None if segment.start is None else ceil(segment.start)
    last = None if end is None else ceil(end)
    if first is not None and last is not None and first >= last:
        return []  # no integer is in it
    cuts: set[int] = set()
    if segment.slope:
        crossings = ((level - segment.intercept) / segment.slope for level in levels)
        cuts = {ceil(x) if segment.slope > 0 else floor(x) + 1 for x in crossings}
    inside = sorted(c for c in cuts if (first is None or c > first) and (last is None or c < last))
    before = (inside[0] if inside else last or 0) - 1
    probe = before if first is None else first
    return [(segment.start, probe), *((Fraction(c), c) for c in inside)]


def _between(a: Fraction | None, b: Fraction | None) -> Fraction:
    if a is None:
        return Fraction(0) if b is None else b - 1
    return a + 1 if b is None else (a + b) / 2


def _first_reached(segment: Segment, rounding: Rounding, ks: list[int], start: int) -> list[int]:
    """For every k (ascending), the first integer x >= start where the line rounds to k or more.

    Stops early at the first k that a flat segment does not reach.
    """
    if not ks:
        return []
    if segment.slope == 0:
        level = rounding.round(segment.intercept)
        return [start for k in ks if level >= k]
    # x >= (t - intercept) / slope with t = k + offset / 2, over one common denominator
    p, q = segment.slope.numerator, segment.slope.denominator
    r, s = segment.intercept.numerator, segment.intercept.denominator
    den = 2 * p * s
    result = []
    for k in ks:
        num = ((2 * k + rounding.twice_offset(k)) * s - 2 * r) * q
        first = -((-num) // den) if rounding.closed(k) else num // den + 1
        result.append(max(first, start))
    return result
