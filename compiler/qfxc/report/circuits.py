"""What the report says of layers that became circuits of adders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qfxc.hw.netlist import Netlist
from qfxc.ir.circuit import Circuit, Sum, Wire, operands


def circuits(netlist: Netlist) -> dict[str, dict[str, Any]]:
    """By layer: its ``adders``, the most of them on the way to a result (``depth``), the register
    ``stages``, and the names of all ``nodes`` that the circuit computes (the layer's rescale)."""
    found = {}
    for instance in netlist.instances:
        if instance.kernel.body is not None:
            nodes = instance.nodes or (instance.name,)
            found[nodes[0]] = {**_size(instance.kernel.body.circuit), "nodes": list(nodes)}
    return found


def _size(circuit: Circuit) -> dict[str, int]:
    depths: list[int] = []
    for wire in circuit.wires:
        before = max((depths[operand.wire] for operand in operands(wire)), default=0)
        depths.append(before + _adds(wire))
    return {
        "adders": sum(map(_adds, circuit.wires)),
        "depth": max((depths[o.wire] for o in circuit.outputs if o is not None), default=0),
        "stages": circuit.stages,
    }


def _adds(wire: Wire) -> bool:
    """Whether a wire is a sum or a negative, not merely shifted."""
    if not isinstance(wire, Sum):
        return False
    negative = any(term.negative for term in wire.terms)
    return negative or len(wire.terms) + bool(wire.constant) > 1


def circuit_lines(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence on all circuits of adders of a report, if there are any."""
    found = [row["circuit"] for row in layers if row["circuit"]]
    if not found:
        return []
    adders = sum(c["adders"] for c in found)
    depth, stages = (max(c[key] for c in found) for key in ("depth", "stages"))
    return [
        f"circuits of adders: {len(found)} layer{'s' * (len(found) > 1)}, {adders:,} adders, "
        f"at most {depth} behind each other and {stages} register stages"
    ]


def inside(layers: Sequence[Mapping[str, Any]]) -> set[str]:
    """The layers that the circuit of another one computes."""
    return {name for row in layers if row["circuit"] for name in row["circuit"]["nodes"][1:]}
