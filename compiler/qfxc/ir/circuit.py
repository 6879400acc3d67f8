"""A pipelined circuit of additions: what a kernel with a body of its own computes.

Both back ends render it as it stands, one wire after the other: widths, shifts and register stages
are decided here, so that templates only loop and print (docs/kernels.md, ``adders``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.types import Int

Counts = Mapping[str, int]
"""What cost and latency of a circuit depend on, by name (``Circuit.counts``)."""

NARROW = 5
"""Bits of an adder that synthesis may build of LUTs without a carry chain."""


@dataclass(frozen=True, slots=True)
class Operand:
    """``(-1)**negative * (value << shift)`` of the wire with that number; a shift below zero is to
    the right and cuts bits off (floor)."""

    wire: int
    shift: int = 0
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """An element of the input word, used in the first stage."""

    elem: Int
    index: int


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of up to two operands, at most one of them negative unless it is the only one, or of
    one that is not negative and a constant."""

    elem: Int
    terms: tuple[Operand, ...]
    constant: int = 0


@dataclass(frozen=True, slots=True)
class Clip:
    """``value >> right`` (floor), saturated to the range of ``elem``. ``even``: where the bits that
    are cut off are all zero, the lowest one that is kept becomes zero too (rounding to even, of a
    value that half a step was added to)."""

    elem: Int
    wire: int
    right: int
    even: bool = False

    def kept(self, source: Int) -> Int:
        """The range before the saturation, of values in the range ``source``."""
        lo = source.lo >> self.right
        return Int(lo & ~1 if self.even else lo, source.hi >> self.right)


@dataclass(frozen=True, slots=True)
class Register:
    """The value of another wire, one stage later; ``stage`` is the one that it ends."""

    elem: Int
    wire: int
    stage: int


Wire = Lane | Sum | Clip | Register


@dataclass(frozen=True)
class Circuit:
    """Wires in an order in which every one follows its operands.

    ``outputs``: one per element of the output word, read behind the last of ``stages`` register
    stages; None is zero. Every value lies in the range of its wire, so arithmetic modulo its
    width is exact.
    """

    wires: tuple[Wire, ...]
    outputs: tuple[Operand | None, ...]
    stages: int = 0

    @cached_property
    def counts(self) -> Counts:
        """What cost and latency depend on: ``Stages``, bits of adders and of saturations that need
        a LUT (``AdderBits``; ``NarrowBits``: of short ones), of registers (``RegisterBits``)."""
        sums = [self._luts(wire) for wire in self.wires]
        registers = [wire for wire in self.wires if isinstance(wire, Register)]
        return {
            "Stages": self.stages,
            "AdderBits": sum(sums),
            "NarrowBits": sum(bits for bits in sums if bits <= NARROW),
            "RegisterBits": sum(wire.elem.bits for wire in registers),
        }

    def _luts(self, wire: Wire) -> int:
        match wire:
            case Sum():
                return self._adder_bits(wire)
            case Clip() if wire.even or wire.kept(self.wires[wire.wire].elem) != wire.elem:
                return wire.elem.bits
            case _:
                return 0

    def _adder_bits(self, wire: Sum) -> int:
        """LUTs of a sum: bits below the upper operand's lowest one pass through, unless the lower
        operand is subtracted; operands that do not overlap are side by side for nothing."""
        bits = wire.elem.bits
        if len(wire.terms) < 2:
            zeros = (wire.constant & -wire.constant).bit_length() - 1 if wire.constant else 0
            made = wire.constant or any(term.negative for term in wire.terms)
            return max(bits - zeros, 0) if wire.terms and made else 0
        low, high = sorted(wire.terms, key=lambda term: term.shift)
        if low.negative:
            return max(bits - low.shift, 0)
        below = self.wires[low.wire].elem
        apart = below.lo >= 0 and below.hi << low.shift < 1 << high.shift
        return 0 if apart and not high.negative else max(bits - high.shift, 0)

    def run(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """The output words (n, outputs) of input words (n, lanes), in unlimited time."""
        values: list[NDArray[np.int64]] = []
        for wire in self.wires:
            match wire:
                case Lane():
                    values.append(x[:, wire.index])
                case Register():
                    values.append(values[wire.wire])
                case Sum():
                    total = _total(values, wire.terms) + wire.constant
                    values.append(np.broadcast_to(total, len(x)))
                case Clip():
                    values.append(_clipped(wire, values[wire.wire]))
        zero = np.zeros(len(x), dtype=np.int64)
        columns = [zero if o is None else _total(values, (o,)) for o in self.outputs]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Body:
    """A circuit that is made when it is read, which may take seconds, and what its counts are
    expected to be: a plan prices a circuit for every layer and builds a few of them.

    ``make`` returns its wires without registers, ``pipeline`` adds these.
    """

    expected: Counts
    make: Callable[[], Circuit] = field(repr=False)
    pipeline: Callable[[Circuit], Circuit] = field(repr=False)

    @cached_property
    def circuit(self) -> Circuit:
        """The circuit itself."""
        return self.pipeline(self.make())

    def followed(self, by: Callable[[Circuit], Circuit]) -> Body:
        """The body whose wires ``by`` makes of those of this one."""
        return replace(self, make=lambda: by(self.make()))


def _total(values: Sequence[NDArray[np.int64]], terms: Sequence[Operand]) -> NDArray[np.int64]:
    parts = [_shifted(values[t.wire], t.shift) * (-1 if t.negative else 1) for t in terms]
    return np.asarray(sum(parts), dtype=np.int64)


def _shifted(value: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    return value << shift if shift >= 0 else value >> -shift


def _clipped(wire: Clip, value: NDArray[np.int64]) -> NDArray[np.int64]:
    kept = value >> wire.right
    if wire.even:
        kept &= ~(value & ((1 << wire.right) - 1) == 0).astype(np.int64)
    return np.asarray(np.clip(kept, wire.elem.lo, wire.elem.hi))


def operands(wire: Wire) -> Iterator[Operand]:
    """What a wire is made of."""
    match wire:
        case Register():
            yield Operand(wire.wire)
        case Clip():
            yield Operand(wire.wire, -wire.right)
        case Sum():
            yield from wire.terms
