"""QuantizeLinear and DequantizeLinear, and tensors of codes between them.

The value of a tensor of codes has the real numbers that they stand for as its node, and a note of
what the codes are (``Value.codes``). So everything that only moves elements needs to know nothing
about codes, no zero point is in the graph, and a DequantizeLinear takes the note off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from qfxc.errors import UserError
from qfxc.frontend.broadcast import Floats
from qfxc.frontend.call import Call, converts
from qfxc.frontend.onnx_arith import affine
from qfxc.frontend.qdq_quantizer import Quantizer
from qfxc.frontend.value import Codes, Value
from qfxc.ir.graph import Node
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.quantize import Quantize


def quantized(call: Call, value: Value, codes: Codes, suffix: str = "") -> Value:
    """``value`` as codes: rounded half to even, saturated."""
    if value.terminal:  # the host quantizes what it computed
        return replace(value, codes=codes)
    q = call.make(Quantize(codes.elem, Rounding.HALF_EVEN), value.node, suffix=suffix)
    return replace(value, node=call.make(Dequantize(), q, suffix="dq"), codes=codes)


def dequantized(call: Call, value: Value, codes: Codes) -> Value:
    """The real numbers of a tensor of codes, read with ``codes``: mostly what it was made with."""
    have = value.codes
    if have is None:
        raise UserError("its input is no tensor of codes")
    if have == codes or (have.scale, have.zero) == (codes.scale, codes.zero):
        return replace(value, codes=None)
    factor = _exactly([a / b for a, b in _pairs(codes, have)])
    offset = _exactly([a * (have.zero - codes.zero) for a in codes.scale.values])
    return replace(affine(call, value, factor, offset, "reread"), codes=None)


def _pairs(codes: Codes, have: Codes) -> list[tuple[Fraction, Fraction]]:
    count = max(len(codes.scale.values), len(have.scale.values))
    return list(zip(codes.scale.channels(count), have.scale.channels(count), strict=True))


def _exactly(values: Sequence[Fraction]) -> Floats:
    """The numbers as float64, which must hold them; one where all are the same."""
    floats = np.array([float(v) for v in values])
    if any(Fraction(f) != v for f, v in zip(floats.tolist(), values, strict=True)):
        raise UserError(
            "reads codes with another scale than they were made with",
            hint="both scales must be the same, or their quotient a short binary number",
        )
    return np.asarray(floats[0] if len(set(floats.tolist())) == 1 else floats)


def _channel_last(call: Call, value: Value, quantizer: Quantizer) -> Value:
    """``value`` with the axis that has a scale per index innermost."""
    if quantizer.axis is None:
        return value
    axis = value.axis(quantizer.axis)
    if value.codes and not value.codes.scale.per_tensor and axis != value.order[-1]:
        raise UserError("its scales belong to another axis than those of its quantizer")
    if value.body[axis] != quantizer.scale.size:
        raise UserError(f"{quantizer.scale.size} scales for the {value.body[axis]} channels")
    return call.last(value, axis)


def _parameters(call: Call) -> list[Array | None]:
    """What ``Quantizer.of`` expects: the data input left out."""
    return [None, *(call.constant(i) if call.given(i) else None for i in (1, 2))]


@converts(
    "QuantizeLinear",
    since=10,
    notes="rounds half to even; per tensor and per axis, any zero point; 2 to 16 bits",
    passes_terminal=True,
    takes_codes=True,
)
def quantize_linear(call: Call) -> Value:
    if call.value(0).codes is not None:
        raise UserError("its input is a tensor of codes")
    quantizer = Quantizer.of(call.node, _parameters(call))
    return quantized(call, _channel_last(call, call.value(0), quantizer), quantizer.codes())


@converts(
    "DequantizeLinear",
    since=10,
    notes="of activations, inputs and constants; biases of 32 bits",
    passes_terminal=True,
    takes_codes=True,
)
def dequantize_linear(call: Call) -> Value:
    x = call.value(0)
    if x.codes is None:
        raise UserError("its input is no tensor of codes")
    quantizer = Quantizer.of(call.node, _parameters(call))
    if x.terminal:  # the host quantizes, and gives real numbers
        return replace(x, codes=replace(x.codes, kind="FLOAT"))
    return dequantized(call, _channel_last(call, x, quantizer), quantizer.codes())


def output_node(value: Value, unique: Callable[[str], str]) -> Node:
    """What a graph output ends in: a tensor of codes, in integers.

    Where codes were moved on their way, a quantizer that rounds nothing makes them codes again.
    """
    node = value.node
    if value.codes is None or value.terminal:
        return node
    if isinstance(node.op, Dequantize):
        return node.inputs[0]
    op = Quantize(value.codes.elem, Rounding.HALF_EVEN)
    return Node(op, (node,), unique(f"{node.name}.q"))


def host_steps(value: Value) -> tuple[str, ...]:
    """The operators that the host applies to an output, with their parameters."""
    steps = tuple(f"{h.name} axis={h.axis - len(value.body)}" for h in value.host)
    if not value.terminal or value.codes is None:
        return steps
    codes, (low, high) = value.codes, value.codes.limits
    text = f"quantize scale={float(codes.scale.values[0])!r} zero={codes.zero} lo={low} hi={high}"
    return (*steps, f"{text} type={codes.kind}")
