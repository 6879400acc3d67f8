"""Staircases that round or overflow as no multiply-add does: an exact number, then a ``Cast``.

The first kernel computes the number on a grid so fine that nothing is rounded, or nothing that
matters: roundings look at the floor, at halves and at the sign, so a number between two points of a
grid that has all halves is as good as the middle between them. Where the number is a code times a
power of two and an offset, the cast alone does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, lcm

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise, Segment
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int, Scale
from qfxc.ops.cast import Cast
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale_forms import (
    exact_segments,
    first_code,
    implementation_cost,
    one_line,
    power_of_two,
    squeezed,
)
from qfxc.passes.rescale_search import MAX_BITS, OFFSETS, exact_lines, only_line


def cast_forms(node: Node, op: Staircase, digits: int) -> Iterator[tuple[float, Node]]:
    """Forms that end in a cast, with their costs; and divisions, which need none for a floor."""
    fine = _Grid.of(op)
    if fine is None:
        yield from _divided(node, op)
        return
    source, out = node.inputs[0].type.int, node.type.int
    lines = single_lines(op, source, out)
    single = fine.cast(lines, op, source, out) if lines else None
    if single is not None:
        yield implementation_cost(single, source), Node(single, node.inputs, node.name)
        return
    cast = Cast((0,), (0,), fine.right, op.rounding, op.overflow, out)
    for form in _exactly(fine.stairs(op), source, digits):
        yield _two(node, form, cast)


def _two(node: Node, form: Op, cast: Cast) -> tuple[float, Node]:
    inner = Node(form, node.inputs, f"{node.name}.wide")
    cost = implementation_cost(form, node.inputs[0].type.int)
    return cost + implementation_cost(cast, inner.type.int), Node(cast, (inner,), node.name)


@dataclass(frozen=True)
class _Grid:
    """Steps of ``2**-right`` on which dyadic slopes lie; offsets do, or are taken to the middle."""

    right: int

    @staticmethod
    def of(op: Staircase) -> _Grid | None:
        """None where a slope is no dyadic number."""
        segments = [s for p in op.pieces for s in p.segments]
        exponents = [_exponent(s.slope) for s in segments]
        if any(e is None for e in exponents):
            return None
        least = max(e for e in exponents if e is not None)
        if all(_on(s.intercept, least) for s in segments):
            return _Grid(least)
        whole = max(least, 1)
        return _Grid(whole if all(_on(s.intercept, whole) for s in segments) else whole + 1)

    def offset(self, value: Fraction) -> int:
        """In steps; between two points of the next coarser grid, the middle."""
        scaled = value * (1 << self.right)
        return int(scaled) if scaled.denominator == 1 else 2 * floor(scaled / 2) + 1

    def cast(self, lines: Sequence[Segment], op: Staircase, source: Int, out: Int) -> Cast | None:
        """Without any other kernel, where all slopes are powers of two."""
        factors = [int(s.slope * (1 << self.right)) for s in lines]
        if not all(map(power_of_two, factors)):
            return None
        left = squeezed([a.bit_length() - 1 for a in factors])
        b = squeezed([self.offset(s.intercept) for s in lines])
        shared = self.right
        if len(left) == 1 and not any(v % (1 << min(left[0], shared)) for v in b):
            less = min(left[0], shared)
            left, b, shared = (left[0] - less,), tuple(v >> less for v in b), shared - less
        made = Cast(left, b, shared, op.rounding, op.overflow, out)
        return made if made.wide_bits(source) <= MAX_BITS else None

    def stairs(self, op: Staircase) -> Staircase:
        """The numbers in steps, as a function of integers without overflow."""
        unit, limit = 1 << self.right, 1 << MAX_BITS
        pieces = tuple(
            Piecewise(
                tuple(
                    Segment(s.start, s.slope * unit, Fraction(self.offset(s.intercept)))
                    for s in p.segments
                )
            )
            for p in op.pieces
        )
        scale = Scale.of([v / unit for v in op.elem.scale.values])
        return Staircase(pieces, Rounding.FLOOR, Int(-limit, limit, scale))


def _exponent(value: Fraction) -> int | None:
    den = value.denominator
    return None if den & (den - 1) else den.bit_length() - 1


def _on(value: Fraction, exponent: int) -> bool:
    return (value * (1 << exponent)).denominator == 1


def single_lines(op: Staircase, source: Int, out: Int) -> list[Segment] | None:
    """One line per channel, where the range sees no other or only saturates on others."""
    lines = []
    for piece in op.pieces:
        starts = [first_code(piece, s, source) for s in range(len(piece.segments))]
        ends = [*starts[1:], source.hi + 1]
        seen = [s for s, a, b in zip(piece.segments, starts, ends, strict=True) if a < b]
        line: Segment | None = seen[0] if len(seen) == 1 else None
        if line is None and op.overflow is Overflow.SAT:
            line = only_line(piece, op.rounding, out.lo, out.hi)
        if line is None:
            return None
        lines.append(line)
    return lines


def _exactly(stairs: Staircase, source: Int, digits: int) -> Iterator[Op]:
    """Kernels of a function from integers to integers that rounds nothing."""
    low, high = stairs.reach(source)
    if max(abs(low), abs(high)) >= 1 << (MAX_BITS - 2):
        return
    out = Int(low, high, stairs.elem.scale)
    lines = exact_lines(stairs.pieces, stairs.rounding, low, high)
    if lines is not None:
        yield from one_line(lines, np.ones(len(stairs.pieces), np.int64), source, out, digits)
    elif (form := exact_segments(stairs, source, out)) is not None:
        yield form


def _divided(node: Node, op: Staircase) -> Iterator[tuple[float, Node]]:
    """Lines of any rational slope: a floor by multiplication, with the halves on its grid."""
    source, out = node.inputs[0].type.int, node.type.int
    lines = single_lines(op, source, out)
    if lines is None:
        return
    whole = OFFSETS.get(op.rounding)
    if whole is not None:
        lines, right = [_floored(s, whole) for s in lines], 0
    else:
        lines = [with_halves(s) for s in lines]
        right = max((denominator(s) - 1).bit_length() for s in lines)
    found = [_floor(s, right, source) for s in lines]
    known = [f for f in found if f is not None]
    if len(known) < len(found):
        return
    shift = max(c for _, _, c in known)
    a = squeezed([v << (shift - c) for v, _, c in known])
    b = squeezed([v << (shift - c) for _, v, c in known])
    reach = max(abs(source.lo), abs(source.hi)) * max(map(abs, a)) + max(map(abs, b))
    if reach >= 1 << MAX_BITS:
        return
    if whole is not None and op.overflow is Overflow.SAT:
        form = Dyadic((a,), (b,), (), shift, out)
        yield implementation_cost(form, source), Node(form, node.inputs, node.name)
        return
    ends = [(x * u + v) >> shift for x in (source.lo, source.hi) for u in a for v in b]
    wide = Int(min(ends), max(ends), Scale.of([v / (1 << right) for v in out.scale.values]))
    rounding = Rounding.FLOOR if whole is not None else op.rounding
    yield _two(
        node,
        Dyadic((a,), (b,), (), shift, wide),
        Cast((0,), (0,), right, rounding, op.overflow, out),
    )


def denominator(line: Segment) -> int:
    """Of all values at integers, and of a half."""
    return lcm(2, line.slope.denominator, line.intercept.denominator)


def _floored(line: Segment, offset: Fraction) -> Segment:
    """A line with the same floors as ``line + offset``: its values are multiples of one step."""
    den = line.slope.denominator
    level = Fraction(floor((line.intercept + offset) * den), den)
    return Segment(line.start, line.slope, level)


def with_halves(line: Segment) -> Segment:
    """A line with a short common denominator that lies to integers and halves as ``line`` does."""
    den = lcm(2, line.slope.denominator)
    if (line.intercept * den).denominator == 1:
        return line
    level = Fraction(2 * floor(line.intercept * den) + 1, 2 * den)
    return Segment(line.start, line.slope, level)


def _floor(line: Segment, right: int, source: Int) -> tuple[int, int, int] | None:
    """``(a, b, c)`` with ``(a x + b) >> c == floor(line(x) * 2**right)`` in the range.

    ``n // d`` is ``(m n) >> c`` for ``n >= 0`` with ``m = ceil(2**c / d)``, as long as
    ``n (m d - 2**c) < 2**c``; negative n are moved up by a multiple ``k d`` before.
    """
    unit = 1 << right
    slope, intercept = line.slope * unit, line.intercept * unit
    d = lcm(slope.denominator, intercept.denominator)
    p, r = int(slope * d), int(intercept * d)
    ends = (p * source.lo + r, p * source.hi + r)
    k = -(min(*ends, 0) // d)
    top = max(ends) + k * d
    for c in range(MAX_BITS):
        m = -(-(1 << c) // d)
        error = m * d - (1 << c)
        if top * error < 1 << c:
            return _shortened(p * m, r * m + k * error, c)
    return None


def _shortened(a: int, b: int, c: int) -> tuple[int, int, int]:
    """Without the low bits that all products have in common."""
    zeros = min((a & -a).bit_length() - 1, c) if a else c
    return a >> zeros, b >> zeros, c - zeros
