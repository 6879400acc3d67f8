"""A QONNX model in qfxc's integers against the exact oracle, quantizer by quantizer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import onnx

from qfxc.frontend.onnx_file import load
from qfxc.ir.check import check
from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Array
from qfxc.passes.base import Pass, run_passes
from qfxc.passes.pipeline import STAGES, pipeline
from qfxc.passes.quantize import Quantize
from qfxc.quantize.encode import feed
from qfxc.sim import simulate
from qonnx_oracle import Exact, Oracle


@dataclass(frozen=True)
class Compared:
    """``elements`` by quantizer (all of them equal), and the codes of the simulator by node."""

    elements: Mapping[str, int]
    integer: Graph
    codes: Mapping[str, Array]
    oracle: Oracle
    outputs: Mapping[str, Exact]

    @property
    def total(self) -> int:
        return sum(self.elements.values())


def integer_graph(model: onnx.ModelProto, frames: Sequence[Array], **options: Any) -> Graph:
    """Up to the rescale pass, every stage checked."""

    def hook(step: Pass, before: Graph, after: Graph) -> None:
        check(after, STAGES[step.name])

    source = load(model)
    inside = [
        p.to_frame(x, n.type.shape)
        for p, x, n in zip(source.in_ports, frames, source.inputs, strict=True)
    ]
    steps = [
        replace(s, frames=tuple(inside), **options) if isinstance(s, Quantize) else s
        for s in pipeline()
        if s.name != "lower"
    ]
    return run_passes(source, tuple(steps), hook)


def node_name(name: str) -> str:
    """The name of the graph's node for an ONNX node."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("_")


def in_onnx_order(value: Array, shape: Sequence[int]) -> Array:
    """Frames (N, H, W, C) as (N, C, H, W), where they are not in ONNX's order already."""
    moves = len(shape) > 2 and value.ndim == len(shape) and value.shape != tuple(shape)
    return np.moveaxis(value, -1, 1) if moves else value


def host_quantizers(model: onnx.ModelProto, value: str) -> list[str]:
    """The quantizers of an input, where nothing but they read it, behind a ReLU at most."""
    readers = [n for n in model.graph.node if value in n.input]
    if [n.op_type for n in readers] == ["Relu"]:
        return host_quantizers(model, readers[0].output[0])
    kinds = {n.op_type for n in readers}
    return [n.name for n in readers] if kinds in ({"Quant"}, {"Fixed"}) else []


def compare(
    model: onnx.ModelProto,
    frames: Sequence[Array],
    zeros: Mapping[str, int] | None = None,
    **o: Any,
) -> Compared:
    """Asserts that every quantizer has the oracle's codes on every element of ``frames``.

    The oracle's inputs are what the codes at the graph's inputs stand for, except where the model
    quantizes its input: then they are ``frames``, and the host's codes are compared. ``zeros``:
    what the oracle's codes have more than ours.
    """
    integer = integer_graph(model, frames, **o)
    codes: dict[str, Array] = {}
    items = list(zip(integer.in_ports, integer.inputs, frames, strict=True))
    inputs = feed(integer, [p.to_frame(x, n.type.shape) for p, n, x in items])
    exact = {}
    for (port, node, x), q in zip(items, inputs, strict=True):
        own = host_quantizers(model, port.name)
        exact[port.name] = Exact.of(x) if own else _decoded(port.from_frame(q), node)
        codes.update(dict.fromkeys(map(node_name, own), q))
    simulate(integer, inputs, lambda n, v: codes.setdefault(n.name, v))  # type: ignore[func-returns-value]
    oracle = Oracle(model)
    outputs = oracle.run(**exact)
    elements = {}
    for name, expected in oracle.codes.items():
        key = node_name(name)
        if key not in codes:
            continue
        got = in_onnx_order(codes[key], expected.shape).reshape(expected.shape)
        wrong = int((got != expected - (zeros or {}).get(name, 0)).sum())
        assert not wrong, f"{name}: {wrong} of {expected.size} codes differ"
        elements[name] = expected.size
    return Compared(elements, integer, codes, oracle, outputs)


def _decoded(codes: Array, node: Node) -> Exact:
    scale = node.type.int.scale
    assert scale.per_tensor
    step: Fraction = scale.values[0]
    return Exact(codes.astype(object) * step.numerator, step.denominator)
