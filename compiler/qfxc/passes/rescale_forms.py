"""The forms a staircase can take: one line, one line per segment, comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor

import numpy as np

from qfxc.errors import InternalError
from qfxc.ir.graph import Op
from qfxc.ir.piecewise import Piecewise, Segment
from qfxc.ir.types import Int
from qfxc.ops.cast import Cast
from qfxc.ops.compare import Compare
from qfxc.ops.csd import Csd
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.shift import Shift
from qfxc.ops.staircase import Staircase
from qfxc.ops.table import Table
from qfxc.passes.rescale_search import (
    MAX_BITS,
    OFFSETS,
    Dyadics,
    Ints,
    Steps,
    candidates,
    smallest_shift,
)


def staircase_steps(
    op: Staircase, pieces: tuple[Piecewise, ...], signs: Ints, source: Int, out: Int
) -> Steps:
    """Exact thresholds of every channel, falling channels seen in ``-x``."""
    ks = range(out.lo + 1, out.hi + 1)
    lo = np.where(signs == 1, source.lo, -source.hi).astype(np.int64)
    hi = np.where(signs == 1, source.hi, -source.lo).astype(np.int64)
    if (signs == 1).all():
        table = op.thresholds(source, out)
    else:
        rows = [
            p.thresholds(op.rounding, ks, int(a), int(b))
            for p, a, b in zip(pieces, lo, hi, strict=True)
        ]
        table = np.asarray(rows, dtype=np.int64).reshape(len(rows), len(ks))
    return Steps(table, out.lo + 1, lo, hi)


def _pick(found: Dyadics) -> Ints:
    """Per channel one admissible multiplier: a shared one if there is, else the fewest digits."""
    weight = np.vectorize(lambda v: len(signed_digits(int(v))))(found.a)
    if (found.a == found.a[0]).all():
        everywhere = found.valid.all(axis=0)
        if everywhere.any():
            shared = np.where(everywhere, weight[0], 99).argmin()
            return np.full(len(found.a), shared)
    return np.asarray(np.where(found.valid, weight, 99).argmin(axis=1))


def signed_digits(value: int) -> tuple[tuple[int, int], ...]:
    """Canonical signed digits of ``value``: (sign, power) pairs, no two powers adjacent."""
    digits, power = [], 0
    sign = 1 if value >= 0 else -1
    value = abs(value)
    while value:
        if value & 1:
            digit = 2 - (value & 3)
            digits.append((sign * digit, power))
            value -= digit
        value >>= 1
        power += 1
    return tuple(digits)


def squeezed(values: Sequence[int] | Ints) -> tuple[int, ...]:
    """One value instead of one per channel, where they are all the same."""
    items = tuple(int(v) for v in values)
    return items[:1] if len(set(items)) == 1 else items


def comparisons(steps: Steps, out: Int) -> Compare:
    """One comparator per step: always exact, for few steps also the cheapest."""
    columns = steps.thresholds.T.tolist()
    return Compare(tuple(squeezed(c) for c in columns), out)


def forms_of(found: Dyadics, signs: Ints, source: Int, out: Int, digits: int) -> Op:
    """The cheapest of the forms with one line."""
    forms = one_line(found, signs, source, out, digits)
    return min(forms, key=lambda op: implementation_cost(op, source))


def one_line(found: Dyadics, signs: Ints, source: Int, out: Int, digits: int) -> Iterator[Op]:
    """Shift, signed digits and dyadic forms from the admissible multipliers."""
    picked = _pick(found)
    a = _taken(found.a, picked) * signs
    b = _taken(found.b, picked)
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    shifts = [_shift(u, v, found.shift, source, out) for u, v in pairs]
    if (known := [s for s in shifts if s is not None]) and len(known) == len(shifts):
        left, offsets = zip(*known, strict=True)
        yield Shift(squeezed(left), squeezed(offsets), found.shift, out)
    factor = a[0].item()
    if (a == factor).all() and len(signed_digits(factor)) <= digits:
        yield Csd(signed_digits(factor), squeezed(b), found.shift, out)
    yield Dyadic((squeezed(a),), (squeezed(b),), (), found.shift, out)


def power_of_two(a: int) -> bool:
    """Whether a multiplier is a left shift."""
    return a > 0 and a & (a - 1) == 0


def _shift(a: int, b: int, shift: int, source: Int, out: Int) -> tuple[int, int] | None:
    """(left, offset) of one channel without a multiplier, if there is such a form.

    A channel that is constant (a dead one has weights 0) saturates at the end where it stays.
    """
    if power_of_two(a):
        return a.bit_length() - 1, b
    if a == 0 and b >> shift <= out.lo:
        return 0, (out.lo << shift) - source.hi
    if a == 0 and b >> shift >= out.hi:
        return 0, (out.hi << shift) - source.lo
    return None


def one_line_per_segment(op: Staircase, source: Int, out: Int) -> Dyadic | None:
    """One multiply-add per segment of the functions (PReLU has two), all with one shift."""
    count = max(len(p.segments) for p in op.pieces)
    pieces = [
        Piecewise(p.segments + p.segments[-1:] * (count - len(p.segments))) for p in op.pieces
    ]
    parts = [_part(pieces, s, op, source, out) for s in range(count)]
    signs = [_signs(pieces, s) for s in range(count)]
    slopes = [[abs(p.segments[s].slope) for p in pieces] for s in range(count)]
    alone = [smallest_shift(part, slope) for part, slope in zip(parts, slopes, strict=True)]
    if any(f is None for f in alone):
        return None
    shift = max(f.shift for f in alone if f is not None)
    found = [candidates(part, slope, shift) for part, slope in zip(parts, slopes, strict=True)]
    if not all(f.valid.any(axis=1).all() for f in found):
        return None
    picked = [_pick(f) for f in found]
    starts = [[first_code(p, s, source) for p in pieces] for s in range(1, count)]
    return Dyadic(
        tuple(squeezed(_taken(f.a, i) * g) for f, i, g in zip(found, picked, signs, strict=True)),
        tuple(squeezed(_taken(f.b, i)) for f, i in zip(found, picked, strict=True)),
        tuple(map(squeezed, starts)),
        shift,
        out,
    )


def _signs(pieces: Sequence[Piecewise], s: int) -> Ints:
    return np.array([-1 if p.segments[s].slope < 0 else 1 for p in pieces], dtype=np.int64)


def exact_segments(op: Staircase, source: Int, out: Int) -> Dyadic | None:
    """Closed form, without a search: dyadic slopes, any directions, any number of segments.

    As ``exact_lines``, for every segment by itself; flat ends that saturate cost nothing.
    """
    if op.rounding not in OFFSETS:
        return None
    parts = [_visible(p, op, source, out) for p in op.pieces]
    slopes = [s.slope for part in parts for _, s in part]
    shift = max(slope.denominator.bit_length() - 1 for slope in slopes)
    if shift > MAX_BITS or any(d.denominator & (d.denominator - 1) for d in slopes):
        return None
    count = max(map(len, parts))
    full = [part + part[-1:] * (count - len(part)) for part in parts]
    a = [[int(part[i][1].slope * (1 << shift)) for part in full] for i in range(count)]
    b = [
        [floor((part[i][1].intercept + OFFSETS[op.rounding]) * (1 << shift)) for part in full]
        for i in range(count)
    ]
    reach = max(abs(source.lo), abs(source.hi)) + 1
    product = reach * max(abs(v) for row in a for v in row)
    if product + max(abs(v) for row in b for v in row) >= 1 << MAX_BITS:
        return None
    starts = [squeezed([part[i][0] for part in full]) for i in range(1, count)]
    return Dyadic(tuple(map(squeezed, a)), tuple(map(squeezed, b)), tuple(starts), shift, out)


def _visible(piece: Piecewise, op: Staircase, source: Int, out: Int) -> list[tuple[int, Segment]]:
    """The segments inside the range with their first codes; flat ones have codes as levels."""
    firsts = [first_code(piece, s, source) for s in range(len(piece.segments))]
    ends = [*firsts[1:], source.hi + 1]
    parts = [
        (first, _level(s, op, out))
        for first, end, s in zip(firsts, ends, piece.segments, strict=True)
        if first < end
    ]
    while len(parts) > 1 and _saturates(parts[0][1], parts[1][1], out, 1):
        parts[:2] = [(parts[0][0], parts[1][1])]
    while len(parts) > 1 and _saturates(parts[-1][1], parts[-2][1], out, -1):
        parts.pop()
    return parts


def _level(segment: Segment, op: Staircase, out: Int) -> Segment:
    """A flat segment at the code that it saturates to."""
    if segment.slope:
        return segment
    level = min(max(op.rounding.round(segment.intercept), out.lo), out.hi)
    return Segment(segment.start, segment.slope, Fraction(level))


def _saturates(flat: Segment, neighbour: Segment, out: Int, side: int) -> bool:
    """Whether the line of the inner ``neighbour`` saturates where the outer ``flat`` is."""
    end = out.lo if neighbour.slope * side > 0 else out.hi
    return not flat.slope and bool(neighbour.slope) and flat.intercept == end


def _part(pieces: Sequence[Piecewise], s: int, op: Staircase, source: Int, out: Int) -> Steps:
    """Thresholds of segment ``s`` of every function, on the part of the range it covers.

    Falling segments are seen in ``-x``.
    """
    last = s + 1 == len(pieces[0].segments)
    ks = range(out.lo + 1, out.hi + 1)
    rows, lows, highs = [], [], []
    for piece, sign in zip(pieces, _signs(pieces, s).tolist(), strict=True):
        segment = piece.segments[s]
        low, high = first_code(piece, s, source), source.hi
        if not last:
            high = first_code(piece, s + 1, source) - 1
        low, high = (low, high) if sign == 1 else (-high, -low)
        line = Piecewise.linear(sign * segment.slope, segment.intercept)
        rows.append(line.thresholds(op.rounding, ks, low, high))
        lows.append(low)
        highs.append(high)
    table = np.asarray(rows, dtype=np.int64).reshape(len(rows), len(ks))
    return Steps(table, out.lo + 1, np.array(lows), np.array(highs))


def first_code(piece: Piecewise, s: int, source: Int) -> int:
    """The first code of segment ``s``; ``source.hi + 1`` where the range does not reach it."""
    start = piece.segments[s].start
    first = source.lo if start is None else ceil(start)
    return min(max(first, source.lo), source.hi + 1)


def _taken(values: Ints, picked: Ints) -> Ints:
    return np.take_along_axis(values, picked[:, None], 1)[:, 0]


def implementation_cost(op: Op, source: Int) -> float:
    """LUTs per lane, roughly: adders and comparators a LUT per bit, ROMs 64 entries per LUT."""
    match op:
        case Shift(left=left, b=b):
            wide = op.wide(source).bits
            barrel = wide * max(left).bit_length() / 2 if len(left) > 1 else 0
            return wide + barrel + _rom(len(b), wide)
        case Cast(left=left, b=b, right=right):
            wide = op.wide_bits(source)
            barrel = wide * max(left).bit_length() / 2 if len(left) > 1 else 0
            added = wide * (any(b) or len(left) > 1) + barrel + _rom(len(b), wide)
            rounded = wide - right + right / 5 if right else 0
            return added + rounded + op.elem.bits / 2
        case Csd(digits=digits, b=b):
            wide = op.wide(source).bits
            return len(digits) * wide + _rom(len(b), wide)
        case Dyadic(a=a, b=b):
            bits = max(max(abs(v) for v in part).bit_length() for part in a)
            wide = op.wide(source).bits
            channels = max(len(v) for v in (*a, *b))
            return 0.6 * bits * source.bits + len(a) * (wide + _rom(channels, wide + bits))
        case Compare(thresholds=t):
            return len(t) * (source.bits / 2 + _rom(max(len(v) for v in t), source.bits))
        case Table(values=values):
            return _rom(len(values[0]) * len(values), op.elem.bits) * 1.5
    raise InternalError(f"{op.stem} is no staircase implementation")


def _rom(depth: int, bits: int) -> float:
    return depth * bits / 64
