"""Operators on codes (QLinear*, *Integer, QGemm) against exact arithmetic, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from qdq_models import QdqNet, codes_of, compare, lowered, with_probes
from qdq_oracle import Oracle
from qfxc.errors import UserError
from qfxc.frontend.onnx_file import load
from qfxc.frontend.onnx_ops import TABLE
from qfxc.frontend.qoperator import MICROSOFT

FLOAT, INT8, UINT8 = TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8
S8, U8 = np.int8, np.uint8
IMAGE = {"x": ("n", 3, 8, 8)}
Coded = tuple[str, str, str]
"""A tensor of codes, its scale, its zero point."""


def images(count: int = 3) -> dict[str, Any]:
    x = np.random.default_rng(0).normal(size=(count, 3, 8, 8))
    return {"x": x.astype(np.float32)}


class Net(QdqNet):
    """Chains operators on codes; results are read with the scale that they were made with."""

    def coded(self, op: str, *inputs: str, about: float, zero: Any, **attributes: Any) -> Coded:
        """Appends the scale and zero point of the result to the inputs."""
        scale, shift = self.const(self.scale(about)), self.const(zero)
        domain = "com.microsoft" if op in MICROSOFT else ""
        return self.node(op, *inputs, scale, shift, domain=domain, **attributes), scale, shift

    def layer(self, op: str, x: Coded, w: tuple[int, ...], axis: int | None, *rest: Any) -> Coded:
        """QLinearConv or QLinearMatMul."""
        codes = self.const(self.rng.integers(-127, 128, w).astype(S8))
        count = (w[axis],) if axis is not None else ()
        parts = (codes, self.const(self.scale(0.01, *count)), self.const(np.zeros(count, S8)))
        scale, shift = self.const(self.scale(0.08)), self.const(rest[0])
        bias = rest[1:]
        return self.node(op, *x, *parts, scale, shift, *bias), scale, shift

    def bias32(self, count: int) -> str:
        return self.const(self.rng.integers(-(2**31), 2**31, count).astype(np.int32) >> 19)


def small() -> onnx.ModelProto:
    """Conv, Add, Mul, Concat, LeakyRelu, poolings, MatMul, Gemm, and MaxPool on codes."""
    b = Net(1)
    x = b.quantize("x", 0.03, U8(121))
    c = b.layer("QLinearConv", x, (4, 3, 3, 3), 0, S8(-3), b.bias32(4))
    d = b.layer("QLinearConv", c, (4, 4, 1, 1), None, U8(130))
    s = b.coded("QLinearAdd", *c, *d, about=0.1, zero=U8(99))
    p = b.coded("QLinearMul", *s, *d, about=0.2, zero=S8(9))
    r = b.coded("QLinearLeakyRelu", *p, about=0.15, zero=S8(-60), alpha=0.25)
    scale, zero = b.const(b.scale(0.18)), b.const(U8(140))
    j = b.node("QLinearConcat", scale, zero, *r, *s, domain="com.microsoft", axis=1)
    m = b.node("MaxPool", j, kernel_shape=[2, 2]), scale, zero
    a = b.coded(
        "QLinearAveragePool", *m, about=0.1, zero=U8(128), kernel_shape=[3, 3], strides=[2, 2],
        pads=[1, 1, 0, 0], count_include_pad=0,
    )  # fmt: skip
    g = b.coded("QLinearGlobalAveragePool", *a, about=0.03, zero=S8(2))
    f = b.node("Flatten", g[0]), *g[1:]
    h = b.layer("QLinearMatMul", f, (8, 6), 1, U8(128))
    w = b.const(b.rng.integers(-127, 128, (5, 6)).astype(S8)), b.const(b.scale(0.01, 5))
    y = b.coded(
        "QGemm", *h, *w, b.const(np.zeros(5, S8)), b.bias32(5),
        about=0.1, zero=S8(0), transB=1, alpha=0.7,
    )  # fmt: skip
    return b.model(IMAGE, {y[0]: INT8})


@pytest.mark.parametrize("until", ["integerize", "rescale"])
def test_every_operator(until: str) -> None:
    model = small()
    total, wrong = compare(model, images(), until)
    assert total > 1000
    assert wrong == 0
    names = {n.op_type for n in model.graph.node}
    untested = {op for op in TABLE if op.startswith("QL") or op == "QGemm"} - names
    assert untested == {"QLinearSigmoid", "QLinearSoftmax"}


def test_biases_in_steps_of_two_scales_are_exact() -> None:
    """int32 codes times two float32 scales need 79 bits; the graph has them as codes."""
    (layer,) = [n for n in load(small()).nodes() if n.op.stem == "conv" and len(n.inputs) > 2]
    assert layer.inputs[2].op.stem in ("dequantize", "const")
    b = Net()
    x = b.quantize("x", 0.03, U8(121))
    large = b.const(np.array([2**31 - 1, -(2**31) + 1], np.int32))
    y = b.layer("QLinearConv", x, (2, 3, 8, 8), 0, S8(-3), large)
    model = b.model(IMAGE, {y[0]: INT8})
    (layer,) = [n for n in load(model).nodes() if n.op.stem == "conv"]
    assert layer.inputs[2].op.stem == "dequantize"
    assert compare(model, images())[1] == 0


@pytest.mark.parametrize("zero", [None, U8(133)])
def test_integer_layers_with_a_cast_and_a_scale_behind(zero: Any) -> None:
    """What dynamic-range exporters write, on inputs that are codes by themselves."""
    b = Net(2)
    extra = [] if zero is None else [b.const(zero)]
    w = b.const(b.rng.integers(0, 256, (4, 3, 3, 3)).astype(U8))
    y = b.node("ConvInteger", "x", w, *(extra or [""]), b.const(U8(126)))
    y = b.node("Mul", b.node("Cast", y, to=FLOAT), b.const(np.float32(0.00123)))
    q, _, shift = b.quantize(y, 0.4, S8(4))
    flat = b.node("Flatten", q)
    v = b.const(b.rng.integers(-127, 128, (144, 3)).astype(S8))
    total = b.node("MatMulInteger", flat, v, shift)
    model = b.model(IMAGE, {total: TensorProto.INT32}, UINT8)
    x = np.random.default_rng(0).integers(0, 256, (3, 3, 8, 8)).astype(U8)
    graph = lowered(load(model), "rescale")
    assert graph.out_ports[0].kind == "INT32"
    got = codes_of(graph, {"x": x})[total]
    assert got.dtype == np.int32
    assert np.array_equal(got, Oracle(model, {"x": x}).values[total])
    assert compare(with_probes(model), {"x": x})[1] == 0


def test_a_gemm_with_real_results_and_a_softmax() -> None:
    """QGemm without a scale of its result gives real numbers; QLinearSoftmax is the host's."""
    b = Net()
    x = b.quantize("x", 0.03, U8(128))
    w = b.const(b.rng.integers(-9, 9, (8, 3)).astype(S8)), b.const(b.scale(0.01))
    y = b.node("QGemm", *x, *w, b.const(S8(0)), b.bias32(3), domain="com.microsoft")
    graph = lowered(load(b.model({"x": ("n", 8)}, {y: FLOAT})))
    feed = {"x": np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)}
    exact = Oracle(b.model({"x": ("n", 8)}, {y: FLOAT}), feed).values[y]
    codes, scale = codes_of(graph, feed)[y], graph.outputs[0].type.int.scale
    want = [[v * exact.unit for v in row] for row in exact.num.tolist()]
    have = [[int(v) * s for v, s in zip(r, scale.channels(3), strict=True)] for r in codes]
    assert have == want
    q = b.quantize(y, 0.03, S8(0))
    soft = b.coded("QLinearSoftmax", *q, about=0.004, zero=S8(-128), axis=-1, opset=13)
    port = load(b.model({"x": ("n", 8)}, {soft[0]: INT8})).out_ports[0]
    assert [step.split()[0] for step in port.host] == ["softmax", "quantize"]


def test_sigmoid() -> None:
    """All 256 codes; no result lies within 1e-9 of a tie, so float64 decides."""
    b = Net()
    x = b.const(np.float32(0.05)), b.const(U8(100))
    scale, zero = b.const(np.float32(1 / 256)), b.const(U8(0))
    y = b.node("QLinearSigmoid", "x", *x, scale, zero, domain="com.microsoft")
    model = b.model({"x": ("n", 256)}, {y: UINT8}, UINT8)
    codes = np.arange(256).astype(U8)[None]
    real = 256 / (1 + np.exp(-np.float64(np.float32(0.05)) * (codes.astype(float) - 100)))
    assert (np.abs(real - np.floor(real) - 0.5) > 1e-9).all()
    got = codes_of(lowered(load(model), "rescale"), {"x": codes})[y]
    assert np.array_equal(got, np.clip(np.rint(real), 0, 255))


def test_refusals() -> None:
    b = Net()
    x = b.quantize("x", 0.03, U8(0))
    y = b.coded("QLinearGlobalAveragePool", *x, about=1, zero=U8(0), channels_last=1)
    with pytest.raises(UserError, match="channels_last=1 is not supported"):
        load(b.model(IMAGE, {y[0]: UINT8}))
    b = Net()
    y = b.node("DequantizeLinear", "x", b.const(np.float32(1)))
    with pytest.raises(UserError, match=r"\(DequantizeLinear\): its input is no tensor of codes"):
        load(b.model(IMAGE, {y: FLOAT}))
    b = Net()
    unknown = b.node("QLinearReduceMean", "x", domain="com.microsoft")
    with pytest.raises(UserError, match=r"operators of the domain com\.microsoft are not"):
        load(b.model(IMAGE, {unknown: UINT8}))
