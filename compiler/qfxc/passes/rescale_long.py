"""Lines that hit every threshold of a staircase, where their products exceed 64 bits.

As ``rescale_search``, in arithmetic modulo 2**64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.piecewise import Segment
from qfxc.ir.types import Int
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale_forms import staircase_steps
from qfxc.passes.rescale_search import MAX_BITS, OFFSETS, Ints, Steps, rising

MOST_THRESHOLDS = 1 << 16
"""Of a staircase: more of them are not searched one by one."""

MOST_BITS = 60
"""Of a multiplier; offsets then differ from those of the exact line by less than 2**62."""

_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Line:
    """``(a * x + b) >> c`` in integers of any length."""

    a: int
    b: int
    c: int


def long_lines(
    op: Staircase, lines: Sequence[Segment], source: Int, out: Int
) -> tuple[list[int], list[int], int] | None:
    """``a`` and ``b`` of every channel, and one shift for all; ``lines`` is where it is one.

    None where a threshold lies on the wrong side of every line: ties of inputs that go to even.
    """
    if op.rounding not in OFFSETS or out.hi - out.lo > MOST_THRESHOLDS:
        return None
    pieces, signs = rising(op.pieces)
    steps = staircase_steps(op, pieces, signs, source, out)
    found = []
    for channel, line in enumerate(lines):
        offset = line.intercept + OFFSETS[op.rounding]
        made = _smallest(steps.row(channel), abs(line.slope), offset)
        if made is None:
            return None
        found.append(made)
    shift = max(f.c for f in found)
    a = [(f.a << (shift - f.c)) * int(s) for f, s in zip(found, signs, strict=True)]
    return a, [f.b << (shift - f.c) for f in found], shift


def _smallest(steps: Steps, slope: Fraction, offset: Fraction) -> Line | None:
    """The line of one channel with the smallest shift; larger ones work, too: bisection."""
    top = MOST_BITS + (floor(1 / slope).bit_length() if slope else 0)
    best = _fitting(steps, slope, offset, top)
    low, high = -1, top
    while best is not None and high - low > 1:
        middle = (low + high) // 2
        fitting = _fitting(steps, slope, offset, middle)
        if fitting is None:
            low = middle
        else:
            best, high = fitting, middle
    return best


def _fitting(steps: Steps, slope: Fraction, offset: Fraction, shift: int) -> Line | None:
    """As ``rescale_search.candidates``, for one channel, relative to the offset of the exact line.

    A step is at most one x away from where the line crosses it, so differences are short even where
    products are not: their low 64 bits are all of them. The ends of the range are looked at apart.
    """
    t, ks = steps.thresholds[0], steps.ks
    first, last = int(steps.lo[0]), int(steps.hi[0])
    low, high = int((t <= first).sum()), int((t <= last).sum())
    centre = floor(offset * (1 << shift))
    scaled = _low_bits(ks[low:high], 1 << shift) - np.uint64(centre & _MASK)
    near = floor(slope * (1 << shift))
    for a in (near, near + 1):
        rest: Ints = (scaled - _low_bits(t[low:high], a)).view(np.int64)
        least = [int(rest.max()) + centre] if rest.size else []
        most = [int(rest.min()) + centre + a - 1] if rest.size else []
        if low:  # reached before the range begins
            least.append((int(ks[low - 1]) << shift) - a * first)
        if high < len(ks):  # not reached
            most.append((int(ks[high]) << shift) - a * last - 1)
        b_min = max(least) if least else min(most)
        b_max = min(most) if most else b_min
        if b_min <= b_max:
            return Line(a, _roundest(b_min, b_max), shift)
    return None


def _low_bits(values: Ints, factor: int) -> NDArray[np.uint64]:
    """``values * factor`` without what 64 bits do not hold."""
    return np.asarray(values.astype(np.uint64) * np.uint64(factor & _MASK))


def _roundest(low: int, high: int) -> int:
    """The integer of an interval with the most trailing zeros."""
    zeros = 0
    while -(-low >> (zeros + 1)) << (zeros + 1) <= high and zeros < MAX_BITS:
        zeros += 1
    return -(-low >> zeros) << zeros
