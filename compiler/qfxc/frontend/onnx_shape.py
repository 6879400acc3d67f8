"""Operators that only move elements: reshapes, transpositions, Concat, Split, Slice, Pad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from qfxc.errors import UserError
from qfxc.frontend.broadcast import broadcast_body, expanded, of_rank, same_for_all_frames
from qfxc.frontend.call import Call, converts
from qfxc.frontend.take import cut, take
from qfxc.frontend.value import HostOp, Shape, Value, normal_axis
from qfxc.ir.graph import Node
from qfxc.ops.concat import Concat
from qfxc.ops.pad import Pad


@converts("Reshape", notes="constant shape; the batch stays axis 0", passes_terminal=True)
def reshape(call: Call) -> Value:
    x, target = call.value(0), list(call.indices(1))
    if not call.attr("allowzero", 0):
        if any(n == 0 and i >= len(x.shape) for i, n in enumerate(target)):
            raise UserError(f"the shape {target} copies an axis that {list(x.shape)} has not")
        target = [x.shape[i] if n == 0 else n for i, n in enumerate(target)]
    known = prod(n for n in target if n != -1)
    if target.count(-1) == 1 and known > 0:
        target[target.index(-1)] = prod(x.shape) // known
    if min(target, default=1) < 1:
        raise UserError(f"{list(call.indices(1))} is not a shape that {list(x.shape)} can take")
    return call.reshape_to(x, tuple(target))


@converts("Flatten", notes="", passes_terminal=True)
def flatten(call: Call) -> Value:
    x, axis = call.value(0), int(call.attr("axis", 1))
    axis = axis + len(x.shape) if axis < 0 else axis
    return call.reshape_to(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


def _axes(call: Call) -> Shape | None:
    """The axes of Squeeze and Unsqueeze: an attribute before opset 13, then an input."""
    if call.given(1):
        return call.indices(1)
    axes = call.ints("axes", ())
    return axes or None


@converts("Squeeze", notes="", passes_terminal=True)
def squeeze(call: Call) -> Value:
    x, axes = call.value(0), _axes(call)
    gone = (
        {normal_axis(a, x.shape) for a in axes}
        if axes
        else {a for a, n in enumerate(x.shape) if n == 1}
    )
    long = sorted(a for a in gone if x.shape[a] != 1)
    if long:
        raise UserError(f"axis {long[0]} of {list(x.shape)} is not of size 1")
    return call.reshape_to(x, tuple(n for a, n in enumerate(x.shape) if a not in gone))


@converts("Unsqueeze", notes="", passes_terminal=True)
def unsqueeze(call: Call) -> Value:
    x, axes = call.value(0), _axes(call) or ()
    blank = (1,) * (len(x.shape) + len(axes))
    made = {normal_axis(a, blank) for a in axes}
    if len(made) < len(axes):
        raise UserError(f"axes {list(axes)} name an axis twice")
    rest = iter(x.shape)
    return call.reshape_to(x, tuple(1 if a in made else next(rest) for a in range(len(blank))))


@converts("Transpose", notes="no hardware where only the view changes", passes_terminal=True)
def transpose(call: Call) -> Value:
    x = call.value(0)
    perm = call.ints("perm", tuple(reversed(range(len(x.shape)))))
    if x.lead and perm[0] == 0:
        return _permuted(x, tuple(a - 1 for a in perm[1:]))
    if x.batch != 1:
        raise UserError(
            f"perm {list(perm)} moves the batch axis", hint="axis 0 must stay in its place"
        )
    x = call.unled(x)
    y = _permuted(x, perm)
    return call.reshape_to(y, y.shape)


def _permuted(value: Value, perm: Shape) -> Value:
    """The view of ``value`` whose body axis j is its body axis ``perm[j]``."""
    back = {old: new for new, old in enumerate(perm)}
    body = tuple(value.body[a] for a in perm)
    shape = (value.shape[0], *body) if value.lead else body
    host = tuple(HostOp(h.name, back[h.axis]) for h in value.host)
    return replace(value, shape=shape, order=tuple(back[a] for a in value.order), host=host)


@converts("Concat", notes="any axis but the batch; constants are streamed")
def concat(call: Call) -> Value:
    values = [x for x in call.inputs if isinstance(x, Value)]
    first = next((x for x in values if not x.lead), values[0])
    axis = first.axis(int(call.attr("axis")))
    nodes = [_part(call, first, index, axis) for index in range(len(call.inputs))]
    node = call.make(Concat(first.order.index(axis)), *nodes) if len(nodes) > 1 else nodes[0]
    total = node.type.shape[first.order.index(axis)]
    body = (*first.body[:axis], total, *first.body[axis + 1 :])
    return first.with_body(node, body, first.order)


def _part(call: Call, first: Value, index: int, axis: int) -> Node:
    """One input of a Concat in the frame order of the first."""
    part = call.inputs[index]
    if isinstance(part, Value):
        if len(part.shape) != len(first.shape) or part.batch != first.batch:
            raise UserError(f"inputs of shapes {list(first.shape)} and {list(part.shape)}")
        part = part if first.lead else call.unled(part)
        return call.arrange(part, first.order).node
    array = call.floats(index)
    if array.ndim != len(first.shape):
        raise UserError(f"inputs of shapes {list(first.shape)} and {list(array.shape)}")
    if first.lead:
        array = same_for_all_frames(array)
    return call.const(array.transpose(first.order), f"part{index}")


def _sizes(call: Call, size: int) -> Sequence[int]:
    """The sizes of a Split: stated, or as equal as can be."""
    if call.given(1) or call.attr("split") is not None:
        return call.indices(1) if call.given(1) else call.ints("split", ())
    parts = int(call.attr("num_outputs", len(call.node.output)))
    chunk = -(-size // parts)
    return [min(chunk, size - chunk * i) for i in range(parts)]


@converts("Split", notes="any axis but the batch")
def split(call: Call) -> Sequence[Value]:
    x = call.value(0)
    axis = x.axis(int(call.attr("axis", 0)))
    sizes = _sizes(call, x.body[axis])
    if sum(sizes) != x.body[axis] or min(sizes) < 1 or len(sizes) < len(call.node.output):
        raise UserError(f"sizes {list(sizes)} do not split an axis of {x.body[axis]}")
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    parts = []
    for index, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        boxes = [
            range(start, start + size) if a == axis else range(n) for a, n in enumerate(x.body)
        ]
        parts.append(cut(call, x, boxes, f"part{index}"))
    return parts


@converts("Slice", notes="constant bounds, any axis but the batch")
def slice_(call: Call) -> Value:
    x = call.value(0)
    starts = call.indices(1) if call.given(1) else call.ints("starts", ())
    stops = call.indices(2) if call.given(2) else call.ints("ends", ())
    axes = call.indices(3) if call.given(3) else call.ints("axes", range(len(starts)))
    steps = call.indices(4) if call.given(4) else (1,) * len(starts)
    ranges = [range(n) for n in x.shape]
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        axis = normal_axis(axis, x.shape)
        if step == 0:
            raise UserError("a step of zero")
        ranges[axis] = range(x.shape[axis])[start:stop:step]
    if x.lead and ranges[0] != range(x.batch):
        x.axis(0)
    forward = [r if r.step > 0 else r[::-1] for r in ranges]
    y = cut(call, x, forward[int(x.lead) :])
    for axis, r in enumerate(ranges):
        if r.step < 0 and len(r) > 1:
            y = take(call, y, x.axis(axis), range(len(r))[::-1])
    return y


@converts("Pad", notes="constant, reflect, edge and wrap; negative pads; any axis but the batch")
def pad(call: Call) -> Value:
    x, mode = call.value(0), call.attr("mode", "constant")
    pads = call.indices(1) if call.given(1) else call.ints("pads", ())
    axes = call.indices(3) if call.given(3) else tuple(range(len(x.shape)))
    if len(pads) != 2 * len(axes):
        raise UserError(f"pads {list(pads)} must be {2 * len(axes)} numbers")
    before, after = [0] * len(x.body), [0] * len(x.body)
    for axis, low, high in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        if low or high:
            before[x.axis(axis)], after[x.axis(axis)] = low, high
    spans = zip(x.body, before, after, strict=True)
    x = cut(call, x, [range(max(-b, 0), n + min(a, 0)) for n, b, a in spans], "cut")
    before, after = ([max(n, 0) for n in pads] for pads in (before, after))
    if mode != "constant":
        return _continued(call, x, before, after, mode)
    if not any(before) and not any(after):
        return x
    return _bordered(call, x, before, after, call.scalar(2, float(call.attr("value", 0.0))))


def _continued(call: Call, x: Value, before: list[int], after: list[int], mode: str) -> Value:
    """A border that repeats elements of ``x``."""
    modes = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}
    if mode not in modes:
        raise UserError(f"mode {mode} does not exist")
    for axis, (low, high) in enumerate(zip(before, after, strict=True)):
        inside = np.arange(x.body[axis])
        picks = np.pad(inside, (low, high), mode=modes[mode])  # type: ignore[call-overload]
        x = take(call, x, axis, picks.tolist())
    return x


def _bordered(call: Call, x: Value, before: list[int], after: list[int], fill: float) -> Value:
    if np.isnan(fill) or fill == np.inf:
        raise UserError(f"a border of {fill} is not supported")
    lowest = fill == -np.inf or fill <= float(np.finfo(np.float32).min)
    op = Pad(
        tuple(before[a] for a in x.order),
        tuple(after[a] for a in x.order),
        (0,) if lowest else (fill,),
        lowest,
    )
    body = tuple(b + n + a for b, n, a in zip(before, x.body, after, strict=True))
    return x.with_body(call.make(op, x.node), body, x.order)


@converts("Gather", notes="constant indices; any axis but the batch")
def gather(call: Call) -> Value:
    x, index = call.value(0), call.constant(1).astype(np.int64)
    axis = x.axis(int(call.attr("axis", 0)))
    size = x.body[axis]
    if (index < -size).any() or (index >= size).any():
        raise UserError(f"an index lies outside of the axis of {size}")
    if not index.size:
        raise UserError("no index")
    y = take(call, x, axis, [int(i) % size for i in index.reshape(-1)])
    at = axis + int(x.lead)
    return call.reshape_to(y, (*y.shape[:at], *index.shape, *y.shape[at + 1 :]))


@converts("Tile", notes="constant repeats; any axis but the batch")
def tile(call: Call) -> Value:
    x, repeats = call.value(0), call.indices(1)
    if len(repeats) != len(x.shape):
        raise UserError(f"repeats {list(repeats)} for {len(x.shape)} axes")
    for axis, count in enumerate(repeats):
        if count < 1:
            raise UserError("nothing is left", hint="repeats must be positive")
        if count > 1:
            body = x.axis(axis)
            x = take(call, x, body, list(range(x.body[body])) * count)
    return x


@converts("Expand", notes="constant shape; the batch stays axis 0")
def expand(call: Call) -> Value:
    x, shape = call.value(0), call.indices(1)
    if min(shape, default=1) < 1:
        raise UserError(f"{list(shape)} is not a shape")
    x = of_rank(call, x, max(len(x.shape), len(shape)))
    shape = (1,) * (len(x.shape) - len(shape)) + shape
    if x.lead and shape[0] not in (1, x.batch):
        if x.batch != 1:
            raise UserError(f"repeats the frames of {list(x.shape)}")
        x = call.unled(x)
    body = broadcast_body(x.body, shape[int(x.lead) :])
    return expanded(call, x, body, x.order)


@converts("DepthToSpace", "SpaceToDepth", notes="DCR and CRD; a transposition in hardware")
def depth_space(call: Call) -> Value:
    x, b = call.value(0), int(call.attr("blocksize"))
    if len(x.shape) != 4:
        raise UserError(f"its input {list(x.shape)} is not (N,C,H,W)")
    n, c, h, w = x.shape
    depth_first = call.attr("mode", "DCR") == "DCR"
    if call.op == "SpaceToDepth":
        split, shape = (n, c, h // b, b, w // b, b), (n, c * b * b, h // b, w // b)
        perm = (0, 3, 5, 1, 2, 4) if depth_first else (0, 1, 3, 5, 2, 4)
    else:
        parts, shape = (b, b, c // (b * b)), (n, c // (b * b), h * b, w * b)
        split = (n, *(parts if depth_first else (parts[2], b, b)), h, w)
        perm = (0, 3, 4, 1, 5, 2) if depth_first else (0, 1, 4, 2, 5, 3)
    y = call.reshape_to(x, split)
    if not y.lead:
        raise UserError(f"axis 0 of its input {list(x.shape)} is not the batch")
    return call.reshape_to(_permuted(y, tuple(a - 1 for a in perm[1:])), shape)
