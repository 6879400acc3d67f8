"""Real values as exact functions of integers, and what activations do to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from qfxc.errors import InternalError, UserError
from qfxc.ir.enclosure import POLE, Unsettled, enclose
from qfxc.ir.function import Program, channels
from qfxc.ir.graph import Node
from qfxc.ir.interval import Interval
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.types import exact
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.const import const_value
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.quantize import Quantize
from qfxc.ops.table import Table

MOST_TABLE_BITS = 12
"""Codes of a function that has to be tabulated."""

MOST_ENTRIES = 2 << MOST_TABLE_BITS
"""Of such a table: a border around the codes may need one bit more."""

FIRST_DIGITS, MOST_DIGITS = 30, 1000
"""Decimal digits of a function's value: as few as prove its rounding. Where the most do not, the
value is the boundary itself, as sqrt(2) * sqrt(2) is 2."""


@dataclass(frozen=True)
class Exact:
    """A real value as an exact function of integers.

    The real tensor equals ``pieces[channel](node)`` element by element. Where ``then`` is not
    None (a function with no finite description, to be tabulated), it comes next, and behind it
    ``after[channel]``.
    """

    node: Node
    pieces: tuple[Piecewise, ...]
    then: Program | None = None
    after: tuple[Piecewise, ...] = (Piecewise.linear(Fraction(1)),)

    def map(self, *functions: Callable[[Piecewise], Piecewise]) -> Exact:
        """Applies one function per channel, or one to all."""
        last = self.pieces if self.then is None else self.after
        count = max(len(functions), len(last))
        wide_f, wide_p = functions * (count // len(functions)), last * (count // len(last))
        mapped = tuple(f(p) for f, p in zip(wide_f, wide_p, strict=True))
        if self.then is None:
            return Exact(self.node, mapped)
        return Exact(self.node, self.pieces, self.then, mapped)

    def followed_by(self, function: Program) -> Exact:
        if self.then is not None:
            raise NoCodes(self)
        return Exact(self.node, self.pieces, function)

    @property
    def line(self) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
        """``(slopes, offsets)`` of a linear value, each one for all channels or one per channel."""
        if self.then or any(len(p.segments) > 1 for p in self.pieces):
            raise NoCodes(self)
        lines = [p.segments[0] for p in self.pieces]
        return squeezed(s.slope for s in lines), squeezed(s.intercept for s in lines)

    @property
    def step(self) -> Fraction:
        """The scale of a value that is one positive constant times its codes."""
        slopes, offsets = self.line
        if len(slopes) > 1 or any(offsets) or slopes[0] <= 0:
            raise NoCodes(self)
        return slopes[0]


class NoCodes(InternalError):
    """A value is read as codes of one scale, but is none: a quantizer is missing.

    ``step``: the scale that the reader needs, where it needs a certain one.
    """

    def __init__(self, value: Exact, step: Fraction | None = None) -> None:
        super().__init__(
            f"{value.node.name}: codes were expected, this value is not quantized"
            if step is None
            else f"{value.node.name}: codes of the scale {step} were expected"
        )
        self.value = value
        self.step = step


def squeezed(values: Iterable[Fraction]) -> tuple[Fraction, ...]:
    """One value instead of one per channel, where they are all the same."""
    items = tuple(values)
    return items[:1] if len(set(items)) == 1 else items


def linear(node: Node, scales: tuple[Fraction, ...], offsets: tuple[Fraction, ...] = ()) -> Exact:
    """``scales[c] * node + offsets[c]``"""
    offsets = offsets or (Fraction(0),) * len(scales)
    if len(set(scales)) == len(set(offsets)) == 1:
        scales, offsets = scales[:1], offsets[:1]
    pairs = zip(scales, offsets, strict=True)
    return Exact(node, tuple(Piecewise.linear(a, b) for a, b in pairs))


def tabulated(codes: Exact, to: Quantize, name: str) -> Table:
    """The table of a function with no finite description, from codes to those of ``to``."""
    source = codes.node.type.int
    entries = source.hi - source.lo + 1
    if entries > MOST_ENTRIES or codes.then is None:
        raise UserError(
            f"a function of {source.bits}-bit codes needs {entries} table entries",
            where=name,
            hint=f"use at most {MOST_TABLE_BITS} activation bits",
        )
    count = max(len(codes.pieces), len(codes.after), channels(codes.then))
    rows = []
    for c in range(count):
        before, after = codes.pieces[c % len(codes.pieces)], codes.after[c % len(codes.after)]
        rows.append(
            tuple(
                _code(codes.then, before.at(x), c, after, to)
                for x in range(source.lo, source.hi + 1)
            )
        )
    return Table(tuple(rows), to.elem)


def _code(function: Program, x: Fraction, channel: int, after: Piecewise, to: Quantize) -> int:
    """``overflow(round(after(function(x))))``, proved: both ends of an enclosure round alike."""

    def code(v: Fraction) -> int:
        return to.overflow.apply(to.rounding.round(v), to.elem)

    digits = FIRST_DIGITS
    while True:
        try:
            value = _image(after, enclose(function, x, channel, digits))
        except Unsettled:
            if digits >= MOST_DIGITS:
                return code(after.at(POLE))
        else:
            low, high = code(value.lo), code(value.hi)
            if low == high:
                return low
            if digits >= MOST_DIGITS:  # boundaries of every rounding are halves of integers
                return code(Fraction(ceil(2 * value.lo), 2))
        digits = min(2 * digits, MOST_DIGITS)


def _image(piece: Piecewise, x: Interval) -> Interval:
    """What a continuous function makes of a narrow interval."""
    kinks = [s.start for s in piece.segments if s.start is not None and x.lo < s.start < x.hi]
    values = [piece.at(v) for v in (x.lo, x.hi, *kinks)]
    return Interval(min(values), max(values))


def exact_values(constant: Node) -> tuple[Fraction, ...]:
    """The numbers of a real constant: as they are, or codes times scale."""
    if isinstance(constant.op, Dequantize):
        codes = const_value(constant.inputs[0]).reshape(-1)
        scales = constant.inputs[0].type.int.scale.channels(len(codes))
        return tuple(int(q) * s for q, s in zip(codes, scales, strict=True))
    return tuple(exact(v) for v in np.atleast_1d(const_value(constant)))


def chain_functions(node: Node) -> tuple[Callable[[Piecewise], Piecewise], ...]:
    """What an activation or constant arithmetic does: one function per channel, or one for all."""
    match node.op:
        case Clip(lo=lo, hi=hi):
            low = None if lo == -np.inf else exact(lo)
            high = None if hi == np.inf else exact(hi)
            return (lambda p: p.clip(low, high),)
        case Affine():
            a, b = (exact_values(i) for i in node.inputs[1:])
            count = max(len(a), len(b))
            pairs = zip(a * (count // len(a)), b * (count // len(b)), strict=True)
            return tuple(_affine_of(u, v) for u, v in pairs)
    return tuple(_prelu_of(s) for s in exact_values(node.inputs[1]))


def _affine_of(a: Fraction, b: Fraction) -> Callable[[Piecewise], Piecewise]:
    return lambda p: p.affine(a, b)


def _prelu_of(slope: Fraction) -> Callable[[Piecewise], Piecewise]:
    return lambda p: p.prelu(slope)
