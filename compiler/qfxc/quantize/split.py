"""Quantizers of their own where sharing one would cost accuracy or an exact rescale."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from qfxc.ir.graph import Graph, Node, once, rewrite
from qfxc.ops.add import Add
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.clip import Clip
from qfxc.ops.concat import Concat
from qfxc.ops.mul import Mul
from qfxc.quantize.observe import Stats
from qfxc.quantize.placement import MOVES, Placement, sources

MOST_GROWTH = 1.5
"""A join may enlarge the step of a value that others read, too, by this; else it gets its own."""


def split(
    graph: Graph,
    placement: Placement,
    stats: Mapping[str, Stats],
    *,
    fixed: Collection[str] = (),
    wide: bool = False,
) -> Graph:
    """Puts an activation that does nothing where one more quantizer pays.

    On the edge into a Concat of larger range, where the value has other readers, which keep the
    finer step, or a step that is ``fixed`` (pixels), which the other inputs need not have.
    With ``wide`` codes also behind sums, products and averages in front of joins: their step is
    free then, and two short rescales replace one that needs more than 64 bits.
    """
    points = {p.name for p in placement.points}
    top = {name: max(abs(s.low), abs(s.high)) for name, s in stats.items()}
    readers = _readers(graph, points)
    tied = {name for pair in (*placement.joined, *placement.equal) for name in pair}

    def coarse(edge: Node, largest: float) -> bool:
        found = sources(edge, points)
        shared = (readers[s.name] > 1 and largest > MOST_GROWTH * top[s.name] for s in found)
        return any(shared) or any(s.name in fixed for s in found)

    def rule(node: Node) -> Node | None:
        if wide and isinstance(node.op, (Add, AvgPool, Mul)) and node.name in tied & points:
            return _separated(node)
        if not isinstance(node.op, Concat):
            return None
        largest = max(top[s.name] for i in node.inputs for s in sources(i, points))
        return _with_edges(node, [coarse(i, largest) for i in node.inputs])

    return rewrite(graph, once(rule))


def _separated(node: Node) -> Node:
    inner = Node(node.op, node.inputs, f"{node.name}.wide")
    return Node(Clip(), (inner,), node.name)


def _with_edges(node: Node, chosen: Collection[bool]) -> Node | None:
    """An activation on the chosen inputs."""
    if not any(chosen):
        return None
    edges = tuple(
        Node(Clip(), (i,), f"{node.name}.edge{k}") if own else i
        for k, (i, own) in enumerate(zip(node.inputs, chosen, strict=True))
    )
    return Node(node.op, edges, node.name)


def _readers(graph: Graph, points: set[str]) -> dict[str, int]:
    """How many computing operators, joins and outputs read each point, through moves or not."""
    count = dict.fromkeys(points, 0)
    ends = [i for n in graph.nodes() if not isinstance(n.op, MOVES) for i in n.streams]
    ends += [i for n in graph.nodes() if isinstance(n.op, Concat) for i in n.inputs]
    for end in (*ends, *graph.outputs):
        for source in _nearest(end, points):
            count[source.name] += 1
    return count


def _nearest(node: Node, points: set[str]) -> list[Node]:
    """As ``sources``, but not through a Concat, which is a reader itself."""
    if node.name in points:
        return [node]
    if isinstance(node.op, Concat):
        return []
    return [s for i in node.streams for s in _nearest(i, points)]
