"""Circuits of adders for the templates: names, widths and operands of every wire.

Wires are ``x<n>`` (elements of the input word), ``n<n>`` (sums), ``q<n>`` (saturated values;
``v<n>`` is what they saturate) and ``r<n>`` (registers), n their number in the circuit. C++ has no
registers, so there a register is what it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qfxc.errors import InternalError
from qfxc.ir.circuit import Circuit, Clip, Lane, Operand, Register, Sum, Wire, operands
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
            **_rtl_wire(circuit, wire, names, bits),
        }
        for n, wire in enumerate(circuit.wires)
    ]
    values = [_rtl_output(o, names, y_bits) for o in circuit.outputs]
    return {
        "stages": circuit.stages,
        "lanes": kernel.params["Simd"],
        "sums": _sums(circuit),
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
        {"name": names[n], "type": _type_of(wire.elem), **_hls_wire(circuit, wire, held)}
        for n, wire in enumerate(circuit.wires)
        if not isinstance(wire, Register)
    ]
    values = [
        "0" if o is None else _output(y_type, held[o.wire], o.shift, ">>") for o in circuit.outputs
    ]
    return {
        "x_type": x_type,
        "y_type": y_type,
        "lanes": p["Simd"],
        "sums": _sums(circuit),
        "wires": wires,
        "outputs": [{"value": value} for value in values],
    }


def _named(kernel: Kernel) -> tuple[Circuit, list[str]]:
    if kernel.body is None:
        raise InternalError(f"the kernel {kernel.name} has no circuit")
    circuit = kernel.body.circuit
    return circuit, [f"{_LETTERS[type(w)]}{n}" for n, w in enumerate(circuit.wires)]


def _sums(circuit: Circuit) -> int:
    return sum(isinstance(wire, Sum) for wire in circuit.wires)


_LETTERS = {Lane: "x", Sum: "n", Clip: "q", Register: "r"}


def _rtl_wire(circuit: Circuit, wire: Wire, names: Sequence[str], bits: int) -> Mapping[str, Any]:
    match wire:
        case Lane():
            low = wire.index * bits
            return {"kind": "lane", "low": low, "high": low + bits - 1}
        case Register():
            return {"kind": "register", "source": names[wire.wire], "stage": wire.stage}
        case Sum():
            return _rtl_sum(wire, names)
        case Clip():
            return _rtl_clip(wire, circuit.wires[wire.wire].elem, names[wire.wire])


def _rtl_sum(wire: Sum, names: Sequence[str]) -> Mapping[str, Any]:
    """The bits below an operand that is shifted pass through: ``through`` names the other one, of
    which that many low bits are not added. Tools that find it out by themselves first join such
    sums with others, and then need more LUTs."""
    low, *other = sorted(wire.terms, key=lambda term: term.shift) or [Operand(0)]
    count = other[0].shift if other and not (low.shift or low.negative) else 0
    if count >= wire.elem.bits:
        count = 0
    terms = [{**term, "shift": term["shift"] - count} for term in _terms(wire, names)]
    for term in terms:
        term["right"] = count if term["shift"] < 0 else 0
    return {
        "kind": "sum",
        "sum_bits": wire.elem.bits - count,
        "terms": terms,
        "through": f"{count}'({names[low.wire]})" if count else "",
        **_plus(wire, _literal(wire.constant, wire.elem)),
    }


def _rtl_clip(wire: Clip, source: Int, name: str) -> Mapping[str, Any]:
    """``v``, the bits that are kept, and the values outside the range with what they become."""
    kept = wire.kept(source)
    ends = {
        "<": (wire.elem.lo, kept.lo < wire.elem.lo),
        ">": (wire.elem.hi, kept.hi > wire.elem.hi),
    }
    return {
        "kind": "clip",
        "source": name,
        "right": wire.right,
        "exact": _exact(wire, source, name),
        "kept_bits": kept.bits,
        "kept_signed": kept.signed,
        "ends": [
            {"test": f"{sign} {_literal(end, kept, sign=True)}", "value": _literal(end, wire.elem)}
            for sign, (end, reached) in ends.items()
            if reached
        ],
    }


def _exact(wire: Clip, source: Int, name: str) -> str:
    """Whether the bits that are cut off are zero, where that matters; there may be none."""
    if not wire.even:
        return ""
    return f"{name}[{min(wire.right, source.bits) - 1}:0] == 0" if wire.right else "1'b1"


def _plus(wire: Sum, constant: str) -> dict[str, Any]:
    """The constant of a sum, where there is one."""
    return {"plus": bool(wire.constant or not wire.terms), "constant": constant}


def _literal(value: int, elem: Int, sign: bool = False) -> str:
    """A number as the bits of ``elem``, or as a number of its sign."""
    if not (sign and elem.signed):
        return f"{elem.bits}'d{value % (1 << elem.bits)}"
    return f"{'-' if value < 0 else ''}{elem.bits}'sd{abs(value)}"


def _hls_wire(circuit: Circuit, wire: Lane | Sum | Clip, names: Sequence[str]) -> Mapping[str, Any]:
    match wire:
        case Lane():
            return {"kind": "lane", "index": wire.index}
        case Sum():
            constant = f"{_type_of(wire.elem)}({_integer(wire.constant)})"
            return {"kind": "sum", "terms": _terms(wire, names), **_plus(wire, constant)}
        case Clip():
            return _hls_clip(wire, circuit.wires[wire.wire].elem, names[wire.wire])


def _hls_clip(wire: Clip, source: Int, name: str) -> Mapping[str, Any]:
    found = _rtl_clip(wire, source, name)
    kept = _type(found["kept_bits"], found["kept_signed"])
    type_ = _type_of(wire.elem)
    ends = ((" < ", wire.elem.lo), (" > ", wire.elem.hi))
    return {
        **found,
        "kept": kept,
        "exact": f"({name} & {_integer((1 << wire.right) - 1)}) == 0" if wire.even else "",
        "ends": [
            {"test": f"{sign.strip()} {_integer(end)}", "value": f"{type_}({_integer(end)})"}
            for sign, end in ends
            if any(sign.strip() == e["test"][0] for e in found["ends"])
        ],
    }


def _integer(value: int) -> str:
    """An integer literal of C++."""
    return f"{value}LL" if abs(value) >= 1 << 31 else str(value)


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
    return _output(f"{bits}'", names[operand.wire], operand.shift, ">>>")


def _output(cast: str, name: str, shift: int, right: str) -> str:
    """A wire as an element of the output word."""
    if shift < 0:
        return f"{cast}({name} {right} {-shift})"
    return f"{cast}({name}) << {shift}" if shift else f"{cast}({name})"


def _cut(circuit: Circuit) -> set[int]:
    """Wires with bits that no sum takes: their readers are narrower."""
    wires = circuit.wires
    return {
        term.wire
        for wire in wires
        for term in operands(wire)
        if term.shift < 0 or term.shift + wires[term.wire].elem.bits > wire.elem.bits
    }


def _type_of(elem: Int) -> str:
    return _type(elem.bits, elem.signed)


def _type(bits: int, signed: bool) -> str:
    return f"ap_int<{bits}>" if signed else f"ap_uint<{bits}>"
