"""Dense layers (Gemm, MatMul) and what ends a classifier (Softmax, ArgMax)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError
from qfxc.frontend.broadcast import same_for_all_frames
from qfxc.frontend.call import Call, converts
from qfxc.frontend.onnx_arith import affine
from qfxc.frontend.value import HostOp, Value
from qfxc.ir.graph import Node
from qfxc.ops.argmax import ArgMax
from qfxc.ops.matmul import MatMul

Floats = NDArray[np.float64]
NOT_CONSTANT = UserError(
    "multiplies two tensors; one side must be constant",
    hint="attention and other products of activations are not supported",
)


@converts("Gemm", notes="transA=0, constant B and C")
def gemm(call: Call) -> Value:
    if isinstance(call.inputs[0], Value) and isinstance(call.inputs[1], Value):
        raise NOT_CONSTANT
    x, w = call.value(0), call.floats(1)
    if call.attr("transA", 0):
        raise UserError("transA=1 is not supported", hint="it would mix the frames of a batch")
    alpha, beta = (float(call.attr(name, 1.0)) for name in ("alpha", "beta"))
    w = (w.T if call.attr("transB", 0) else w) * alpha
    if len(x.shape) != 2 or w.ndim != 2:
        raise UserError(f"matrices are expected, not {list(x.shape)} and {list(w.shape)}")
    parts = [call.weights(w, 1, "w", alpha)]
    if call.given(2):
        parts.append(call.bias(_gemm_bias(call, x, w.shape[1], beta), 2, beta))
    return _dense(call, x, len(x.body) - 1, *parts)


def _gemm_bias(call: Call, x: Value, outputs: int, beta: float) -> Floats:
    """beta * C as one value per output; C broadcasts to (N, outputs)."""
    c = call.floats(2, rounded=True) * beta
    try:
        rows = np.broadcast_to(c, (x.shape[0], outputs))
    except ValueError as error:
        raise UserError(f"C {list(c.shape)} does not broadcast to {outputs} outputs") from error
    return same_for_all_frames(rows)


def _dense(call: Call, x: Value, axis: int, w: Node, *bias: Node) -> Value:
    """Contracts body ``axis`` with the rows of ``w`` (K,M); the axis then holds the M outputs."""
    if w.type.shape[0] != x.body[axis]:
        raise UserError(f"weights {list(w.type.shape)} do not fit the input {list(x.shape)}")
    x = call.last(x, axis)
    body = (*x.body[:axis], w.type.shape[1], *x.body[axis + 1 :])
    return x.with_body(call.make(MatMul(), x.node, w, *bias), body, x.order)


@converts("MatMul", notes="one side a constant matrix or vector")
def matmul(call: Call) -> Value:
    left, right = call.inputs
    if isinstance(left, Value) and isinstance(right, Value):
        raise NOT_CONSTANT
    if isinstance(left, Value):
        w = _matrix(call.floats(1))
        columns = call.weights(w.reshape(len(w), -1), 1, "w")
        y = _dense(call, left, left.axis(-1), columns)
        return call.reshape_to(y, y.shape[:-1]) if w.ndim == 1 else y
    x, w = call.value(1), _matrix(call.floats(0))
    axis = x.axis(-2 if len(x.shape) > 1 else -1)
    y = _dense(call, x, axis, call.weights(w.reshape(-1, w.shape[-1]).T, 0, "w"))
    gone = axis + int(x.lead) if w.ndim == 1 or len(x.shape) == 1 else None
    if w.ndim == 2 and len(x.shape) == 1:
        return y
    return (
        y
        if gone is None
        else call.reshape_to(y, tuple(n for a, n in enumerate(y.shape) if a != gone))
    )


def _matrix(w: Floats) -> Floats:
    """A constant factor without leading axes of size 1."""
    while w.ndim > 2 and w.shape[0] == 1:
        w = w[0]
    if w.ndim > 2 or w.ndim == 0:
        raise UserError(
            f"a constant factor of shape {list(w.shape)} is not supported",
            hint="a matrix that is the same for all positions is",
        )
    return w


@converts(
    "Softmax", "LogSoftmax", notes="at an output only: the host applies it", passes_terminal=True
)
def softmax(call: Call) -> Value:
    x = call.value(0)
    if x.terminal:
        raise UserError(f"follows {x.terminal}")
    axis = x.axis(int(call.attr("axis", 1 if call.opset < 13 else -1)))
    if call.opset < 13:
        long = [a for a in range(axis, len(x.body)) if x.body[a] != 1] or [axis]
        if len(long) > 1:
            raise UserError(
                f"a softmax over the last {len(x.body) - axis} axes of {list(x.shape)} together",
                hint="flatten before it",
            )
        axis = long[0]
    return replace(x, host=(HostOp(call.op.lower(), axis),), terminal=call.op)


@converts("ArgMax", "ArgMin", notes="at an output only", passes_terminal=True)
def argmax(call: Call) -> Value:
    x = call.value(0)
    axis = x.axis(int(call.attr("axis", 0)))
    if call.attr("select_last_index", 0):
        raise UserError("select_last_index=1 is not supported")
    if x.terminal and [h.axis for h in x.host] != [axis]:
        raise UserError(f"follows {x.terminal} over another axis")
    x = call.last(replace(x, host=()), axis)
    if call.op == "ArgMin":
        x = affine(call, x, np.asarray(-1.0), np.asarray(0.0), "minus")
    body = tuple(1 if a == axis else n for a, n in enumerate(x.body))
    y = replace(x.with_body(call.make(ArgMax(), x.node), body, x.order), terminal="ArgMax")
    if call.attr("keepdims", 1):
        return y
    gone = axis + int(x.lead)
    return call.reshape_to(y, tuple(n for a, n in enumerate(y.shape) if a != gone))
