"""A pipelined circuit of additions: what a kernel with a body of its own computes.

Both back ends render it as it stands, one wire after the other: widths, shifts and register stages
are decided here, so that templates only loop and print (docs/kernels.md, ``adders``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    """``(-1)**negative * (value << shift)`` of the wire with that number."""

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
    """The sum of one or two operands, at most one of them negative unless it is the only one."""

    elem: Int
    terms: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Register:
    """The value of another wire, one stage later; ``stage`` is the one that it ends."""

    elem: Int
    wire: int
    stage: int


Wire = Lane | Sum | Register


@dataclass(frozen=True)
class Circuit:
    """Wires in an order in which every one follows its operands.

    ``outputs``: one per element of the output word, read behind the last of ``stages`` register
    stages; None is zero. Every value lies in the range of its wire, so arithmetic modulo its
    width is exact.
    """

    wires: tuple[Wire, ...]
    outputs: tuple[Operand | None, ...]
    stages: int

    @cached_property
    def counts(self) -> Counts:
        """What cost and latency depend on: ``Stages``, bits of adders that need a LUT
        (``AdderBits``; ``NarrowBits``: of short ones), of registers (``RegisterBits``)."""
        sums = [self._adder_bits(wire) for wire in self.wires if isinstance(wire, Sum)]
        registers = [wire for wire in self.wires if isinstance(wire, Register)]
        return {
            "Stages": self.stages,
            "AdderBits": sum(sums),
            "NarrowBits": sum(bits for bits in sums if bits <= NARROW),
            "RegisterBits": sum(wire.elem.bits for wire in registers),
        }

    def _adder_bits(self, wire: Sum) -> int:
        """LUTs of a sum: bits below the upper operand's lowest one pass through, unless the lower
        operand is subtracted; operands that do not overlap are side by side for nothing."""
        bits = wire.elem.bits
        if len(wire.terms) == 1:
            return bits
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
                    values.append(_total(values, wire.terms))
        zero = np.zeros(len(x), dtype=np.int64)
        columns = [zero if o is None else _total(values, (o,)) for o in self.outputs]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Body:
    """A circuit that is made when it is read, which may take seconds, and what its counts are
    expected to be: a plan prices a circuit for every layer and builds a few of them."""

    expected: Counts
    make: Callable[[], Circuit] = field(repr=False)

    @cached_property
    def circuit(self) -> Circuit:
        """The circuit itself."""
        return self.make()


def _total(values: Sequence[NDArray[np.int64]], terms: Sequence[Operand]) -> NDArray[np.int64]:
    parts = [(values[t.wire] << t.shift) * (-1 if t.negative else 1) for t in terms]
    return np.asarray(sum(parts), dtype=np.int64)


def operands(wire: Wire) -> Iterator[Operand]:
    """What a wire is made of."""
    match wire:
        case Register():
            yield Operand(wire.wire)
        case Sum():
            yield from wire.terms
