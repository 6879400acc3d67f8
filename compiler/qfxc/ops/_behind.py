"""Rescales inside the circuit of adders that they follow: no stream and no kernel of their own.

Their constants are folded: half a step of rounding is part of the constant that is added, so a
result to the nearest takes one addition and, with ties to even, one LUT more. The constant is added
to a term of the sum in front where that is there early enough: no level more, and fewer bits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from qfxc.adders.graph import AdderGraph
from qfxc.adders.solve import LONGEST, WIDEST, least_depth, solve
from qfxc.ir.circuit import Circuit, Clip, Lane, Operand, Sum, Wire, operands
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Kernel, stream_params
from qfxc.ir.types import Int
from qfxc.ops._wires import appended


@dataclass(frozen=True, slots=True)
class Rescale:
    """``clip((factor[c] * x + b[c]) >> right, elem)``, ``factors`` and ``b`` (1) or (C). ``even``:
    where the bits that are cut off are all zero, the result before the clip becomes even."""

    factors: tuple[int, ...]
    b: tuple[int, ...]
    right: int
    even: bool
    elem: Int


def followed(kernel: Kernel, node: Node, rescale: Rescale) -> Kernel | None:
    """The kernel whose circuit emits what ``node`` makes of its output words, one element per
    channel; None for one without a circuit, and for factors or products of more bits than solvers
    take."""
    factor = max(map(abs, rescale.factors))
    most = factor * node.inputs[0].type.int.magnitude
    if kernel.body is None or factor >> WIDEST or most >> LONGEST:
        return None
    params = {**kernel.params, **stream_params("Y", node.type.int)}
    body = kernel.body.followed(lambda circuit: rescaled(circuit, rescale))
    return replace(kernel, params=params, body=body)


def rescaled(circuit: Circuit, rescale: Rescale) -> Circuit:
    """The circuit, without registers, with a rescale behind every output."""
    wires = _Wires(list(circuit.wires), Counter(o.wire for o in circuit.outputs if o is not None))
    outputs: list[Operand | None] = []
    for channel, operand in enumerate(circuit.outputs):
        factor = rescale.factors[channel % len(rescale.factors)]
        b = rescale.b[channel % len(rescale.b)]
        scaled = None if operand is None else wires.product(wires.cut(operand), factor)
        if scaled is None:
            outputs.append(wires.constant(b, rescale))
        else:
            outputs.append(wires.result(scaled, b, rescale))
    return swept(replace(circuit, wires=tuple(wires.wires), outputs=tuple(outputs)))


@dataclass
class _Wires:
    """The wires of a circuit, as they are added; ``readers`` of each, at first the outputs."""

    wires: list[Wire]
    readers: Counter[int]
    depths: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for wire in self.wires:
            self.readers.update(o.wire for o in operands(wire))
            self._deepen(wire)

    def _deepen(self, wire: Wire) -> None:
        before = max((self.depths[o.wire] for o in operands(wire)), default=0)
        self.depths.append(before + (not isinstance(wire, Lane)))

    def constant(self, b: int, rescale: Rescale) -> Operand | None:
        """The result for x = 0."""
        value = b >> rescale.right
        if rescale.even and b % (1 << rescale.right) == 0:
            value &= ~1
        return self._constant(min(max(value, rescale.elem.lo), rescale.elem.hi))

    def _constant(self, value: int) -> Operand | None:
        return self._add(Sum(Int(value, value), (), value)) if value else None

    def cut(self, operand: Operand) -> Operand:
        """What a rescale in front has cut off is gone: a shift to the right is a wire."""
        if operand.shift >= 0:
            return operand
        elem, right = self.wires[operand.wire].elem, -operand.shift
        return self._add(Clip(Int(elem.lo >> right, elem.hi >> right), operand.wire, right))

    def product(self, operand: Operand, factor: int) -> Operand | None:
        """``factor * x`` in as few levels as it has; None for zero."""
        elem = self.wires[operand.wire].elem
        graph = _solved(factor, Int(elem.lo, elem.hi))
        (scaled,) = appended(graph, [operand.wire], self._put)
        return None if scaled is None else replace(scaled, shift=scaled.shift + operand.shift)

    def result(self, x: Operand, b: int, rescale: Rescale) -> Operand | None:
        """``clip(((x << shift) + b) >> right)``; zeros that would be cut off are not made."""
        common = min(x.shift, rescale.right)
        even = rescale.even and b % (1 << common) == 0
        x, b, right = replace(x, shift=x.shift - common), b >> common, rescale.right - common
        elem = self.wires[x.wire].elem
        if x.shift:
            elem = Int((elem.lo << x.shift) + b, (elem.hi << x.shift) + b)
            x = self._add(Sum(elem, (x,), b))
        elif b:
            elem = Int(elem.lo + b, elem.hi + b)
            early = self._plus(x.wire, b, self.depths[x.wire])
            x = early or self._add(Sum(elem, (x,), b))
        kept = Clip(elem, x.wire, right, even).kept(elem)
        low, high = (min(max(v, rescale.elem.lo), rescale.elem.hi) for v in (kept.lo, kept.hi))
        if low == high:
            return self._constant(low)
        if (low, high) == (kept.lo, kept.hi) and not even:
            return Operand(x.wire, -right)
        return self._add(Clip(Int(low, high), x.wire, right, even))

    def _plus(self, number: int, b: int, limit: int) -> Operand | None:
        """A wire and a constant, at most ``limit`` deep: added to it, or to the narrowest of its
        terms that allows it, if nothing else reads it. None where nothing does."""
        wire = self.wires[number]
        elem = Int(wire.elem.lo + b, wire.elem.hi + b)
        if self.depths[number] < limit:
            return self._add(Sum(elem, (Operand(number),), b))
        if not isinstance(wire, Sum) or self.readers[number] > 1 or wire.constant:
            return None
        for term in sorted(wire.terms, key=lambda t: self.wires[t.wire].elem.bits):
            part = (-b if term.negative else b) >> term.shift
            if b % (1 << term.shift) == 0 and (made := self._plus(term.wire, part, limit - 1)):
                new = replace(term, wire=made.wire)
                return self._add(Sum(elem, tuple(new if t is term else t for t in wire.terms)))
        return None

    def _add(self, wire: Wire) -> Operand:
        return Operand(self._put(wire))

    def _put(self, wire: Wire) -> int:
        self._deepen(wire)
        self.readers.update(o.wire for o in operands(wire))
        self.wires.append(wire)
        return len(self.wires) - 1


@lru_cache(maxsize=1024)
def _solved(factor: int, elem: Int) -> AdderGraph:
    matrix = np.array([[factor]])
    return solve(matrix, [elem], depth=least_depth(matrix))


def swept(circuit: Circuit) -> Circuit:
    """A circuit without registers, and without the wires that no output needs."""
    needed = {o.wire for o in circuit.outputs if o is not None}
    for number in reversed(range(len(circuit.wires))):
        if number in needed:
            needed.update(o.wire for o in operands(circuit.wires[number]))
    place = {number: at for at, number in enumerate(sorted(needed))}

    def moved(operand: Operand) -> Operand:
        return replace(operand, wire=place[operand.wire])

    wires: list[Wire] = []
    for number in place:
        match wire := circuit.wires[number]:
            case Sum():
                wires.append(replace(wire, terms=tuple(map(moved, wire.terms))))
            case Clip():
                wires.append(replace(wire, wire=place[wire.wire]))
            case _:
                wires.append(wire)
    outputs = tuple(None if o is None else moved(o) for o in circuit.outputs)
    return replace(circuit, wires=tuple(wires), outputs=outputs)
