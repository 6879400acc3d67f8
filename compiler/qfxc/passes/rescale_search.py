"""Finds exact multiply-add-shift forms of integer staircases (docs/numerics.md).

``y = (a * x + b) >> c`` equals a rising staircase with thresholds T[k] on [lo, hi] exactly iff
    a * T[k] + b >= k << c          for every k that the range reaches (T[k] <= hi), and
    a * (T[k] - 1) + b < k << c     for every k that the range starts below (T[k] > lo),
so for a given (a, c) the admissible b form an interval. Where (a, b) works at c, (2a, 2b) works
at c + 1: the smallest c is found by bisection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.piecewise import Piecewise, Segment
from qfxc.ir.rounding import Rounding

MAX_SHIFT = 52
MAX_BITS = 61
"""No intermediate of the search or of the result is wider than this."""

CANDIDATES = (0, 1, -1, 2)
"""Multipliers tried, relative to the floor of the exact slope."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """Rising staircases, one row per channel: T[c, k] in [lo[c], hi[c] + 1] for k = first, ..."""

    thresholds: Ints
    first: int
    lo: Ints
    hi: Ints

    @property
    def ks(self) -> Ints:
        return np.arange(self.first, self.first + self.thresholds.shape[1], dtype=np.int64)

    def row(self, c: int) -> Steps:
        part = slice(c, c + 1)
        return Steps(self.thresholds[part], self.first, self.lo[part], self.hi[part])


@dataclass(frozen=True)
class Dyadics:
    """For every channel the admissible multipliers at one shift, best first, with their offsets.

    ``a``, ``b``: (channels, candidates); ``valid`` marks the admissible ones.
    """

    a: Ints
    b: Ints
    valid: NDArray[np.bool_]
    shift: int


def candidates(steps: Steps, slopes: Sequence[Fraction], shift: int) -> Dyadics:
    """Tries the multipliers next to each slope at one shift."""
    near = np.array([floor(s * (1 << shift)) for s in slopes], dtype=np.int64)
    a = near[:, None] + np.array(CANDIDATES)
    t, ks = steps.thresholds[:, None, :], steps.ks << np.int64(shift)
    reached = t <= steps.hi[:, None, None]
    below = t > steps.lo[:, None, None]
    far = np.int64(1 << MAX_BITS)
    product = a[:, :, None] * t
    b_min = np.where(reached, ks - product, -far).max(axis=2, initial=-far)
    b_max = np.where(below, ks - product + a[:, :, None] - 1, far).min(axis=2, initial=far)
    b = np.where(b_min > -far, b_min, np.where(b_max < far, b_max, 0))
    return Dyadics(a, _shortest(b, b_max, shift), b_min <= b_max, shift)


def _shortest(low: Ints, high: Ints, shift: int) -> Ints:
    """From each interval, the offset with the most trailing zeros that a few masks find."""
    best = low.copy()
    for zeros in range(1, shift + 1):
        rounded = -((-low) >> zeros) << zeros
        best = np.where((rounded <= high) & (rounded >= low), rounded, best)
    return best


def smallest_shift(
    steps: Steps, slopes: Sequence[Fraction], limit: int = MAX_SHIFT
) -> Dyadics | None:
    """The smallest shift at which every channel has an admissible multiplier; None if none has."""
    top = _largest_safe_shift(steps, slopes, limit)
    if top < 0 or not _feasible(candidates(steps, slopes, top)):
        return None
    low, high = -1, top
    while high - low > 1:
        middle = (low + high) // 2
        if _feasible(candidates(steps, slopes, middle)):
            high = middle
        else:
            low = middle
    return candidates(steps, slopes, high)


def _feasible(found: Dyadics) -> bool:
    return bool(found.valid.any(axis=1).all())


def _largest_safe_shift(steps: Steps, slopes: Sequence[Fraction], limit: int) -> int:
    """So that no product in the search overflows int64."""
    reach = int(max(np.abs(steps.lo).max(), np.abs(steps.hi).max())) + 1
    level = int(np.abs(steps.ks).max(initial=1)) + 1
    span = floor(reach * max(slopes)) + 1  # of slope * x; the candidates add 2 * reach
    need = max(span.bit_length(), level.bit_length()) + 2
    return min(limit, MAX_BITS - need) if reach.bit_length() + 3 < MAX_BITS else -1


def rising(pieces: Sequence[Piecewise]) -> tuple[tuple[Piecewise, ...], Ints]:
    """Mirrors the falling functions; returns rising ones and the sign of x for each."""
    signs = np.array([1 if p.direction == 1 else -1 for p in pieces], dtype=np.int64)
    turned = (p if s == 1 else p.mirrored() for p, s in zip(pieces, signs, strict=True))
    return tuple(turned), signs


def slope_of(piece: Piecewise, *, last: bool = False) -> Fraction:
    """The slope that a single line should follow: the first (last) one that is not flat.

    Where all are (a count of thresholds), that of the line from the first jump to the last.
    """
    slanted = (s.slope for s in piece.segments[:: -1 if last else 1] if s.slope)
    first, *rest = piece.segments
    starts = [s.start for s in rest if s.start is not None]
    if not starts:
        return first.slope
    rise = abs(rest[-1].intercept - first.intercept)
    if len(starts) > 1:
        rise *= Fraction(len(starts) - 1, len(starts)) / (starts[-1] - starts[0])
    return next(slanted, rise)


OFFSETS = {Rounding.FLOOR: Fraction(0), Rounding.HALF_UP: Fraction(1, 2)}
"""Rounding modes that are a floor behind a constant."""


def exact_lines(
    pieces: Sequence[Piecewise], rounding: Rounding, lo: int, hi: int
) -> Dyadics | None:
    """Closed form, without thresholds: for dyadic slopes that saturate at ``lo`` and ``hi``.

    ``floor(slope * x + i) == (a * x + floor(i << c)) >> c`` for every integer x where
    ``a = slope << c`` is an integer: the floor loses nothing, since a * x is one too.
    """
    lines = [only_line(p, rounding, lo, hi) for p in pieces]
    if rounding not in OFFSETS or any(line is None for line in lines):
        return None
    segments = [line for line in lines if line is not None]
    shift = max((s.slope.denominator.bit_length() - 1 for s in segments), default=0)
    if shift > MAX_BITS or any(s.slope.denominator & (s.slope.denominator - 1) for s in segments):
        return None
    a = [int(s.slope * (1 << shift)) for s in segments]
    b = [floor((s.intercept + OFFSETS[rounding]) * (1 << shift)) for s in segments]
    if max(map(abs, (*a, *b))) >= 1 << MAX_BITS:
        return None
    column = np.array(a, dtype=np.int64)[:, None]
    offsets = np.array(b, dtype=np.int64)[:, None]
    return Dyadics(column, offsets, np.ones_like(column, dtype=np.bool_), shift)


def only_line(piece: Piecewise, rounding: Rounding, lo: int, hi: int) -> Segment | None:
    """The one segment that is not flat, if the flat ones only saturate."""
    slanted = [s for s in piece.segments if s.slope]
    if len(slanted) != 1:
        return None
    at = piece.segments.index(slanted[0])
    rises = slanted[0].slope > 0
    before, after = (lo, hi) if rises else (hi, lo)
    levels = [(s, before) for s in piece.segments[:at]] + [
        (s, after) for s in piece.segments[at + 1 :]
    ]
    same = all(rounding.round(s.intercept) == level for s, level in levels)
    return slanted[0] if same else None
