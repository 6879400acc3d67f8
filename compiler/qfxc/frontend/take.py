"""Elements of an axis in any order, cut, repeated: what resizing and gathering share.

Everything is slices and concatenations, which only move codes: no precision is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from qfxc.errors import UserError
from qfxc.frontend.call import Call
from qfxc.frontend.value import Value
from qfxc.ir.graph import Node
from qfxc.ops.concat import Concat
from qfxc.ops.slice import Slice

MOST_PARTS = 64
"""Of one axis: every part is a stream of its own."""


def cut(call: Call, value: Value, ranges: Sequence[range], suffix: str = "") -> Value:
    """``value`` at the given indices of every body axis (ascending ranges)."""
    body = tuple(len(r) for r in ranges)
    if body == value.body:
        return value
    if min(body) < 1:
        raise UserError(f"nothing is left of {list(value.shape)}")
    spans = [ranges[a] for a in value.order]
    op = Slice(
        tuple(r.start for r in spans), tuple(r[-1] + 1 for r in spans), tuple(r.step for r in spans)
    )
    return value.with_body(call.make(op, value.node, suffix=suffix), body, value.order)


def take(call: Call, value: Value, axis: int, indices: Sequence[int]) -> Value:
    """``value`` at ``indices`` of body ``axis``, in any order, any of them more than once."""
    if list(indices) == list(range(value.body[axis])):
        return value
    count = _repetition(indices)
    parts = _progressions(indices[::count])
    if len(parts) > MOST_PARTS:
        raise UserError(
            f"picks {len(indices)} elements of an axis of {value.body[axis]} in {len(parts)} parts",
            hint=f"at most {MOST_PARTS} evenly spaced ascending parts are supported",
        )
    pieces = [_part(call, value, axis, part) for part in parts]
    node = pieces[0].node
    place = value.order.index(axis)
    if len(pieces) > 1:
        node = call.make(Concat(place), *(p.node for p in pieces), suffix="take")
    node = repeated(call, node, place, count)
    body = (*value.body[:axis], len(indices), *value.body[axis + 1 :])
    return value.with_body(node, body, value.order)


def repeated(call: Call, node: Node, axis: int, count: int) -> Node:
    """Every element of a frame axis ``count`` times, one copy behind the other."""
    if count > MOST_PARTS:
        raise UserError(
            f"repeats an element {count} times", hint=f"at most {MOST_PARTS} times work"
        )
    return interleaved(call, (node,) * count, axis)


def interleaved(call: Call, nodes: Sequence[Node], axis: int) -> Node:
    """The nodes' elements of a frame axis in turn: those at 0 of every node, those at 1, .."""
    if len(nodes) == 1:
        return nodes[0]
    shape = nodes[0].type.shape
    split = (*shape[: axis + 1], 1, *shape[axis + 1 :])
    parts = {id(n): call.reshape(n, split) for n in nodes}
    many = call.make(Concat(axis + 1), *(parts[id(n)] for n in nodes), suffix="turns")
    return call.reshape(many, (*shape[:axis], shape[axis] * len(nodes), *shape[axis + 1 :]))


def _part(call: Call, value: Value, axis: int, part: range) -> Value:
    box = [part if a == axis else range(n) for a, n in enumerate(value.body)]
    return cut(call, value, box, "part")


def _repetition(indices: Sequence[int]) -> int:
    """How many times every index is repeated, the same number for all; 1 if there is none."""
    first = next((i for i, v in enumerate(indices) if v != indices[0]), len(indices))
    for count in range(first, 1, -1):
        groups = [indices[i : i + count] for i in range(0, len(indices), count)]
        if len(indices) % count == 0 and all(len(set(g)) == 1 for g in groups):
            return count
    return 1


def _progressions(indices: Sequence[int]) -> list[range]:
    """The indices as few evenly spaced ascending runs, longest first come."""
    runs: list[range] = []
    i = 0
    while i < len(indices):
        step = indices[i + 1] - indices[i] if i + 1 < len(indices) else 1
        end = i + 1
        while step > 0 and end < len(indices) and indices[end] - indices[end - 1] == step:
            end += 1
        step = step if end > i + 1 else 1
        runs.append(range(indices[i], indices[end - 1] + 1, step))
        i = end
    return runs
