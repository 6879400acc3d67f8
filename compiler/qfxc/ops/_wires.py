"""Adder graphs as wires of a circuit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qfxc.adders.graph import AdderGraph
from qfxc.ir.circuit import Operand, Sum, Wire
from qfxc.ir.types import Int


def appended(
    graph: AdderGraph, inputs: Sequence[int], add: Callable[[Wire], int]
) -> list[Operand | None]:
    """What the outputs of a graph are, its inputs being the wires with these numbers; ``add``
    appends a wire and returns its number. Outputs are never negative: a sum negates them."""
    ranges, made = graph.ranges(), list(inputs)
    elems = [Int(found.lo, found.hi) for found in ranges]
    for elem, adder in zip(elems[len(inputs) :], graph.adders, strict=True):
        terms = tuple(Operand(made[t.node], t.shift, t.negative) for t in (adder.a, adder.b))
        made.append(add(Sum(elem, terms)))
    negated: dict[int, int] = {}
    outputs: list[Operand | None] = []
    for term in graph.outputs:
        if term is None:
            outputs.append(None)
            continue
        wire = made[term.node]
        if term.negative and term.node not in negated:
            minus = Int(-elems[term.node].hi, -elems[term.node].lo)
            negated[term.node] = add(Sum(minus, (Operand(wire, 0, True),)))
        outputs.append(Operand(negated[term.node] if term.negative else wire, term.shift))
    return outputs
