"""The integer graph in terms of hardware kernels: convolution is pad, window, matrix-vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ops.concat import MOST_INPUTS, Concat
from qfxc.ops.const import const_value, int_const
from qfxc.ops.conv import Conv
from qfxc.ops.depthwise import Depthwise
from qfxc.ops.matmul import MatMul
from qfxc.ops.matvec import MatVec
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.pool import Pool
from qfxc.ops.reshape import Reshape
from qfxc.ops.slice import MOST_AXES as MOST_SLICED
from qfxc.ops.slice import Slice
from qfxc.ops.transpose import MOST_AXES, Transpose
from qfxc.ops.window import Window
from qfxc.passes.base import Pass


@dataclass(frozen=True)
class Lower(Pass):
    """rewrites convolutions, dense layers and max pooling as streaming kernels"""

    exact = True

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, _lower)


def _lower(node: Node) -> Node | None:
    match node.op:
        case Conv() as op:
            return _conv(node, op)
        case MatMul():
            w = node.inputs[1]
            value = const_value(w)[None]
            return Node(MatVec(), (node.inputs[0], int_const(value, w.type.int, w.name)), node.name)
        case MaxPool(kernel=kernel, stride=stride, dilation=dilation):
            taps = windows_of(node.inputs[0], Window(kernel, stride, dilation), node.name)
            return Node(Pool("max", kernel[0] * kernel[1]), (taps,), node.name)
        case Concat() if len(node.inputs) > MOST_INPUTS:
            return _concat(node, node.op)
        case Transpose() as op if len(op.block(node)[1]) > MOST_AXES:
            return _transposes(node, op)
        case Slice() as op if len(op.box(node)) > MOST_SLICED:
            return _slices(node, op)
    return None


def _slices(node: Node, op: Slice) -> Node:
    """The outermost axes first: to the slice behind, which keeps them whole, they are one axis."""
    x, shape = node.inputs[0], node.inputs[0].type.shape
    spans = list(zip(op.starts, op.stops, op.steps, strict=True))
    for cut in range(len(shape) - 1, 0, -1):
        outer, axes = _sliced(
            x, [*spans[:cut], *((0, n, 1) for n in shape[cut:])], f"{node.name}.outer"
        )
        if axes <= MOST_SLICED:
            break
    kept = [(0, n, 1) for n in outer.type.shape[:cut]]
    inner, _ = _sliced(outer, [*kept, *spans[cut:]], node.name)
    return _lower(inner) or inner


def _sliced(x: Node, spans: list[tuple[int, int, int]], name: str) -> tuple[Node, int]:
    """A slice, and how many axes its kernel needs."""
    starts, stops, steps = zip(*spans, strict=True)
    op = Slice(starts, stops, steps)
    node = Node(op, (x,), name)
    return node, len(op.box(node))


def _transposes(node: Node, op: Transpose) -> Node:
    """The output's outermost axis to the front, and so on until few enough axes are left.

    An axis in front is none for the transpositions behind: they work in blocks of what is within.
    """
    axes = op.axes(node)
    inside = sorted(axes, key=lambda axis: -axis[1])
    perm = [inside.index(axis) for axis in axes]
    at = next(i for i, a in enumerate(perm) if a != i)
    order = (*range(at), perm[at], *(a for a in range(at, len(perm)) if a != perm[at]))
    x = Node(Reshape(tuple(n for n, _ in inside)), node.inputs, f"{node.name}.axes{at}")
    moved = Node(Transpose(order), (x,), f"{node.name}.{at}")
    rest = Node(Transpose(tuple(order.index(a) for a in perm)), (moved,), f"{node.name}.rest{at}")
    return Node(Reshape(node.type.shape), (_lower(rest) or rest,), node.name)


def _concat(node: Node, op: Concat) -> Node:
    """A chain: the first inputs are joined, then they and the next ones."""
    joined, rest = node.inputs[:MOST_INPUTS], node.inputs[MOST_INPUTS:]
    part, count = Node(op, joined, f"{node.name}.{MOST_INPUTS}"), MOST_INPUTS
    while len(rest) >= MOST_INPUTS:
        count += MOST_INPUTS - 1
        part = Node(op, (part, *rest[: MOST_INPUTS - 1]), f"{node.name}.{count}")
        rest = rest[MOST_INPUTS - 1 :]
    return Node(op, (part, *rest), node.name)


def _conv(node: Node, op: Conv) -> Node:
    x, w = node.inputs
    kh, kw, per, outs = w.type.shape
    value = const_value(w)
    if op.groups > 1 and per == 1 and outs == op.groups:
        taps = windows_of(x, Window((kh, kw), op.stride, op.dilation), node.name)
        flat = int_const(value.reshape(kh * kw, outs), w.type.int, w.name)
        return Node(Depthwise(), (taps, flat), node.name)
    taps = windows_of(x, Window((kh, kw), op.stride, op.dilation, op.groups), node.name)
    split = value.reshape(kh * kw * per, op.groups, outs // op.groups).transpose(1, 0, 2)
    flat = int_const(np.ascontiguousarray(split), w.type.int, w.name)
    return Node(MatVec(), (taps, flat), node.name)


def windows_of(x: Node, op: Window, name: str) -> Node:
    """The windows of ``x``, without a line buffer where none is needed."""
    height, width, channels = x.type.shape
    if op.size == (1, 1):
        if op.stride == (1, 1):
            return x
        steps = (*op.stride, 1)
        stops = (height, width, channels)
        return Node(Slice((0, 0, 0), stops, steps), (x,), f"{name}.stride")
    if op.size == (height, width) and op.groups == 1:
        return Node(Reshape((1, 1, height * width * channels)), (x,), f"{name}.taps")
    return Node(op, (x,), f"{name}.window")
