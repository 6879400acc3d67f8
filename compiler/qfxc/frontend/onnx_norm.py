"""Normalisations at run time: means, squares, a table of the inverse root, a product."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from qfxc.errors import UserError
from qfxc.frontend.broadcast import two_values
from qfxc.frontend.call import Call, converts
from qfxc.frontend.onnx_arith import plus, times
from qfxc.frontend.onnx_reduce import reduce_axes
from qfxc.frontend.onnx_unary import unary
from qfxc.frontend.value import Shape, Value
from qfxc.ir.function import Program, X, apply
from qfxc.ir.graph import Op
from qfxc.ops.add import Add
from qfxc.ops.matmul import MatMul
from qfxc.ops.mul import Mul

SQUARE = apply("mul", X, X)

TINY = 1e-30
"""Smaller than every norm that is not zero."""


def _both(call: Call, op: Op, x: Value, y: Value, suffix: str) -> Value:
    """``op`` of two tensors, the second one broadcast."""
    x, y = two_values(call, x, y)
    return replace(x, node=call.make(op, x.node, y.node, suffix=suffix))


def _centred(call: Call, x: Value, axes: Shape) -> Value:
    return _both(call, Add(1, -1), x, reduce_axes(call, x, axes, "mean"), "centred")


def _over(call: Call, x: Value, axes: Shape, size: Program, inverse: Program) -> Value:
    """x times ``inverse`` of the mean of ``size`` of its elements."""
    return _both(call, Mul(), x, _inverse(call, x, axes, size, inverse), "normal")


def _inverse(call: Call, x: Value, axes: Shape, size: Program, inverse: Program) -> Value:
    mean = reduce_axes(call, unary(call, x, size, "size"), axes, "mean")
    return unary(call, mean, inverse, "inverse")


def _inverse_root(epsilon: float) -> Program:
    return apply("div", 1.0, apply("sqrt", apply("add", X, epsilon)))


def _epsilon(call: Call) -> float:
    return float(call.attr("epsilon", 1e-5))


def _last_axes(call: Call, x: Value) -> Shape:
    """The body axes from the attribute ``axis`` on."""
    return tuple(range(x.axis(int(call.attr("axis", -1))), len(x.body)))


@converts("LayerNormalization", notes="constant scale and bias; not over the batch")
def layer_normalization(call: Call) -> list[Value]:
    x = call.value(0)
    axes = _last_axes(call, x)
    mean = reduce_axes(call, x, axes, "mean")
    centred = _both(call, Add(1, -1), x, mean, "centred")
    inverse = _inverse(call, centred, axes, SQUARE, _inverse_root(_epsilon(call)))
    y = times(call, _both(call, Mul(), centred, inverse, "normal"), call.floats(1))
    y = plus(call, y, 1, call.floats(2)) if call.given(2) else y
    return [y, mean, inverse]


@converts("RMSNormalization", notes="constant scale; not over the batch")
def rms_normalization(call: Call) -> Value:
    x = call.value(0)
    y = _over(call, x, _last_axes(call, x), SQUARE, _inverse_root(_epsilon(call)))
    return times(call, y, call.floats(1))


@converts("InstanceNormalization", notes="constant scale and bias")
def instance_normalization(call: Call) -> Value:
    x = call.value(0)
    axes = tuple(range(x.axis(1) + 1, len(x.body)))
    y = _over(call, _centred(call, x, axes), axes, SQUARE, _inverse_root(_epsilon(call)))
    return _per_channel(call, y, len(axes))


def _per_channel(call: Call, y: Value, after: int) -> Value:
    """Scale and bias of axis 1, with ``after`` axes behind it."""
    scale, bias = (call.floats(i).reshape(-1, *[1] * after) for i in (1, 2))
    return plus(call, times(call, y, scale), 1, bias)


@converts("GroupNormalization", notes="constant scale and bias", since=18)
def group_normalization(call: Call) -> Value:
    x, groups = call.value(0), int(call.attr("num_groups"))
    if not x.lead or len(x.shape) < 2 or x.shape[1] % groups:
        raise UserError(f"{groups} groups of {list(x.shape)}")
    grouped = call.reshape_to(x, (x.shape[0], groups, prod(x.body) // groups))
    centred = _centred(call, grouped, (1,))
    y = _over(call, centred, (1,), SQUARE, _inverse_root(_epsilon(call)))
    if call.constant(1).size == groups and groups != x.shape[1]:  # before opset 21: per group
        return call.reshape_to(_per_channel(call, y, 1), x.shape)
    return _per_channel(call, call.reshape_to(y, x.shape), len(x.body) - 1)


@converts("LpNormalization", notes="p = 1 and 2; not over the batch")
def lp_normalization(call: Call) -> Value:
    x, p = call.value(0), int(call.attr("p", 2))
    axis = x.axis(int(call.attr("axis", -1)))
    total = apply("mul", X, float(x.body[axis]))
    norm = total if p == 1 else apply("sqrt", total)
    inverse = apply("div", apply("greater", X, 0.0), apply("max", norm, TINY))  # 0 of zeros
    return _over(call, x, (axis,), apply("abs", X) if p == 1 else SQUARE, inverse)


@converts("MeanVarianceNormalization", notes="not over the batch", since=9)
def mean_variance_normalization(call: Call) -> Value:
    x = call.value(0)
    chosen = (a % len(x.shape) for a in call.ints("axes", (0, 2, 3)))
    axes = tuple(x.axis(a) for a in chosen if a or not x.lead or x.batch != 1)
    return _over(call, _centred(call, x, axes), axes, SQUARE, _inverse_root(1e-9))


@converts("LRN", notes="over channels: a product with a band matrix, a table")
def local_response(call: Call) -> Value:
    x, size = call.value(0), int(call.attr("size"))
    alpha, beta, bias = (
        float(call.attr(n, v)) for n, v in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    x = call.last(x, x.axis(1))
    channels = np.arange(x.node.type.channels)
    distance = channels[:, None] - channels[None]  # of the input from the output
    near = (-((size - 1) // 2) <= distance) & (distance <= size // 2)
    squares = unary(call, x, SQUARE, "squares")
    means = call.make(MatMul(), squares.node, call.const(near / size, "w"), suffix="means")
    line = apply("add", bias, apply("mul", alpha, X))
    inverse = unary(call, replace(x, node=means), apply("pow", line, -beta), "inverse")
    return _both(call, Mul(), x, inverse, "normal")
