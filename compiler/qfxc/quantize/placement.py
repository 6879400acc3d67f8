"""Where quantizers go: behind every value that something other than an activation reads."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from qfxc.ir.function import Program
from qfxc.ir.graph import Graph, Node, walk_up
from qfxc.ops.add import Add
from qfxc.ops.affine import Affine
from qfxc.ops.argmax import ArgMax
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.clip import Clip
from qfxc.ops.concat import Concat
from qfxc.ops.const import Const, const_value
from qfxc.ops.conv import Conv
from qfxc.ops.expand import Expand
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.mul import Mul
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.reshape import Reshape
from qfxc.ops.slice import Slice
from qfxc.ops.transpose import Transpose
from qfxc.ops.unary import Unary

MOVES = (Concat, Expand, MaxPool, Pad, Reshape, Slice, Transpose)
"""Operators that only move codes: integers in, the same integers out."""


SUMS = (Add, AvgPool, Conv, MatMul, Mul)
"""Operators whose results have more bits than codes."""


def in_chain(node: Node) -> bool:
    """Whether ``node`` is a monotone function of one number, to be part of a staircase."""
    if isinstance(node.op, PRelu):
        return bool(np.all(const_value(node.inputs[1]) >= 0))
    return isinstance(node.op, (Affine, Clip))


@dataclass(frozen=True)
class Placement:
    """``points``: values to quantize, producers first; ``at_output``: those only outputs read.

    ``joined``: pairs of points whose scales must be multiples of one step (inputs of an Add);
    ``equal``: pairs whose scales must be the same (inputs of a Concat).
    ``wide``: points in the middle of a chain of activations, which get a few more bits;
    ``tabulated``: points that functions without a finite description read, whose table must
    stay small, and those functions.
    ``borders``: the largest magnitude that points are padded with, where that is not zero.
    """

    points: tuple[Node, ...]
    at_output: frozenset[str]
    joined: tuple[tuple[str, str], ...]
    equal: tuple[tuple[str, str], ...]
    wide: frozenset[str] = frozenset()
    tabulated: Mapping[str, tuple[Program, ...]] = field(default_factory=dict)
    borders: Mapping[str, float] = field(default_factory=dict)


def place(graph: Graph, *, wide: bool = False) -> Placement:
    """Finds the quantizers of a real graph.

    ``wide``: codes have so many bits that a sum of products, a factor and a slope do not fit into
    one rescale of 64 bits: there is one more quantizer in front of the factor.
    """
    nodes = [n for n in graph.nodes() if not _is_parameter(n, graph)]
    users: dict[str, list[Node]] = {n.name: [] for n in nodes}
    for node in nodes:
        for source in node.streams:
            users[source.name].append(node)
    outputs = {n.name for n in graph.outputs}
    points = tuple(n for n in nodes if _is_point(n, users[n.name], outputs))
    names = {n.name for n in points}
    joined, equal = _ties(nodes, names)
    if wide:
        tied = {*chain(*joined, *equal)}
        sums = (n for n in nodes if isinstance(n.op, SUMS))
        extra = frozenset(n.name for n in sums if _continues(n, users, names, tied))
    else:
        extra = frozenset()
    names |= extra
    points = tuple(n for n in nodes if n.name in names)
    at_output = frozenset(names - _read_inside(nodes, names))
    tables, borders = _tabulated(nodes, names), _borders(nodes, names)
    return Placement(points, at_output, joined, equal, extra, tables, borders)


Pairs = tuple[tuple[str, str], ...]


def _ties(nodes: Sequence[Node], points: Container[str]) -> tuple[Pairs, Pairs]:
    """``joined`` and ``equal`` of a Placement."""
    found: dict[type, list[tuple[str, str]]] = {Add: [], Concat: []}
    for node in nodes:
        if isinstance(node.op, (Add, Concat)):
            first, *others = [s.name for i in node.inputs for s in sources(i, points)]
            found[type(node.op)].extend((first, other) for other in others)
    return tuple(found[Add]), tuple(found[Concat])


def ends(graph: Graph) -> frozenset[str]:
    """The layers that no other layer is in front of, and those that none is behind."""
    layers = {n.name: n for n in graph.nodes() if isinstance(n.op, (Conv, MatMul))}
    before = {
        name: {a.name for a in walk_up(n) if a.name in layers} - {name}
        for name, n in layers.items()
    }
    read = {name for names in before.values() for name in names}
    return frozenset(name for name in layers if not before[name] or name not in read)


def _tabulated(nodes: Sequence[Node], points: Container[str]) -> dict[str, tuple[Program, ...]]:
    found: dict[str, tuple[Program, ...]] = {}
    for node in nodes:
        if isinstance(node.op, Unary):
            for source in sources(node.inputs[0], points):
                found[source.name] = (*found.get(source.name, ()), node.op.program)
    return found


def _borders(nodes: Sequence[Node], points: Container[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for node in nodes:
        if isinstance(node.op, Pad) and not node.op.lowest and any(node.op.value):
            top = max(abs(float(v)) for v in node.op.value)
            for source in sources(node.inputs[0], points):
                found[source.name] = max(top, found.get(source.name, 0.0))
    return found


def _is_parameter(node: Node, graph: Graph) -> bool:
    """Weights and other constants that no stream reads."""
    if not isinstance(node.op, Const):
        return False
    return not any(node in user.streams for user in graph.nodes())


def _is_point(node: Node, users: list[Node], outputs: set[str]) -> bool:
    if isinstance(node.op, (ArgMax, *MOVES)):
        return False
    if isinstance(node.op, Input):  # the host sends codes, whatever reads them
        return True
    alone = len(users) == 1 and node.name not in outputs
    return not (alone and in_chain(users[0]))


def sources(node: Node, points: Container[str]) -> list[Node]:
    """The points whose codes reach ``node`` through operators that only move codes."""
    if node.name in points:
        return [node]
    return [s for i in node.streams for s in sources(i, points)]


def _continues(
    node: Node, users: Mapping[str, list[Node]], points: set[str], tied: set[str]
) -> bool:
    """Whether more than a free step follows before the next quantizer: a slope, or a join."""
    free = not isinstance(node.op, (Conv, MatMul))
    first = node
    while node.name not in points:
        (node,) = users[node.name]
        if not isinstance(node.op, Clip) or node.op == Clip():
            return True
    return node is not first and free and node.name in tied


def _read_inside(nodes: list[Node], points: set[str]) -> set[str]:
    """Points that a computing operator reads (an ArgMax at the output does not count)."""
    found: set[str] = set()
    for node in nodes:
        if not isinstance(node.op, (ArgMax, *MOVES)):
            found.update(s.name for i in node.streams for s in sources(i, points))
    return found
