"""The stable text form of a graph, and back. Constants lie beside it, by node name.

One node per line, producers first::

    %c = conv(%x, %c.w) {"dilation": [1, 1], "groups": 1, "stride": [2, 2]} : 14x14x8 int20[..]*..
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, Op, Port
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise, Segment
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, Real, Scale

HEADER = "qfxc graph 1"


def dump(graph: Graph) -> str:
    """The graph as text; the same graph gives the same bytes."""
    lines = [f"{HEADER}: {graph.name}"]
    for kind, ports, nodes in (
        ("input", graph.in_ports, graph.inputs),
        ("output", graph.out_ports, graph.outputs),
    ):
        for port, node in zip(ports, nodes, strict=True):
            lines.append(f"{kind} %{node.name} {json.dumps(_encode_fields(port), sort_keys=True)}")
    lines += [_line(node) for node in graph.nodes()]
    return "\n".join(lines) + "\n"


def constants(graph: Graph) -> dict[str, Array]:
    """The arrays of the constant nodes, by name: what ``load`` needs beside the text."""
    return {n.name: vars(n.op)["value"] for n in graph.nodes() if n.op.stem == "const"}


def _line(node: Node) -> str:
    inputs = ", ".join(f"%{i.name}" for i in node.inputs)
    attributes = json.dumps(_encode_fields(node.op), sort_keys=True)
    return f"%{node.name} = {node.op.stem}({inputs}) {attributes} : {node.type}"


def _encode_fields(value: Any) -> dict[str, Any]:
    return {f.name: _encode(getattr(value, f.name)) for f in fields(value)}


def _encode(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return {"float": value.hex()}
        case Fraction():
            return {"frac": str(value)}
        case Rounding():
            return {"rounding": value.value}
        case Overflow():
            return {"overflow": value.value}
        case Real():
            return {"real": True}
        case Int():
            return {"int": [value.lo, value.hi], "scale": [str(v) for v in value.scale.values]}
        case Piecewise():
            return {
                "pieces": [
                    [_encode(s.start), str(s.slope), str(s.intercept)] for s in value.segments
                ]
            }
        case tuple():
            return [_encode(v) for v in value]
        case np.ndarray():
            data = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"))
            digest = hashlib.sha256(data.tobytes()).hexdigest()[:16]
            return {"array": list(value.shape), "sha256": digest}
    raise TypeError(f"no text form for {type(value).__name__}")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(v) for v in value)
    if not isinstance(value, dict):
        return value
    if "int" in value:
        low, high = value["int"]
        return Int(low, high, Scale(tuple(Fraction(v) for v in value["scale"])))
    kind, data = next(iter(value.items()))
    match kind:
        case "float":
            return float.fromhex(data)
        case "frac":
            return Fraction(data)
        case "rounding":
            return Rounding(data)
        case "overflow":
            return Overflow(data)
        case "real":
            return Real()
        case "pieces":
            return Piecewise(
                tuple(Segment(_decode(s), Fraction(a), Fraction(b)) for s, a, b in data)
            )
    raise ValueError(f"unknown attribute form '{kind}'")


_NODE = re.compile(r"%(\S+) = (\w+)\(([^)]*)\) (\{.*\}) : (.*)")
_PORT = re.compile(r"(input|output) %(\S+) (\{.*\})")


def load(text: str, arrays: Mapping[str, Array], ops: Mapping[str, type[Op]]) -> Graph:
    """The graph that ``dump`` wrote. Types are inferred again and must equal the written ones."""
    head, *lines = text.splitlines()
    if not head.startswith(HEADER):
        raise UserError("not a qfxc graph", hint=f"the first line of one is '{HEADER}: name'")
    nodes: dict[str, Node] = {}
    ports: dict[str, list[tuple[str, Port]]] = {"input": [], "output": []}
    for line in lines:
        if match := _PORT.fullmatch(line):
            ports[match[1]].append((match[2], Port(**_decode_fields(match[3]))))
        elif match := _NODE.fullmatch(line):
            nodes[match[1]] = _node(match, nodes, arrays, ops)
        else:
            raise UserError(f"cannot read the line '{line[:60]}'", where="graph text")
    ins, outs = ports["input"], ports["output"]
    return Graph(
        head.split(": ", 1)[1],
        tuple(nodes[name] for name, _ in ins),
        tuple(nodes[name] for name, _ in outs),
        tuple(port for _, port in ins),
        tuple(port for _, port in outs),
    )


def _decode_fields(text: str) -> dict[str, Any]:
    return {key: _decode(value) for key, value in json.loads(text).items()}


def _node(
    match: re.Match[str],
    nodes: Mapping[str, Node],
    arrays: Mapping[str, Array],
    ops: Mapping[str, type[Op]],
) -> Node:
    name, stem, inputs, raw, type_ = match.groups()
    attributes = json.loads(raw)
    if stem == "const":
        attributes.pop("value")
        decoded = {key: _decode(v) for key, v in attributes.items()}
        op = ops[stem](value=arrays[name], **decoded)  # type: ignore[call-arg]
    else:
        op = ops[stem](**{key: _decode(v) for key, v in attributes.items()})
    sources = tuple(nodes[i[1:]] for i in inputs.split(", ") if i)
    node = Node(op, sources, name)
    if str(node.type) != type_:
        raise UserError(f"its type is {node.type}, the text says {type_}", where=name)
    return node
