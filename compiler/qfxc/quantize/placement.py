"""Where quantizers go: behind every value that something other than an activation reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Graph, Node
from qfxc.ops.add import Add
from qfxc.ops.affine import Affine
from qfxc.ops.argmax import ArgMax
from qfxc.ops.clip import Clip
from qfxc.ops.concat import Concat
from qfxc.ops.const import Const, const_value
from qfxc.ops.expand import Expand
from qfxc.ops.input import Input
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.reshape import Reshape
from qfxc.ops.slice import Slice
from qfxc.ops.transpose import Transpose

MOVES = (Concat, Expand, MaxPool, Pad, Reshape, Slice, Transpose)
"""Operators that only move codes: integers in, the same integers out."""


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
    """

    points: tuple[Node, ...]
    at_output: frozenset[str]
    joined: tuple[tuple[str, str], ...]
    equal: tuple[tuple[str, str], ...]


def place(graph: Graph) -> Placement:
    """Finds the quantizers of a real graph."""
    nodes = [n for n in graph.nodes() if not _is_parameter(n, graph)]
    users: dict[str, list[Node]] = {n.name: [] for n in nodes}
    for node in nodes:
        for source in node.streams:
            users[source.name].append(node)
    outputs = {n.name for n in graph.outputs}
    points = tuple(n for n in nodes if _is_point(n, users[n.name], outputs))
    names = {n.name for n in points}
    joined: list[tuple[str, str]] = []
    equal: list[tuple[str, str]] = []
    for node in nodes:
        if isinstance(node.op, (Add, Concat)):
            sources = [s for i in node.inputs for s in _sources(i, names)]
            pairs = [(sources[0], other) for other in sources[1:]]
            (joined if isinstance(node.op, Add) else equal).extend(pairs)
    inner = _read_inside(nodes, names)
    return Placement(points, frozenset(names - inner), tuple(joined), tuple(equal))


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


def _sources(node: Node, points: set[str]) -> list[str]:
    """The points whose codes reach ``node`` through operators that only move codes."""
    if node.name in points:
        return [node.name]
    return [s for i in node.streams for s in _sources(i, points)]


def _read_inside(nodes: list[Node], points: set[str]) -> set[str]:
    """Points that a computing operator reads (an ArgMax at the output does not count)."""
    found: set[str] = set()
    for node in nodes:
        if not isinstance(node.op, (ArgMax, *MOVES)):
            found.update(s for i in node.streams for s in _sources(i, points))
    return found
