"""Quantized ONNX models for tests: made by onnxruntime's quantizer, or by hand; and their check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from qdq_oracle import Oracle
from qfxc.frontend.onnx_file import load
from qfxc.ir.graph import Graph
from qfxc.passes.base import run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize
from qfxc.quantize.calibration import synthetic, to_frames
from qfxc.quantize.encode import feed as encoded
from qfxc.sim import simulate

Array = np.ndarray[Any, Any]

STYLES = {
    "qdq-s8": ("QDQ", "QInt8", True, True),
    "qdq-u8": ("QDQ", "QUInt8", True, False),
    "qdq-u8-tensor": ("QDQ", "QUInt8", False, False),
    "qoperator-u8": ("QOperator", "QUInt8", True, False),
    "qoperator-s8": ("QOperator", "QInt8", False, True),
}
"""Name -> format, type of activations, per channel, symmetric activations."""


def quantized(model: onnx.ModelProto, frames: Array, style: str, folder: Path) -> onnx.ModelProto:
    """``model`` as onnxruntime's static quantization makes it."""
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            name = model.graph.input[0].name
            self._rows: Iterator[dict[str, Array]] = ({name: x[None]} for x in frames)

        def get_next(self) -> dict[str, Array] | None:
            return next(self._rows, None)

    kind, activations, per_channel, symmetric = STYLES[style]
    made = folder / f"{style}.onnx"
    copy = onnx.ModelProto()  # the quantizer moves the weights of what it is given elsewhere
    copy.CopyFrom(model)
    q.quantize_static(
        copy, made, Reader(),
        quant_format=q.QuantFormat[kind],
        activation_type=q.QuantType[activations],
        weight_type=q.QuantType.QInt8,
        per_channel=per_channel,
        extra_options={"ActivationSymmetric": symmetric},
    )  # fmt: skip
    return onnx.load(made)


def with_probes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the result of every quantizer as an output, instead of its own outputs.

    Without those of constants, and those behind a softmax: the host computes that.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    stored = {t.name: t for t in copy.graph.initializer}
    hidden = {o for n in copy.graph.node if n.op_type == "Softmax" for o in n.output}
    for node in copy.graph.node:
        if all(i in stored or i in hidden for i in node.input if i):
            hidden |= set(node.output)
        elif (zero := _zero_point(node)) and not hidden & set(node.input[:1]):
            kind = stored[zero].data_type
            copy.graph.output.append(helper.make_tensor_value_info(node.output[0], kind, None))
    return copy


def _zero_point(node: onnx.NodeProto) -> str:
    """The input that says which type the quantizer's result has."""
    if node.op_type == "QuantizeLinear":
        return node.input[2]
    if node.op_type in ("QLinearConv", "QLinearConcat"):
        return node.input[7 if node.op_type == "QLinearConv" else 1]
    if node.op_type == "QLinearSoftmax":
        return ""
    return node.input[-1] if node.op_type.startswith("QLinear") or node.op_type == "QGemm" else ""


def lowered(graph: Graph, until: str = "integerize") -> Graph:
    """The integer graph of a model that brings all its quantizers."""
    frames = tuple(to_frames(synthetic(graph, pixels=False), graph))
    names = [step.name for step in pipeline()]
    steps = pipeline()[: names.index(until) + 1]
    ready = (replace(s, frames=frames) if isinstance(s, Quantize) else s for s in steps)
    return run_passes(graph, tuple(ready))


def codes_of(graph: Graph, feed: Mapping[str, Array]) -> dict[str, Array]:
    """What the integer graph computes for ONNX inputs: tensors as ONNX has them."""
    frames = to_frames([feed[port.name] for port in graph.in_ports], graph)
    results = simulate(graph, encoded(graph, frames))
    pairs = zip(graph.out_ports, results, strict=True)
    return {port.name: port.integers(y) for port, y in pairs}


def compare(
    model: onnx.ModelProto, feed: Mapping[str, Array], until: str = "integerize"
) -> tuple[int, int]:
    """(elements, different ones) of all quantizers: the integer graph against the oracle."""
    probed = with_probes(model)
    oracle = Oracle(probed, feed)
    total = wrong = 0
    for name, got in codes_of(lowered(load(probed), until), feed).items():
        want = oracle.values[name]
        assert got.dtype == want.dtype
        total += want.size
        wrong += int((got != want).sum())
    assert total
    return total, wrong


class QdqNet:
    """Builds a QDQ network by hand; methods return names of values."""

    def __init__(self, seed: int = 0, opset: int = 21) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []

    def const(self, value: Any, kind: int | None = None) -> str:
        name = f"c{len(self.stored)}"
        array = np.asarray(value)
        if kind is None:
            self.stored.append(numpy_helper.from_array(array, name))
        else:
            self.stored.append(helper.make_tensor(name, kind, array.shape, array.reshape(-1)))
        return name

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, inputs, [name], name=name, domain=domain, **attributes)
        )
        return name

    def scale(self, about: float, *shape: int) -> Array:
        return np.asarray(about * self.rng.uniform(0.7, 1.3, shape), dtype=np.float32)

    def quantize(self, x: str, about: float, zero: Any, **attributes: Any) -> tuple[str, str, str]:
        """Codes, and the names of scale and zero point."""
        scale, shift = self.const(self.scale(about)), self.const(zero)
        return self.node("QuantizeLinear", x, scale, shift, **attributes), scale, shift

    def qdq(self, x: str, about: float, zero: Any) -> str:
        return self.node("DequantizeLinear", *self.quantize(x, about, zero))

    def weights(self, *shape: int, axis: int | None = 0, about: float = 0.01) -> str:
        """8-bit codes with a scale for all, or one per index of ``axis``."""
        codes = self.const(self.rng.integers(-127, 128, shape).astype(np.int8))
        if axis is None:
            scale, zero = self.scale(about), np.zeros((), np.int8)
            return self.node("DequantizeLinear", codes, self.const(scale), self.const(zero))
        scale, zero = self.scale(about, shape[axis]), np.zeros(shape[axis], np.int8)
        return self.node("DequantizeLinear", codes, self.const(scale), self.const(zero), axis=axis)

    def bias(self, count: int, about: float = 1e-4) -> str:
        """32-bit codes."""
        codes = self.rng.integers(-3000, 3000, count).astype(np.int32)
        scale = self.scale(about, count)
        return self.node("DequantizeLinear", self.const(codes), self.const(scale), axis=0)

    def model(
        self,
        inputs: Mapping[str, Sequence[int | str]],
        outputs: Mapping[str, int],
        kind: int = TensorProto.FLOAT,
    ) -> onnx.ModelProto:
        """``kind``: of the inputs; ``outputs``: name -> element type."""
        ins = [helper.make_tensor_value_info(n, kind, s) for n, s in inputs.items()]
        outs = [helper.make_tensor_value_info(n, k, None) for n, k in outputs.items()]
        graph = helper.make_graph(self.nodes, "net", ins, outs, self.stored)
        domains = [
            helper.make_opsetid("", self.opset),
            helper.make_opsetid("com.microsoft", 1),
        ]
        return helper.make_model(graph, opset_imports=domains, ir_version=10)
