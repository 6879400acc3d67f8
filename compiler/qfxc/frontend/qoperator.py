"""Operators that compute with codes: lowered to dequantize, the real operator, quantize.

QLinearConv and its kin name the scales of their inputs and of their result, so each is exactly
the three steps that a QDQ model writes down. ConvInteger and MatMulInteger compute with codes as
they are. Those of the domain com.microsoft are what onnxruntime's quantizer makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import helper

from qfxc.errors import UserError
from qfxc.frontend.call import TABLE, Call, Operand, converts
from qfxc.frontend.qdq import dequantized, quantized
from qfxc.frontend.qdq_codes import READS, integers
from qfxc.frontend.qdq_constants import on_grid
from qfxc.frontend.qdq_quantizer import Quantizer, is_quantizer, kind_of, quantizer, shaped
from qfxc.frontend.value import Codes, Value
from qfxc.ir.types import UNIT, Array

DYNAMIC = frozenset(
    (
        *("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"),
        *("DynamicQuantizeLSTM", "MatMulNBits", "MatMulBnb4"),
    )
)
"""What computes scales from the data of every frame, or is only made for such."""

MICROSOFT = frozenset(
    (
        *("QGemm", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearLeakyRelu"),
        *("QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearSigmoid", "QLinearSoftmax"),
    )
)
"""Those of onnxruntime's domain, beside its QuantizeLinear and DequantizeLinear."""

TWO_SIDES = ((0, 1, 2), (3, 4, 5))

READS.update(
    {
        **dict.fromkeys(("QLinearConv", "QLinearMatMul", "QLinearAdd", "QLinearMul"), TWO_SIDES),
        **dict.fromkeys(("ConvInteger", "MatMulInteger"), ((0, -1, 2), (1, -1, 3))),
        **dict.fromkeys(
            (
                *("QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearLeakyRelu"),
                *("QLinearSigmoid", "QLinearSoftmax", "QGemm"),
            ),
            ((0, 1, 2),),
        ),
    }
)


def is_microsoft(node: onnx.NodeProto) -> bool:
    """Whether ``node`` is a supported operator of onnxruntime's own domain."""
    ours = node.op_type in MICROSOFT or is_quantizer(node)
    return node.domain == "com.microsoft" and ours


def _optional(call: Call, index: int) -> Array | None:
    return call.constant(index) if call.given(index) else None


def _stated(call: Call, scale: int, zero: int, kind: str, axis: int | None = None) -> Quantizer:
    """The quantizer whose scale and zero point are the inputs ``scale`` and ``zero``."""
    shift = _optional(call, zero)
    return quantizer(call.constant(scale), shift, kind if shift is None else kind_of(shift), axis)


def _real(call: Call, places: tuple[int, int, int], axis: int | None = None) -> Operand:
    """What the codes at ``places`` (data, scale, zero point) stand for; ``axis`` of a constant."""
    data, scale, zero = places
    operand = call.inputs[data]
    if isinstance(operand, Value):
        kind = operand.codes.kind if operand.codes else "UINT8"
        return dequantized(call, operand, _stated(call, scale, zero, kind).codes())
    codes = call.constant(data)
    q = _stated(call, scale, zero, kind_of(codes), axis)
    steps, shift = (shaped(part, q.axis, codes.shape) for part in (q.scale, q.zero))
    return on_grid(call.shared, call.node.input[data], codes.astype(np.int64) - shift, steps)


def _result(call: Call, value: Value, scale: int, zero: int) -> Value:
    """``value`` as codes of the scale and zero point at those inputs."""
    return quantized(call, value, _stated(call, scale, zero, "UINT8").codes(), suffix="q")


def _apply(call: Call, op: str, inputs: Sequence[Operand], places: Sequence[int]) -> Value:
    """The real operator of the table, with the attributes of ``call``.

    ``places``: at which inputs of ``call`` its own come from.
    """
    if op not in TABLE:
        raise UserError(f"the operator {op} in it is not supported")
    known = {a.name for a in call.node.attribute} & set(onnx.defs.get_schema(op).attributes)
    node = helper.make_node(op, [call.node.input[i] for i in places], ["y"])
    node.attribute.extend(a for a in call.node.attribute if a.name in known)
    result = TABLE[op].convert(Call(call.shared, call.name, node, inputs, call.opset))
    assert isinstance(result, Value)
    return result


def _channels_first(call: Call) -> None:
    if call.attr("channels_last", 0):
        raise UserError("channels_last=1 is not supported", hint="export with channels first")


def _accumulator_bias(call: Call, index: int, x: int, w: int, factor: float = 1.0) -> Array:
    """Input ``index``: a bias in steps of the product of two scales, as real numbers."""
    codes = call.constant(index).astype(np.int64)
    steps = call.floats(x).reshape(()) * call.floats(w).reshape(-1) * factor
    return on_grid(call.shared, call.node.input[index], codes, steps)


@converts("QLinearConv", since=10, notes="as Conv, between quantizers", takes_codes=True)
def qlinear_conv(call: Call) -> Value:
    inputs, places = [_real(call, (0, 1, 2)), _real(call, (3, 4, 5), axis=0)], [0, 3]
    if call.given(8):
        inputs.append(_accumulator_bias(call, 8, 1, 4))
        places.append(8)
    return _result(call, _apply(call, "Conv", inputs, places), 6, 7)


@converts("QLinearMatMul", since=10, notes="as MatMul, between quantizers", takes_codes=True)
def qlinear_matmul(call: Call) -> Value:
    inputs = [_real(call, (0, 1, 2), axis=-2), _real(call, (3, 4, 5), axis=-1)]
    return _result(call, _apply(call, "MatMul", inputs, (0, 3)), 6, 7)


@converts("QGemm", since=7, notes="com.microsoft; as Gemm, between quantizers", takes_codes=True)
def qgemm(call: Call) -> Value:
    columns = 0 if call.attr("transB", 0) else 1
    inputs, places = [_real(call, (0, 1, 2)), _real(call, (3, 4, 5), axis=columns)], [0, 3]
    if call.given(6):  # in steps of alpha times both scales
        alpha = float(call.attr("alpha", 1.0))
        inputs.append(_accumulator_bias(call, 6, 1, 4, alpha))
        places.append(6)
    y = _apply(call, "Gemm", inputs, places)
    return _result(call, y, 7, 8) if call.given(7) else y


@converts(
    "QLinearAdd",
    "QLinearMul",
    since=7,
    notes="com.microsoft; of tensors and constants, between quantizers",
    takes_codes=True,
)
def qlinear_arithmetic(call: Call) -> Value:
    inputs = [_real(call, places) for places in TWO_SIDES]
    return _result(call, _apply(call, call.op[len("QLinear") :], inputs, (0, 3)), 6, 7)


@converts("QLinearConcat", since=7, notes="com.microsoft; as Concat", takes_codes=True)
def qlinear_concat(call: Call) -> Value:
    places = range(2, len(call.inputs), 3)
    inputs = [_real(call, (i, i + 1, i + 2)) for i in places]
    return _result(call, _apply(call, "Concat", inputs, places), 0, 1)


@converts(
    "QLinearAveragePool",
    "QLinearGlobalAveragePool",
    "QLinearLeakyRelu",
    "QLinearSigmoid",
    since=7,
    notes="com.microsoft; as the real operator, between quantizers",
    takes_codes=True,
)
def qlinear_unary(call: Call) -> Value:
    _channels_first(call)
    y = _apply(call, call.op[len("QLinear") :], [_real(call, (0, 1, 2))], (0,))
    return _result(call, y, 3, 4)


@converts(
    "QLinearSoftmax",
    since=7,
    notes="com.microsoft; at an output only: the host applies it",
    takes_codes=True,
)
def qlinear_softmax(call: Call) -> Value:
    return _result(call, _apply(call, "Softmax", [_real(call, (0, 1, 2))], (0,)), 3, 4)


@converts(
    "ConvInteger",
    "MatMulInteger",
    since=10,
    notes="constant weights; a Cast to real numbers and a Mul by the scale may follow",
    takes_codes=True,
)
def integer_layer(call: Call) -> Value:
    """Sums of codes minus zero points, as codes of 32 bits in steps of the input's scale."""
    sides = [_own_codes(call, 0, 2), _own_codes(call, 1, 3)]
    y = _apply(call, call.op[: -len("Integer")], [s[0] for s in sides], (0, 1))
    scale = next(scale for operand, scale in sides if isinstance(operand, Value))
    return replace(y, codes=replace(integers("INT32"), scale=scale.scale))


def _own_codes(call: Call, data: int, zero: int) -> tuple[Operand, Codes]:
    """Codes minus their zero point: as they are, for a tensor in steps of its own scale."""
    operand, shift = call.inputs[data], _optional(call, zero)
    if isinstance(operand, Value):
        have = operand.codes or integers("UINT8")
        zero_point = 0 if shift is None else int(shift.reshape(-1)[0])
        if shift is not None and (shift != zero_point).any():
            raise UserError("zero points that differ from row to row are not supported")
        return dequantized(call, operand, replace(have, zero=zero_point)), have
    codes = call.constant(data).astype(np.int64)
    shifts = np.zeros((), np.int64) if shift is None else shift.astype(np.int64)
    if shifts.size > 1:
        axis = 0 if call.op == "ConvInteger" else codes.ndim - 1
        shifts = shaped(shifts.reshape(-1), axis, codes.shape)
    exact = on_grid(call.shared, call.node.input[data], codes - shifts, np.ones(()))
    return exact, Codes(UNIT, 0, "INT32", (0, 0))
