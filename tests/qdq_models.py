"""Quantized ONNX models for tests: made by onnxruntime's quantizer, or by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from qfxc.frontend.onnx_file import load
from qfxc.ir.graph import Graph
from qfxc.passes.base import run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.quantize.calibration import synthetic
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

    Without those behind a softmax: the host computes that.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    stored = {t.name: t for t in copy.graph.initializer}
    soft = {o for n in copy.graph.node if n.op_type == "Softmax" for o in n.output}
    for node in copy.graph.node:
        if node.op_type == "QLinearSoftmax" or soft & set(node.input):
            continue
        if node.op_type == "QuantizeLinear":
            zero = node.input[2] if len(node.input) > 2 else ""
        elif node.op_type.startswith("QLinear") or node.op_type == "QGemm":
            zero = node.input[1 if node.op_type == "QLinearConcat" else -1]
            zero = node.input[7] if node.op_type == "QLinearConv" else zero
        else:
            continue
        kind = stored[zero].data_type if zero else TensorProto.UINT8
        if node.input[0] not in stored:
            info = helper.make_tensor_value_info(node.output[0], kind, None)
            copy.graph.output.append(info)
    return copy


def lowered(graph: Graph, until: str = "integerize") -> Graph:
    """The integer graph of a model that brings all its quantizers."""
    frames = tuple(synthetic(graph, pixels=False))
    steps = []
    for step in pipeline():
        steps.append(step)
        if step.name == until:
            break
    from dataclasses import replace

    from qfxc.passes.quantize import Quantize

    steps = [replace(s, frames=frames) if isinstance(s, Quantize) else s for s in steps]
    return run_passes(graph, tuple(steps))


def codes_of(graph: Graph, feed: Mapping[str, Array]) -> dict[str, Array]:
    """What the integer graph computes for ONNX inputs: tensors as ONNX has them."""
    frames = []
    for port, node in zip(graph.in_ports, graph.inputs, strict=True):
        x, elem = feed[port.name], node.type.int
        if port.kind:
            codes = x.astype(np.int64) - port.zero
        else:
            codes = np.rint(x.astype(np.float64) / elem.scale.floats()).astype(np.int64)
        frames.append(port.to_frame(np.clip(codes, elem.lo, elem.hi), node.type.shape))
    results = simulate(graph, frames)
    pairs = zip(graph.out_ports, results, strict=True)
    return {port.name: port.from_frame(y) + port.zero for port, y in pairs}


__all__ = ["STYLES", "codes_of", "load", "lowered", "quantized", "with_probes"]
