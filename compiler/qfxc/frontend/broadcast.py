"""Broadcasting: constants and tensors of other shapes brought to the frame of a value."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError
from qfxc.frontend.call import Call
from qfxc.frontend.value import Shape, Value
from qfxc.ops.expand import Expand

Floats = NDArray[np.float64]


def of_rank(call: Call, value: Value, rank: int) -> Value:
    """``value`` with axes of size 1 in front, as broadcasting puts them."""
    if len(value.shape) == rank:
        return value
    return call.reshape_to(value, (1,) * (rank - len(value.shape)) + value.shape)


def broadcast_body(a: Shape, b: Shape) -> Shape:
    """The common shape without the batch axis; UserError where there is none."""
    try:
        return np.broadcast_shapes(a, b)
    except ValueError as error:
        raise UserError(f"the shapes {list(a)} and {list(b)} do not broadcast") from error


def same_for_all_frames(array: Floats) -> Floats:
    """A constant without its batch axis, along which it must not differ."""
    if (array != array[:1]).any():
        raise UserError("a constant differs from frame to frame of the batch")
    return np.asarray(array[0])


def constant_in_frame(call: Call, value: Value, constant: Floats) -> tuple[Value, Floats]:
    """Both at the broadcast shape: the value, and the constant with the axes of its frame.

    The constant's axes have the size of the frame's or 1.
    """
    rank = max(len(value.shape), constant.ndim)
    value = of_rank(call, value, rank)
    constant = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
    if value.lead:
        if constant.shape[0] not in (1, value.batch):
            raise UserError(
                f"a constant {list(constant.shape)} repeats the frames of {list(value.shape)}"
            )
        constant = same_for_all_frames(constant)
    body = broadcast_body(value.body, constant.shape)
    value = expanded(call, value, body, value.order)
    return value, constant.transpose(value.order)


def per_channel(constant: Floats) -> Floats | None:
    """A constant that varies along the innermost axis at most, as () or (C); None otherwise."""
    if constant.ndim == 0:
        return constant
    rows = constant.reshape(-1, constant.shape[-1])
    if (rows != rows[:1]).any():
        return None
    same = bool((rows[0] == rows[0, 0]).all())
    return np.asarray(rows[0, 0] if same else rows[0])


def channel_last(call: Call, value: Value, constant: Floats) -> tuple[Value, Floats]:
    """As ``constant_in_frame``, with the one axis along which the constant varies innermost."""
    value, frame = constant_in_frame(call, value, constant)
    varying = [i for i in range(frame.ndim) if (frame != frame.take([0], axis=i)).any()]
    if len(varying) > 1:
        raise UserError("a constant that varies along several axes", hint="one per channel works")
    if varying:
        value = call.last(value, value.order[varying[0]])
        frame = np.moveaxis(frame, varying[0], -1)
    found = per_channel(frame)
    assert found is not None
    return value, found


def expanded(call: Call, value: Value, body: Shape, order: Shape) -> Value:
    """``value`` broadcast to ``body``: its elements, again and again along the other axes.

    ``order`` is the frame order of what it is combined with; the result follows it if it can: the
    axes that it has itself are innermost.
    """
    if value.body == body:
        return value
    long = {a for a, n in enumerate(value.body) if n != 1}
    if not long:
        return _repeated(call, value, body, order)
    order = (*(a for a in order if a not in long), *(a for a in order if a in long))
    value = call.arrange(value, order)
    shape = tuple(body[a] for a in order)
    if len(long) == 1:
        node = call.make(Expand(shape), value.node, suffix="expand")
    else:
        size = value.node.type.size
        flat = call.reshape(value.node, (1, size))
        node = call.make(Expand((prod(body) // size, size)), flat, suffix="expand")
    return value.with_body(call.reshape(node, shape), body, order)


def _repeated(call: Call, value: Value, body: Shape, order: Shape) -> Value:
    """A single number at every element of ``body``."""
    shape = tuple(body[a] for a in order)
    one = call.reshape(value.node, (1,) * (len(shape) + 1))
    many = call.make(Expand((*shape, 1)), one, suffix="expand")
    return value.with_body(call.reshape(many, shape), body, order)


def two_values(call: Call, x: Value, y: Value) -> tuple[Value, Value]:
    """Both at their broadcast shape and in one frame order, the order of the larger one."""
    rank = max(len(x.shape), len(y.shape))
    x, y = of_rank(call, x, rank), of_rank(call, y, rank)
    if x.batch != y.batch:
        raise UserError(f"{list(x.shape)} and {list(y.shape)} differ in the batch axis")
    if x.lead != y.lead:
        x, y = call.unled(x), call.unled(y)
    body = broadcast_body(x.body, y.body)
    order = x.order if x.body == body else y.order
    x, y = expanded(call, x, body, order), expanded(call, y, body, order)
    return call.arrange(x, order), call.arrange(y, order)
