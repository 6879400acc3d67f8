"""Registers in a circuit of additions: which stage everything lies in, and what waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from qfxc.ir.circuit import Circuit, Clip, Lane, Operand, Register, Sum, Wire, operands
from qfxc.ops._stages import Values, stages


def pipelined(circuit: Circuit, levels: int) -> Circuit:
    """A circuit without registers in the fewest stages of at most ``levels`` sums or saturations
    one behind the other, with the fewest bits of registers (``ops/_stages.py``)."""
    values = Values(
        [[o.wire for o in operands(wire)] for wire in circuit.wires],
        [wire.elem.bits for wire in circuit.wires],
        frozenset(n for n, wire in enumerate(circuit.wires) if isinstance(wire, Lane)),
        frozenset(o.wire for o in circuit.outputs if o is not None),
    )
    pipe = _Pipe(stages(values, levels))
    for wire in circuit.wires:
        pipe.append(wire)
    last = values.count(levels)
    outputs = [None if o is None else pipe.operand(o, last) for o in circuit.outputs]
    return Circuit(tuple(pipe.wires), tuple(outputs), last)


@dataclass
class _Pipe:
    """Wires as they are added; ``made`` has the stages of those without registers."""

    made: Sequence[int]
    wires: list[Wire] = field(default_factory=list)
    _places: list[int] = field(default_factory=list)
    """Of the wires that were there, in order."""
    _held: dict[tuple[int, int], int] = field(default_factory=dict)
    """The register of one of them in a later stage."""

    def append(self, wire: Wire) -> None:
        stage = self.made[len(self._places)]
        match wire:
            case Sum():
                wire = replace(wire, terms=tuple(self.operand(o, stage) for o in wire.terms))
            case Clip():
                wire = replace(wire, wire=self._until(wire.wire, stage))
        self._places.append(self._add(wire))

    def operand(self, operand: Operand, stage: int) -> Operand:
        """The operand in a later stage."""
        return replace(operand, wire=self._until(operand.wire, stage))

    def _until(self, number: int, stage: int) -> int:
        place = self._places[number]
        for end in range(self.made[number], stage):
            key = (number, end + 1)
            if key not in self._held:
                self._held[key] = self._add(Register(self.wires[place].elem, place, end))
            place = self._held[key]
        return place

    def _add(self, wire: Wire) -> int:
        self.wires.append(wire)
        return len(self.wires) - 1
