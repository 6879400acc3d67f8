"""Circuits of adders for the templates: names, widths and operands of every wire.

Wires are ``x<n>`` (elements of the input word), ``n<n>`` (sums) and ``r<n>`` (registers), n their
number in the circuit. C++ has no registers, so there a register is what it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qfxc.errors import InternalError
from qfxc.ir.circuit import Circuit, Lane, Operand, Register, Sum, Wire, operands
from qfxc.ir.kernel import Kernel
from qfxc.ir.types import Int


def rtl_context(kernel: Kernel) -> dict[str, Any]:
    """Every wire with its bits, and the output word as expressions in SystemVerilog."""
    circuit, names = _named(kernel)
    bits, y_bits = kernel.params["XBits"], kernel.params["YBits"]
    cut = _cut(circuit)
    wires = [
        {
            "name": names[n],
            "bits": wire.elem.bits,
            "signed": wire.elem.signed,
            "cut": n in cut,
            **_rtl_wire(wire, names, bits),
        }
        for n, wire in enumerate(circuit.wires)
    ]
    values = [_rtl_output(o, names, y_bits) for o in circuit.outputs]
    return {
        "stages": circuit.stages,
        "wires": wires,
        "x_high": kernel.params["Simd"] * bits - 1,
        "y_high": len(values) * y_bits - 1,
        "outputs": [
            {"low": i * y_bits, "high": (i + 1) * y_bits - 1, "value": value}
            for i, value in enumerate(values)
        ],
    }


def hls_context(kernel: Kernel) -> dict[str, Any]:
    """Every wire with its type, and the outputs as expressions in C++."""
    circuit, names = _named(kernel)
    held = list(names)
    for n, wire in enumerate(circuit.wires):
        if isinstance(wire, Register):
            held[n] = held[wire.wire]
    p = kernel.params
    x_type, y_type = (_type(p[f"{k}Bits"], bool(p[f"{k}Signed"])) for k in "XY")
    wires = [
        {"name": names[n], "type": _type_of(wire.elem), **_hls_wire(wire, held)}
        for n, wire in enumerate(circuit.wires)
        if not isinstance(wire, Register)
    ]
    values = [
        "0" if o is None else f"{y_type}({held[o.wire]}) << {o.shift}" for o in circuit.outputs
    ]
    return {
        "x_type": x_type,
        "y_type": y_type,
        "lanes": p["Simd"],
        "wires": wires,
        "outputs": [{"value": value} for value in values],
    }


def _named(kernel: Kernel) -> tuple[Circuit, list[str]]:
    if kernel.body is None:
        raise InternalError(f"the kernel {kernel.name} has no circuit")
    circuit = kernel.body.circuit
    return circuit, [f"{_LETTERS[type(w)]}{n}" for n, w in enumerate(circuit.wires)]


_LETTERS = {Lane: "x", Sum: "n", Register: "r"}


def _rtl_wire(wire: Wire, names: Sequence[str], bits: int) -> Mapping[str, Any]:
    match wire:
        case Lane():
            low = wire.index * bits
            return {"kind": "lane", "low": low, "high": low + bits - 1}
        case Register():
            return {"kind": "register", "source": names[wire.wire], "stage": wire.stage}
        case Sum():
            return {"kind": "sum", "terms": _terms(wire, names)}


def _hls_wire(wire: Lane | Sum, names: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(wire, Lane):
        return {"kind": "lane", "index": wire.index}
    return {"kind": "sum", "terms": _terms(wire, names)}


def _terms(wire: Sum, names: Sequence[str]) -> list[dict[str, Any]]:
    """The positive operand first."""
    ordered = sorted(wire.terms, key=lambda term: term.negative)
    return [
        {
            "name": names[term.wire],
            "shift": term.shift,
            "sign": "-" if term.negative else "+" if number else "",
        }
        for number, term in enumerate(ordered)
    ]


def _rtl_output(operand: Operand | None, names: Sequence[str], bits: int) -> str:
    if operand is None:
        return f"{bits}'d0"
    return f"{bits}'({names[operand.wire]}) << {operand.shift}"


def _cut(circuit: Circuit) -> set[int]:
    """Wires with bits that no sum takes: their readers are narrower."""
    wires = circuit.wires
    return {
        term.wire
        for wire in wires
        for term in operands(wire)
        if term.shift + wires[term.wire].elem.bits > wire.elem.bits
    }


def _type_of(elem: Int) -> str:
    return _type(elem.bits, elem.signed)


def _type(bits: int, signed: bool) -> str:
    return f"ap_int<{bits}>" if signed else f"ap_uint<{bits}>"
