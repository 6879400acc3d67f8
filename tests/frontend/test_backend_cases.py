"""ONNX's own single-node test cases: data and expected results come from the onnx package."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_checks import on_host

from qfxc.errors import UserError
from qfxc.frontend.onnx_file import load
from qfxc.frontend.onnx_ops import TABLE
from qfxc.sim import simulate_ports

EITHER_SIDE = {"Add", "Sub", "Mul", "Div", "MatMul"}
ALL_DYNAMIC = {"Add", "Sub", "Mul", "Div", "Sum", "Concat"}

PASSING = {
    "Add": 5,
    "ArgMax": 8,
    "AveragePool": 13,
    "BatchNormalization": 2,
    "Cast": 16,
    "Clip": 9,
    "Concat": 24,
    "Conv": 6,
    "ConvInteger": 2,
    "DepthToSpace": 2,
    "DequantizeLinear": 7,
    "Div": 8,
    "Dropout": 4,
    "Flatten": 9,
    "Gather": 0,
    "Gemm": 8,
    "GlobalAveragePool": 2,
    "GlobalMaxPool": 2,
    "Identity": 2,
    "LeakyRelu": 3,
    "LogSoftmax": 7,
    "MatMul": 6,
    "Max": 1,
    "MatMulInteger": 1,
    "MaxPool": 12,
    "Min": 1,
    "Mul": 8,
    "Neg": 2,
    "PRelu": 1,
    "Pad": 3,
    "Reciprocal": 2,
    "QGemm": 0,
    "QLinearAdd": 0,
    "QLinearAveragePool": 0,
    "QLinearConcat": 0,
    "QLinearConv": 1,
    "QLinearGlobalAveragePool": 0,
    "QLinearLeakyRelu": 0,
    "QLinearMatMul": 4,
    "QLinearMul": 0,
    "QLinearSigmoid": 0,
    "QLinearSoftmax": 0,
    "QuantizeLinear": 7,
    "ReduceMax": 8,
    "ReduceMean": 8,
    "ReduceSum": 10,
    "Relu": 1,
    "Reshape": 9,
    "Slice": 6,
    "Softmax": 7,
    "SpaceToDepth": 2,
    "Split": 14,
    "Squeeze": 2,
    "Sub": 8,
    "Sum": 5,
    "Transpose": 7,
    "Unsqueeze": 7,
}
"""How many variants of each operator's cases must pass: counted once, must not fall."""


ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 6e-5}
"""Absolute tolerances of cases whose authors printed four decimals."""


@cache
def cases() -> dict[str, list[Any]]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, list[Any]] = {}
        for case in collect_testcases(None):
            if case.model is not None and len(case.model.graph.node) == 1:
                found.setdefault(case.model.graph.node[0].op_type, []).append(case)
    return found


def array(x: Any) -> Any:
    return numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else np.asarray(x)


def variants(case: Any) -> Iterator[tuple[onnx.ModelProto, dict[str, Any], dict[str, Any]]]:
    """The case with its parameters as initialisers, since its authors made them all inputs."""
    node = case.model.graph.node[0]
    names = [i.name for i in case.model.graph.input]
    for inputs, outputs in case.data_sets:
        if any(isinstance(x, (list, type(None))) for x in (*inputs, *outputs)):
            continue
        feed = {n: array(x) for n, x in zip(names, inputs, strict=True)}
        wanted = {o.name: array(x) for o, x in zip(case.model.graph.output, outputs, strict=True)}
        choices = [names[:1]]
        if node.op_type in EITHER_SIDE:
            choices.append(names[1:])
        if node.op_type in ALL_DYNAMIC and len(names) > 1:
            choices.append(names)
        for dynamic in choices:
            yield with_constants(case.model, feed, dynamic), feed, wanted


def with_constants(
    model: onnx.ModelProto, feed: dict[str, Any], dynamic: list[str]
) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for name, value in feed.items():
        if name not in dynamic:
            copy.graph.initializer.append(numpy_helper.from_array(value, name))
    return copy


def run(
    model: onnx.ModelProto, feed: dict[str, Any], wanted: dict[str, Any], atol: float = 1e-6
) -> bool:
    """True when qfxc's results are the expected ones; False when it refuses the model cleanly."""
    try:
        graph = load(model)
    except UserError as error:
        assert str(error).startswith("error: ")  # noqa: PT017 - both outcomes are legal
        return False
    frames = {}
    for p in graph.in_ports:
        x = feed[p.name].astype(np.int64) - p.zero if p.kind else feed[p.name]
        frames[p.name] = x if x.ndim > len(p.shape) else x[None]
    results = on_host(graph, simulate_ports(graph, frames))
    zeros = {p.name: p.zero for p in graph.out_ports}
    for name, codes in results.items():
        result = codes + zeros[name]
        if result.ndim > wanted[name].ndim:
            result = result[0]  # the whole tensor was one frame
        assert result.shape == wanted[name].shape
        half = min(wanted[name].dtype.itemsize, feed[graph.in_ports[0].name].dtype.itemsize) < 4
        np.testing.assert_allclose(
            result.astype(np.float64),
            wanted[name].astype(np.float64),
            rtol=4e-3 if half else 1e-4,
            atol=atol,
        )
    return True


@pytest.mark.parametrize("op", sorted(TABLE))
def test_results_or_clean_refusal(op: str) -> None:
    passed = 0
    for case in cases().get(op, []):
        for model, feed, wanted in variants(case):
            try:
                passed += run(model, feed, wanted, ROUNDED.get(case.name, 1e-6))
            except Exception as error:
                raise AssertionError(f"{case.name}: {error}") from error
    assert passed >= PASSING[op]
