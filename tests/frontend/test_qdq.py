"""Models with QuantizeLinear and DequantizeLinear against exact arithmetic, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from qdq_models import STYLES, QdqNet, codes_of, compare, lowered, quantized
from qfxc.errors import UserError, UserErrors
from qfxc.frontend.onnx_file import load
from qfxc.ir.graph import Graph, Node

FLOAT, INT8, UINT8 = TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8
S8, U8 = np.int8, np.uint8
IMAGE = {"x": ("n", 3, 9, 8)}


def images(seed: int = 0, count: int = 3, shape: tuple[int, ...] = (3, 9, 8)) -> dict[str, Any]:
    x = np.random.default_rng(seed).normal(size=(count, *shape))
    return {"x": x.astype(np.float32)}


def ops(graph: Graph, stem: str) -> list[Node]:
    return [n for n in graph.nodes() if n.op.stem == stem]


def conv_net(zero: Any, opset: int, axis: int | None = 0) -> onnx.ModelProto:
    """Conv, Relu, depthwise Conv, Clip, pooling, Gemm, with ``zero`` as the zero points."""
    b = QdqNet(opset=opset)
    x = b.qdq("x", 0.03, zero)
    x = b.node("Conv", x, b.weights(6, 3, 3, 3, axis=axis), b.bias(6), pads=[1] * 4)
    x = b.qdq(b.node("Relu", x), 0.02, zero)
    x = b.node("Conv", x, b.weights(6, 1, 3, 2, axis=axis), group=6, strides=[2, 1])
    x = b.qdq(b.node("Clip", x, b.const(np.float32(-0.4)), b.const(np.float32(1.7))), 0.015, zero)
    x = b.qdq(b.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), 0.01, zero)
    x = b.node("Flatten", x)
    x = b.node("Gemm", x, b.weights(5, 6 * 2 * 3, axis=axis), b.bias(5), transB=1)
    return b.model(IMAGE, {b.qdq(x, 0.05, zero): FLOAT})


@pytest.mark.parametrize("until", ["integerize", "rescale"])
@pytest.mark.parametrize("axis", [0, None])
@pytest.mark.parametrize(
    ("zero", "opset"),
    [(S8(0), 13), (U8(0), 13), (U8(131), 19), (S8(-7), 21), (np.int16(300), 21)],
)
def test_layers(zero: Any, opset: int, axis: int | None, until: str) -> None:
    if zero.dtype == np.int16 and until == "rescale":
        return  # no line of 64 bits hits all of 2**16 thresholds over 27 bits: an error says so
    total, wrong = compare(conv_net(zero, opset, axis), images(), until)
    assert total > 1000
    assert wrong == 0


def joins() -> onnx.ModelProto:
    """Add, Mul, Concat of other scales, LeakyRelu, pooling on codes, a sum with a constant."""
    b = QdqNet(3)
    a = b.qdq(b.node("Conv", b.qdq("x", 0.03, U8(120)), b.weights(4, 3, 1, 1)), 0.02, U8(99))
    c = b.qdq(b.node("Conv", a, b.weights(4, 4, 3, 3), pads=[1] * 4), 0.05, S8(3))
    s = b.qdq(b.node("Add", a, c), 0.06, U8(128))
    p = b.qdq(b.node("Mul", s, c), 0.1, S8(-20))
    j = b.qdq(b.node("Concat", s, p, b.node("LeakyRelu", a, alpha=0.1), axis=1), 0.07, S8(0))
    q, scale, zero = b.quantize(b.node("Add", j, b.const(np.float32(0.25))), 0.07, S8(5))
    q = b.node("MaxPool", q, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    r = b.node("DequantizeLinear", q, scale, zero)
    return b.model(IMAGE, {b.qdq(b.node("GlobalAveragePool", r), 0.03, U8(10)): FLOAT})


@pytest.mark.parametrize("until", ["integerize", "rescale"])
def test_joins(until: str) -> None:
    assert compare(joins(), images(1), until)[1] == 0


def test_every_tie_goes_to_the_even_code_and_ends_saturate() -> None:
    """x / scale = k / 2 for every k: with zero point 3, round half to even, then add 3."""
    b = QdqNet()
    q = b.node("QuantizeLinear", "x", b.const(np.float32(0.25)), b.const(U8(3)))
    model = b.model({"x": ("n", 601)}, {q: UINT8})
    k = np.arange(-300, 301)
    want = [min(max(round(Fraction(int(v), 2)) + 3, 0), 255) for v in k]
    graph = lowered(load(model))
    assert (graph.out_ports[0].kind, graph.out_ports[0].zero) == ("UINT8", 3)
    got = codes_of(graph, {"x": (k * 0.125).astype(np.float32)[None]})[q]
    assert got.dtype == np.uint8
    assert got.tolist() == [want]


def test_ties_inside_a_network() -> None:
    """Averages of 4 codes on the same grid: every quarter is hit, so half of the halves."""
    b = QdqNet()
    scale, zero = b.const(np.float32(0.5)), b.const(S8(-3))
    x = b.node("DequantizeLinear", b.node("QuantizeLinear", "x", scale, zero), scale, zero)
    x = b.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    model = b.model({"x": ("n", 2, 32, 32)}, {b.node("QuantizeLinear", x, scale, zero): INT8})
    x_ = np.random.default_rng(0).integers(-80, 80, (2, 2, 32, 32)) * np.float32(0.5)
    for until in ("integerize", "rescale"):
        assert compare(model, {"x": x_.astype(np.float32)}, until)[1] == 0


@pytest.mark.parametrize("zero", [S8(83), U8(128), np.int16(-400), np.uint16(40000)])
def test_integer_inputs_and_outputs(zero: Any) -> None:
    """The port names type and zero point; codes move through a Transpose before they are read."""
    b = QdqNet(5)
    kind = onnx.helper.np_dtype_to_tensor_dtype(zero.dtype)
    t = b.node("Transpose", "x", perm=[0, 3, 1, 2])
    x = b.node("DequantizeLinear", t, b.const(np.float32(0.02)), b.const(zero))
    y = b.node("Conv", x, b.weights(4, 3, 3, 3), b.bias(4))
    q, _, _ = b.quantize(y, 0.04, zero)
    y = b.node("Reshape", q, b.const(np.array([0, -1])))
    model = b.model({"x": ("n", 6, 5, 3)}, {y: kind}, kind)
    graph = load(model)
    assert (
        graph.in_ports[0].kind
        == graph.out_ports[0].kind
        == onnx.helper.tensor_dtype_to_string(kind).removeprefix("TensorProto.")
    )
    assert graph.in_ports[0].zero == graph.out_ports[0].zero == zero
    assert not ops(graph, "transpose")[1:]
    limits = np.iinfo(zero.dtype)
    x_ = np.random.default_rng(1).integers(limits.min, limits.max, (3, 6, 5, 3), endpoint=True)
    assert compare(model, {"x": x_.astype(zero.dtype)})[1] == 0


def test_weights_are_integer_constants() -> None:
    """Codes of the file, in one layout or another: never real numbers again."""
    graph = load(conv_net(S8(0), 13))
    for layer in (*ops(graph, "conv"), *ops(graph, "matmul")):
        assert layer.inputs[1].op.stem == "dequantize"
        assert layer.inputs[1].inputs[0].type.is_int
        assert len(layer.inputs[1].inputs[0].type.int.scale.values) in (5, 6)


CODES = np.random.default_rng(2).integers(-8, 8, (8, 5))
STEP, STEPS = np.float32(0.03), np.linspace(0.01, 0.05, 5).astype(np.float32)


def dq(b: QdqNet, q: str, scale: Any, zero: Any = None, **attributes: Any) -> str:
    extra = [] if zero is None else [b.const(zero)]
    return b.node("DequantizeLinear", q, b.const(scale), *extra, **attributes)


def of_floats(b: QdqNet) -> str:
    real = b.const(np.random.default_rng(3).normal(size=(8, 5)).astype(np.float32))
    scale, zero = b.const(STEPS), b.const(np.zeros(5, S8))
    q = b.node("QuantizeLinear", real, scale, zero, axis=1)
    return b.node("DequantizeLinear", q, scale, zero, axis=1)


def transposed(b: QdqNet) -> str:
    q = b.const(CODES.T.astype(S8))
    return b.node("Transpose", dq(b, q, STEPS, np.zeros(5, S8), axis=0), perm=[1, 0])


def reshaped(b: QdqNet) -> str:
    q = b.const(CODES.reshape(2, 4, 5).astype(S8))
    w = dq(b, q, STEPS, np.zeros(5, S8), axis=-1)
    return b.node("Reshape", w, b.const(np.array([8, 5])))


def zeros_by_channel(b: QdqNet) -> str:
    return dq(b, b.const(CODES.astype(S8)), STEPS, np.arange(5, dtype=S8), axis=1)


WEIGHTS: dict[str, Callable[[QdqNet], str]] = {
    "tensor": lambda b: dq(b, b.const(CODES.astype(S8)), STEP),
    "asymmetric": lambda b: dq(b, b.const((CODES + 130).astype(U8)), STEP, U8(128)),
    "channel": lambda b: dq(b, b.const(CODES.astype(S8)), STEPS, axis=1),
    "zeros by channel": zeros_by_channel,
    "int16": lambda b: dq(b, b.const((CODES * 999).astype(np.int16)), STEP),
    "int4": lambda b: dq(b, b.const(CODES, TensorProto.INT4), STEPS, axis=1),
    "floats": of_floats,
    "transposed": transposed,
    "reshaped": reshaped,
}
"""The same kind of 8 x 5 matrix, stored in many ways."""


@pytest.mark.parametrize("form", sorted(WEIGHTS))
@pytest.mark.parametrize("op", ["MatMul", "Gemm"])
def test_weights_in_every_form(form: str, op: str) -> None:
    b = QdqNet()
    w = WEIGHTS[form](b)
    x = b.qdq("x", 0.03, U8(100))
    y = b.node(op, x, w, **({"alpha": 0.3} if op == "Gemm" else {}))
    model = b.model({"x": ("n", 8)}, {b.qdq(y, 0.05, S8(1)): FLOAT})
    graph = load(model)
    assert ops(graph, "matmul")[0].inputs[1].op.stem == "dequantize"
    if form == "int4":  # numpy has no such type: the oracle reads plain bytes
        model.graph.initializer[0].CopyFrom(
            onnx.numpy_helper.from_array(
                onnx.numpy_helper.to_array(model.graph.initializer[0]).astype(S8), "c0"
            )
        )
    assert compare(model, images(shape=(8,)))[1] == 0


def test_sums_and_averages_of_what_has_no_quantizer_keep_16_bits() -> None:
    """As TensorRT wants residuals: a layer's result goes into the sum as it is."""
    b = QdqNet(11)
    x = b.qdq(b.node("Conv", b.qdq("x", 0.03, S8(0)), b.weights(4, 3, 3, 3)), 0.03, S8(1))
    y = b.node("Add", b.node("Conv", x, b.weights(4, 4, 3, 3), pads=[1] * 4), x)
    y = b.node("Clip", b.qdq(y, 0.1, S8(0)), b.const(np.float32(0)), b.const(np.float32(6)))
    y = b.node("GlobalAveragePool", y)
    model = b.model(IMAGE, {b.qdq(y, 0.02, S8(0)): FLOAT})
    added = [n for n in lowered(load(model)).nodes() if n.name.endswith(".added")]
    assert [n.type.int.bits for n in added] == [16, 15]
    total, wrong = compare(model, images(count=20), "rescale")
    assert total > 3000
    assert wrong < total / 200


def test_a_model_with_nothing_but_weights_as_codes_is_a_float_model() -> None:
    b = QdqNet()
    y = b.node("Conv", "x", b.weights(6, 3, 3, 3), b.bias(6))
    y = b.node("MatMul", b.node("Relu", y), b.weights(6, 4, axis=0))  # steps along inputs
    graph = load(b.model(IMAGE, {y: FLOAT}))
    assert not ops(graph, "dequantize")
    want = onnx.numpy_helper.to_array(b.stored[0]).astype(float).transpose(2, 3, 1, 0)
    scale = onnx.numpy_helper.to_array(b.stored[1]).astype(float)
    assert np.array_equal(ops(graph, "conv")[0].inputs[1].op.value, want * scale)


def test_a_bias_with_more_bits_than_float64_holds_stays_exact() -> None:
    """2**31 codes of a 24-bit scale need 55 bits. The tie that they make is decided exactly."""
    b = QdqNet()
    codes = np.array([2**31 - 1, -(2**31), 12345], np.int32)
    scale = np.array([0.1, 0.3, 0.7], np.float32) * np.float32(1e-8)
    bias = b.node("DequantizeLinear", b.const(codes), b.const(scale), axis=0)
    y = b.node("Gemm", b.qdq("x", 0.03, U8(9)), b.weights(4, 3, axis=1), bias)
    model = b.model({"x": ("n", 4)}, {b.qdq(y, 0.2, S8(0)): FLOAT})
    assert ops(load(model), "matmul")[0].inputs[2].op.stem == "dequantize"
    assert compare(model, images(shape=(4,)))[1] == 0
    b = QdqNet()
    bias = b.node("DequantizeLinear", b.const(codes), b.const(scale), axis=0)
    y = b.node("Add", b.node("MatMul", b.qdq("x", 0.03, U8(9)), b.weights(4, 3, axis=1)), bias)
    with pytest.raises(UserError, match="codes of too many bits"):
        load(b.model({"x": ("n", 4)}, {b.qdq(y, 0.2, S8(0)): FLOAT}))


def test_operators_on_codes() -> None:
    """Pad with a code, Clip, Relu, Slice, Concat of one scale, GlobalMaxPool, between Q and DQ."""
    b = QdqNet(4)
    q, scale, zero = b.quantize("x", 0.03, U8(120))
    pads = b.const(np.array([0, 0, 1, 0, 0, 0, 2, 1]))
    padded = b.node("Pad", q, pads, b.const(U8(120)))
    edged = b.node("Pad", q, pads)  # with the code 0
    both = b.node("Concat", padded, edged, axis=1)
    cut = b.node("Slice", both, *(b.const(np.array(v)) for v in ([1], [5], [1])))
    clipped = b.node("Clip", cut, b.const(U8(90)), b.const(U8(170)))
    y = b.node("DequantizeLinear", clipped, scale, zero)
    y = b.node("Conv", y, b.weights(3, 4, 3, 3))
    q, scale, zero = b.quantize(y, 0.05, S8(0))
    top = b.node("Squeeze", b.node("GlobalMaxPool", b.node("Relu", q)), b.const(np.array([2, 3])))
    model = b.model(IMAGE, {top: INT8})
    assert compare(model, images())[1] == 0
    graph = lowered(load(model))
    assert (graph.out_ports[0].kind, graph.outputs[0].type.shape) == ("INT8", (3,))


def test_flattened_images_permute_the_codes_of_weights() -> None:
    """(N,C,H,W) flattened: no transposition in hardware, although quantizers lie between."""
    b = QdqNet(6)
    y = b.qdq(b.node("Conv", b.qdq("x", 0.03, U8(128)), b.weights(4, 3, 3, 3)), 0.05, S8(7))
    y = b.node("MatMul", b.qdq(b.node("Flatten", y), 0.05, S8(7)), b.weights(168, 5, axis=1))
    model = b.model(IMAGE, {b.qdq(y, 0.1, S8(0)): FLOAT})
    assert not ops(load(model), "transpose")
    assert compare(model, images())[1] == 0


def test_the_domain_of_onnxruntime_and_a_cast() -> None:
    """16 bits before opset 21; uint8 pixels cast to real numbers."""
    b = QdqNet(opset=13)
    x = b.node("Mul", b.node("Cast", "x", to=FLOAT), b.const(np.float32(1 / 256)))
    scale, zero = b.const(np.float32(0.004)), b.const(np.uint16(77))
    q = b.node("QuantizeLinear", x, scale, zero, domain="com.microsoft")
    x = b.node("DequantizeLinear", q, scale, zero, domain="com.microsoft")
    y = b.node("MatMul", x, b.weights(8, 3, axis=1))
    model = b.model({"x": ("n", 8)}, {b.qdq(y, 0.05, S8(1)): FLOAT}, UINT8)
    x_ = np.random.default_rng(0).integers(0, 256, (5, 8)).astype(U8)
    assert compare(model, {"x": x_})[1] == 0


def test_a_softmax_and_its_quantizer_are_the_hosts() -> None:
    b = QdqNet()
    y = b.qdq(b.node("MatMul", b.qdq("x", 0.03, S8(0)), b.weights(8, 3, axis=1)), 0.05, S8(1))
    q = b.node(
        "QuantizeLinear", b.node("Softmax", y), b.const(np.float32(2**-8)), b.const(S8(-128))
    )
    port = load(b.model({"x": ("n", 8)}, {q: INT8})).out_ports[0]
    assert port.host == (
        "softmax axis=-1",
        "quantize scale=0.00390625 zero=-128 lo=-128 hi=127 type=INT8",
    )
    assert port.kind == ""


SHARED = Path(__file__).resolve().parents[3] / "shared"
NETWORKS = ("mnist_small_float", "mnist_resnet_float", "kws_dscnn_float", "resnet8_cifar10_float")


@pytest.mark.slow
@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_quantized_by_onnxruntime(name: str, style: str, tmp_path: Path) -> None:
    path = SHARED / "models" / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    model = onnx.load(path)
    port = load(model).in_ports[0]
    x = np.random.default_rng(0).uniform(0, 1, (9, *port.shape))
    x = (255 * x if "cifar" in name else x).astype(np.float32)
    made = quantized(model, x[:8], style, tmp_path)
    total, wrong = compare(made, {port.name: x[8:]}, "rescale")
    assert total > 1000
    assert wrong == 0


def refused(build: Callable[[QdqNet], str], kind: int = FLOAT) -> str:
    b = QdqNet()
    with pytest.raises(UserError) as caught:
        load(b.model({"x": ("n", 8)}, {build(b): FLOAT}, kind))
    return str(caught.value)


def blocked(b: QdqNet) -> str:
    scale = b.const(np.ones((1, 2), np.float32))
    return b.node("QuantizeLinear", "x", scale, axis=1, block_size=4)


def unequal(b: QdqNet) -> str:
    scale, zero = b.const(np.ones(8, np.float32)), b.const(np.arange(8, dtype=S8))
    return b.node("QuantizeLinear", "x", scale, zero, axis=1)


def negative(b: QdqNet) -> str:
    return b.node("QuantizeLinear", "x", b.const(np.float32(-1)))


def on_codes(b: QdqNet) -> str:
    return b.node("Sub", b.quantize("x", 0.1, S8(0))[0], b.const(S8(1)))


def along_inputs(b: QdqNet) -> str:
    return b.node("MatMul", b.qdq("x", 0.1, S8(0)), b.weights(8, 3, axis=0))


def open_scale(b: QdqNet) -> str:
    return b.node("QuantizeLinear", "x", b.node("ReduceMax", "x", keepdims=0))


def test_refusals_name_the_node_and_the_reason() -> None:
    assert refused(blocked) == (
        "error: quantizelinear0 (QuantizeLinear): blocks that share a scale are not supported\n"
        "hint: quantize per tensor or per channel (block_size 0)"
    )
    assert refused(unequal) == (
        "error: quantizelinear0 (QuantizeLinear): zero points that differ from channel to channel "
        "are not supported\nhint: use symmetric quantization per channel, or one zero point"
    )
    assert "its scale is not positive" in refused(negative)
    assert refused(on_codes) == (
        "error: sub1 (Sub): computes with INT8 codes, not with what they stand for\n"
        "hint: a DequantizeLinear belongs between"
    )
    assert "that are not one per output channel" in refused(along_inputs)
    assert "is not constant" in refused(open_scale)
    assert "the element type BOOL is not supported" in refused(negative, TensorProto.BOOL)


def test_dynamic_quantization_is_refused_with_all_else_at_once() -> None:
    b = QdqNet()
    b.nodes.append(
        onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], name="dynamic")
    )
    y = b.node("MatMulInteger", "q", b.const(np.ones((8, 2), S8)), "z")
    y = b.node("Mul", b.node("Cast", y, to=FLOAT), "s")
    with pytest.raises(UserErrors) as caught:
        load(b.model({"x": ("n", 8)}, {b.node("Einsum", y, equation="ij->ij"): FLOAT}))
    assert str(caught.value).startswith(
        "error: dynamic (DynamicQuantizeLinear): computes its scale from the data of every frame, "
        "hardware has fixed ones\n"
        "hint: quantize statically: onnxruntime.quantization.quantize_static, with calibration data"
    )
    assert "(Einsum): this operator is not supported" in str(caught.value)
