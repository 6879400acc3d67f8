"""QONNX: quantizers in the real graph (Brevitas, QKeras, HAWQ) and FINN's thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import gcd

import numpy as np

from qfxc.errors import UserError
from qfxc.frontend.broadcast import channel_last
from qfxc.frontend.call import Call, converts
from qfxc.frontend.onnx_arith import affine
from qfxc.frontend.qonnx_quantizer import (
    Quantizer,
    code_range,
    given,
    integer,
    positive,
    ratio_of_powers,
    rounding_mode,
)
from qfxc.frontend.value import Value
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, Scale, exact
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input
from qfxc.ops.quantize import Quantize
from qfxc.ops.thresholds import Thresholds

MOST_BITS = 16
"""Of the codes of a MultiThreshold with its bias."""

ONE = np.asarray(1.0)
WIDE = 1 << 40
"""A range that nothing reaches: proven ranges are narrower."""


def _constants(call: Call) -> list[Array | None]:
    """The inputs behind the first, which must be constant."""
    rest = range(1, len(call.inputs))
    return [None, *(call.constant(i) if call.given(i) else None for i in rest)]


def _quantized(call: Call, x: Value, elem: Int, rounding: Rounding, suffix: str = "") -> Value:
    q = call.make(Quantize(elem, rounding), x.node, suffix=suffix)
    return replace(x, node=call.make(Dequantize(), q, suffix="dq"))


@converts(
    "Quant",
    "IntQuant",
    notes="QONNX: constant parameters, 1 to 32 bits, scale per tensor or channel",
)
def quant(call: Call) -> Value:
    quantizer = Quantizer.of(call.node, _constants(call))
    x, steps = channel_last(call, call.value(0), quantizer.scale)
    if quantizer.bipolar:
        return _bipolar(call, x, steps)
    elem = Int(quantizer.low, quantizer.high, Scale.of(np.atleast_1d(steps)))
    shift = 0 if isinstance(x.node.op, Input) else quantizer.shift
    if not shift:
        return _quantized(call, x, elem, quantizer.rounding)
    # rounding sees the zero point: codes that include it, and a constant behind them
    moved = affine(call, x, ONE, steps * shift, "zero")
    codes = Int(elem.lo + shift, elem.hi + shift, elem.scale)
    y = _quantized(call, moved, codes, quantizer.rounding)
    return affine(call, y, ONE, -steps * shift, "value")


def _bipolar(call: Call, x: Value, steps: Array) -> Value:
    """-scale and scale: twice a code -1 or 0, which is the sign bit, and one."""
    sign = _quantized(call, x, Int(-1, 0), Rounding.FLOOR)
    return affine(call, sign, 2 * steps, steps, "value")


@converts("BipolarQuant", notes="QONNX: constant scale, per tensor or channel")
def bipolar_quant(call: Call) -> Value:
    scale = positive(given(_constants(call), 1, "scale"))
    x, steps = channel_last(call, call.value(0), scale)
    return _bipolar(call, x, steps)


@converts("Trunc", notes="QONNX: constant parameters, without zero point; both versions")
def trunc(call: Call) -> Value:
    constants = _constants(call)
    scale, zero = (given(constants, i, w) for i, w in ((1, "scale"), (2, "zero point")))
    if scale.size != 1 or integer(zero, "zero point"):
        raise UserError("a scale per channel or a zero point is not supported")
    step = exact(positive(scale).reshape(-1)[0])
    rounding = rounding_mode(call.attr("rounding_mode", "FLOOR"))
    # the first rounding is none where the input is on the grid, as it is meant to be
    whole = _quantized(call, call.value(0), Int(-WIDE, WIDE, Scale.of(step)), Rounding.HALF_EVEN)
    if len(call.inputs) > 5:
        return _quantized(call, whole, _output(call, constants, step), rounding, "trunc")
    widths = [integer(given(constants, i, "bit width"), "bit width") for i in (3, 4)]
    part = np.asarray(2.0 ** (widths[1] - widths[0]))
    scaled = affine(call, whole, part, np.asarray(0.0), "part")
    return _quantized(call, scaled, Int(-WIDE, WIDE, Scale.of(step)), rounding, "trunc")


def _output(call: Call, constants: list[Array | None], step: Fraction) -> Int:
    """The type of the result of version 2, which states scale and bits of its output."""
    scale = positive(given(constants, 4, "output scale"))
    if scale.size != 1 or ratio_of_powers(exact(scale.reshape(-1)[0]), step) is None:
        raise UserError("its output scale is not its scale times a power of two")
    bits = integer(given(constants, 5, "output bit width"), "bit width")
    signed, narrow = bool(call.attr("signed", 1)), bool(call.attr("narrow", 0))
    low, high = code_range(bits, signed=signed, narrow=narrow)
    return Int(low, high, Scale.of(scale.reshape(-1)))


@converts("MultiThreshold", notes="QONNX, FINN: constant thresholds, per tensor or channel")
def multi_threshold(call: Call) -> Value:
    x, thresholds = call.value(0), call.floats(1)
    if thresholds.ndim != 2 or thresholds.shape[1] == 0:
        raise UserError(f"thresholds {list(thresholds.shape)}, (channels, steps) are expected")
    if len(thresholds) > 1:
        layout = call.attr("data_layout", "") or {3: "NWC"}.get(len(x.shape), "NC")
        x = call.last(x, x.axis(layout.index("C") if "C" in layout else 1))
    count = call.make(Thresholds(), x.node, call.const(thresholds, "t"), suffix="count")
    scale, bias = (float(call.attr(name, d)) for name, d in (("out_scale", 1.0), ("out_bias", 0.0)))
    y = affine(call, replace(x, node=count), np.asarray(scale), np.asarray(bias), "value")
    a, b = exact(scale), exact(bias)
    over = a.denominator * b.denominator
    unit = Fraction(gcd(int(a * over), int(b * over)), over)
    if a == 0 or abs(b / unit) >= 1 << MOST_BITS:
        return y
    ends = sorted((int(b / unit), int((b + thresholds.shape[1] * a) / unit)))
    return _quantized(call, y, Int(ends[0], ends[1], Scale.of(unit)), Rounding.FLOOR)


def channels_first(call: Call, convert: Callable[[Call], list[Value]]) -> list[Value]:
    """Runs a conversion on an input whose channels come last, and puts those of its result last."""
    x = call.value(0)
    rank = len(x.shape)
    rest = list(call.inputs[1:])
    if call.op == "Conv":  # so do those of its weights
        rest[0] = np.moveaxis(call.constant(1), -1, 1)
    call.inputs = (_moved(x, (0, rank - 1, *range(1, rank - 1))), *rest)
    return [_moved(y, (0, *range(2, rank), 1)) for y in convert(call)]


def _moved(value: Value, perm: tuple[int, ...]) -> Value:
    """An ONNX Transpose that leaves the batch axis: only the record of the axes changes."""
    if not value.lead:
        raise UserError("channels last without a batch axis are not supported")
    shape = tuple(value.shape[p] for p in perm)
    order = tuple(perm.index(a + 1) - 1 for a in value.order)
    return replace(value, shape=shape, order=order)
