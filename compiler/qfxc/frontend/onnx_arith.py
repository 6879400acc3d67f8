"""Elementwise operators: arithmetic with constants and tensors, activations, normalisation."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError
from qfxc.frontend.broadcast import (
    channel_last,
    constant_in_frame,
    of_rank,
    per_channel,
    two_values,
)
from qfxc.frontend.call import FLOAT_TYPES, Call, converts, type_name
from qfxc.frontend.onnx_unary import reciprocal, unary
from qfxc.frontend.value import Value
from qfxc.ir.function import X, apply, constant
from qfxc.ir.graph import Graph, Node, Op, rewrite
from qfxc.ops.add import Add
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.concat import Concat
from qfxc.ops.const import const_value, real_const
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.divide import Divide
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.mul import Mul
from qfxc.ops.prelu import PRelu
from qfxc.ops.quantize import Quantize

Floats = NDArray[np.float64]
ONE, ZERO = np.asarray(1.0), np.asarray(0.0)


def affine(call: Call, value: Value, a: Floats, b: Floats, suffix: str = "") -> Value:
    """a*x + b, each a scalar or one value per element of the innermost frame axis."""
    constants = call.const(a, "a"), call.const(b, "b")
    return replace(value, node=call.make(Affine(), value.node, *constants, suffix=suffix))


@converts("Add", "Sub", "Mul", "Div", notes="of tensors and constants; channels broadcast")
def arithmetic(call: Call) -> Value:
    x, y = call.inputs
    if isinstance(x, Value) and isinstance(y, Value):
        return _of_tensors(call, x, y)
    if isinstance(x, Value):
        return _with_constant(call, x, call.floats(1))
    return _from_constant(call, call.floats(0), call.value(1))


def _of_tensors(call: Call, x: Value, y: Value) -> Value:
    x, y = two_values(call, x, y)
    if call.op == "Div":
        y = reciprocal(call, y, "reciprocal")
    op = {"Add": Add(1, 1), "Sub": Add(1, -1)}.get(call.op, Mul())
    return replace(x, node=call.make(op, x.node, y.node))


def _with_constant(call: Call, x: Value, c: Floats) -> Value:
    if call.op in ("Add", "Sub"):
        return plus(call, x, 1, c if call.op == "Add" else -c)
    if call.op == "Mul":
        return times(call, x, c)
    if (c == 0).any():
        raise UserError("divides by a constant that is zero")
    y, frame = constant_in_frame(call, x, c)
    divisor = per_channel(frame)
    if divisor is None:
        return times(call, x, 1 / c)
    return replace(y, node=call.make(Divide(), y.node, call.const(divisor, "d")))


def with_reciprocals(graph: Graph) -> Graph:
    """Divisions by constants as multiplications, in a model that states no codes: it rounds."""
    if any(isinstance(n.op, (Dequantize, Quantize)) for n in graph.nodes()):
        return graph

    def multiplied(node: Node) -> Node | None:
        if not isinstance(node.op, Divide):
            return None
        x, d = node.inputs
        a = real_const(1 / const_value(d), f"{node.name}.a")
        return Node(Affine(), (x, a, real_const(ZERO, f"{node.name}.b")), node.name)

    return rewrite(graph, multiplied)


def _from_constant(call: Call, c: Floats, x: Value) -> Value:
    if call.op in ("Add", "Sub"):
        return plus(call, x, 1 if call.op == "Add" else -1, c)
    return times(call, x if call.op == "Mul" else reciprocal(call, x, "reciprocal"), c)


def plus(call: Call, x: Value, sign: int, c: Floats) -> Value:
    """sign * x + c."""
    x, frame = constant_in_frame(call, x, c)
    b = per_channel(frame)
    if b is not None:
        return affine(call, x, np.asarray(float(sign)), b)
    return _stream(call, x, Add(sign, 1), frame)


def times(call: Call, x: Value, c: Floats) -> Value:
    """x * c."""
    x, frame = constant_in_frame(call, x, c)
    a = per_channel(frame)
    return affine(call, x, a, ZERO) if a is not None else _stream(call, x, Mul(), frame)


def _stream(call: Call, x: Value, op: Op, frame: Floats) -> Value:
    """``op`` with a constant that differs from position to position."""
    full = np.broadcast_to(frame, x.node.type.shape)
    return replace(x, node=call.make(op, x.node, call.const(full, "c")))


@converts("Neg")
def negate(call: Call) -> Value:
    return affine(call, call.value(0), -ONE, ZERO)


@converts("Sum", notes="of tensors and constants")
def total(call: Call) -> Value:
    return _sum(call)


def _sum(call: Call) -> Value:
    values = [x for x in call.inputs if isinstance(x, Value)]
    y = values[0]
    for other in values[1:]:
        y, other = two_values(call, y, other)
        y = replace(y, node=call.make(Add(1, 1), y.node, other.node))
    for index, x in enumerate(call.inputs):
        if not isinstance(x, Value):
            y = plus(call, y, 1, call.floats(index))
    return y


def _clip(call: Call, value: Value, lo: float, hi: float) -> Value:
    if np.isnan(lo) or np.isnan(hi):
        raise UserError("a bound is NaN")
    return replace(value, node=call.make(Clip(lo, hi), value.node))


@converts("Relu")
def relu(call: Call) -> Value:
    return _clip(call, call.value(0), 0.0, inf)


@converts("Clip", notes="constant bounds")
def clip(call: Call) -> Value:
    lo = call.scalar(1, float(call.attr("min", -inf)))
    hi = call.scalar(2, float(call.attr("max", inf)))
    return _clip(call, call.value(0), min(lo, hi), hi)


@converts("Max", "Min", notes="of tensors and constants; channels broadcast")
def bound(call: Call) -> Value:
    values = [x for x in call.inputs if isinstance(x, Value)]
    y = values[0]
    for other in values[1:]:
        y = _larger(call, y, other) if call.op == "Max" else _smaller(call, y, other)
    constants = [call.constant(i) for i, x in enumerate(call.inputs) if not isinstance(x, Value)]
    for limit in constants:
        y = _limited(call, y, limit.astype(np.float64))
    return y


def _larger(call: Call, x: Value, y: Value) -> Value:
    """The maximum of two tensors: side by side, then a pooling over the two."""
    x, y = two_values(call, x, y)
    shape = x.node.type.shape
    channels = shape[-1] if shape else 1
    rows = (x.node.type.size // channels, 1, channels)
    pair = (call.reshape(v.node, rows) for v in (x, y))
    both = call.make(Concat(1), *pair, suffix="both")
    node = call.make(MaxPool((1, 2), (1, 2)), both, suffix="larger")
    return replace(x, node=call.reshape(node, shape))


def _smaller(call: Call, x: Value, y: Value) -> Value:
    """-max(-x, -y)"""
    x, y = (affine(call, v, -ONE, ZERO, "minus") for v in (x, y))
    return affine(call, _larger(call, x, y), -ONE, ZERO, "minus")


def _limited(call: Call, x: Value, limit: Floats) -> Value:
    """The maximum or minimum with a constant: one number, or one per channel."""
    if np.isnan(limit).any():
        raise UserError("a bound is NaN")
    if limit.size == 1:
        x = of_rank(call, x, max(limit.ndim, len(x.shape)))
        bound = float(limit.reshape(-1)[0])
        ends = (bound, inf) if call.op == "Max" else (-inf, bound)
        return replace(x, node=call.make(Clip(*ends), x.node))
    x, limit = constant_in_frame(call, x, limit)
    channel = per_channel(limit)
    if channel is not None:
        return unary(call, x, apply(call.op.lower(), X, constant(channel)))
    full = np.broadcast_to(limit, x.node.type.shape)
    if call.op == "Max":
        return _larger(call, x, replace(x, node=call.const(full, "c")))
    x = affine(call, x, -ONE, ZERO, "minus")
    larger = _larger(call, x, replace(x, node=call.const(-full, "c")))
    return affine(call, larger, -ONE, ZERO, "minus")


@converts("Mean", notes="of tensors and constants")
def mean(call: Call) -> Value:
    return affine(call, _sum(call), np.asarray(1 / len(call.inputs)), ZERO, "mean")


@converts("LeakyRelu", "PRelu", notes="constant slope, scalar or per channel")
def prelu(call: Call) -> Value:
    x, slope = call.value(0), np.asarray(float(call.attr("alpha", 0.01)))
    if call.op == "PRelu":
        x, slope = channel_last(call, x, call.floats(1))
    return replace(x, node=call.make(PRelu(), x.node, call.const(slope, "slope")))


@converts("BatchNormalization", notes="inference")
def batch_normalization(call: Call) -> Value:
    call.only_first_output("of running statistics")
    x = call.value(0)
    if call.attr("training_mode", 0):
        raise UserError("training_mode is on", hint="export the model for inference")
    if not call.attr("spatial", 1):
        raise UserError("spatial=0 is not supported")
    channel = x.axis(1 if len(x.shape) > 1 else 0)
    scale, shift, mean, variance = (call.floats(i).reshape(-1) for i in range(1, 5))
    if {len(p) for p in (scale, shift, mean, variance)} != {x.body[channel]}:
        raise UserError(f"its parameters do not fit the {x.body[channel]} channels of its input")
    if (variance + float(call.attr("epsilon", 1e-5)) <= 0).any():
        raise UserError("variance + epsilon is not positive")
    a = scale / np.sqrt(variance + float(call.attr("epsilon", 1e-5)))
    return affine(call, call.last(x, channel), a, shift - mean * a)


@converts("Identity", notes="", passes_terminal=True)
def same(call: Call) -> Value:
    return call.value(0)


@converts("Dropout", notes="inference: does nothing", passes_terminal=True)
def dropout(call: Call) -> Value:
    call.only_first_output("mask")
    if call.given(2) and bool(call.constant(2).any()):
        raise UserError("training_mode is on", hint="export the model for inference")
    return call.value(0)


@converts("Cast", notes="between float types: does nothing", passes_terminal=True)
def cast(call: Call) -> Value:
    x, to = call.value(0), call.attr("to")
    if not x.node.type.is_int and to not in FLOAT_TYPES:
        raise UserError(
            f"a cast of real numbers to {type_name(to)} is not supported",
            hint="casts between float types are",
        )
    return x
