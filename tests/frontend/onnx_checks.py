"""What the front end's tests share: building models, comparing with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from onnx_cases import on_host
from qfxc.frontend.onnx_file import load
from qfxc.ir.graph import Graph
from qfxc.sim import simulate_ports

Dims = Sequence[int | str | None]


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Dims],
    outputs: Sequence[str] = ("y",),
    constants: Mapping[str, Any] | None = None,
    opset: int = 21,
    ir_version: int = 10,
) -> onnx.ModelProto:
    """A model; constants that are floats are stored as float32."""
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, d) for n, d in inputs.items()]
    outs = [onnx.ValueInfoProto(name=name) for name in outputs]
    for out in outs:
        out.type.tensor_type.elem_type = TensorProto.FLOAT
    weights = [numpy_helper.from_array(stored(v), n) for n, v in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "g", infos, outs, weights)
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version)


def stored(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def node(op: str, *inputs: str, to: str = "y", name: str = "", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs, to.split(), name=name, **attributes)


def random_inputs(graph: Graph, batch: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.standard_normal((batch, *p.shape)).astype(np.float32) for p in graph.in_ports
    }


def check(proto: onnx.ModelProto, batch: int = 2, seed: int = 0, tolerance: float = 1e-4) -> Graph:
    """Loads, runs ``batch`` frames one by one in onnxruntime and compares; returns the graph.

    Frames are independent, so onnxruntime sees one at a time, which models of batch one need.
    """
    graph = load(proto)
    inputs = random_inputs(graph, batch, seed)
    results = on_host(graph, simulate_ports(graph, inputs))
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [p.name for p in graph.out_ports]
    for frame in range(batch):
        expected = session.run(names, {n: x[frame : frame + 1] for n, x in inputs.items()})
        for name, want in zip(names, expected, strict=True):
            got = results[name][frame]
            assert got.size == want.size
            scale = max(float(np.abs(want).max(initial=0)), 1e-6)
            error = np.abs(got.reshape(want.shape) - want).max(initial=0)
            assert error <= tolerance * scale, (name, error, scale)
    return graph


def stems(graph: Graph) -> list[str]:
    """The operators of a graph without inputs and constants."""
    return [n.op.stem for n in graph.nodes() if n.op.stem not in ("input", "const")]
