"""QONNX: quantizers in the real graph (Brevitas, QKeras, HAWQ) and FINN's thresholds."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

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

MOST_BITS = 16
"""Of activations."""

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
    notes="QONNX: constant parameters, 1 to 16 bits, scale per tensor or channel",
)
def quant(call: Call) -> Value:
    quantizer = Quantizer.of(call.node, _constants(call))
    if (bits := (quantizer.high - quantizer.low).bit_length()) > MOST_BITS:
        raise UserError(f"{bits} bits of an activation", hint="1 to 16 bits are supported")
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
