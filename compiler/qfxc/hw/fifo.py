"""How deep every stream's FIFO must be so that no fork waits for its own join.

Why the result cannot deadlock. A stream network of kernels that read one frame and write one
frame stops only when some fork cannot write (the FIFO on one branch is full) while the join
behind it cannot read (the other branch is still empty), so both wait for each other. Every kernel
call reads exactly one frame and writes exactly one: once the fork has delivered a whole frame,
the slow branch completes its frame and needs nothing of the next one. A branch that can hold a
whole frame therefore never blocks the fork. Holding less suffices where every kernel of both
branches is *steady*: a part ``f`` of its result needs at most the part ``f + lag`` of its input.
Then the slow branch delivers the part ``f`` once the fork has delivered ``f`` plus the sum of the
lags on it, and the fast branch holds at most that sum. The lags of the fast branch would make it
hold less; that is not counted, because a lag is an upper bound, not a promise. Rounding to whole
rows (strides that skip rows, at both ends) adds two rows; words in flight add ``IN_FLIGHT``.

Windows also need FIFOs to keep the rate. A window reads whole rows at once and does not read on
while it emits the last ones, so what comes before it must be able to run ahead by as much
(its lag); and it emits nothing while it fills or skips rows, so what follows it lives from
``IN_FLIGHT`` words, or from the ``burst`` that it emitted before.
Without both, every window of a chain adds its filling time to the interval. Other
kernels pause, too: a matrix-vector kernel reads its vector during its first tile and nothing during
the others, a padding reads nothing while it emits the border between two frames. What arrives
meanwhile (``pause``) must find room in front of them. A matrix-vector kernel behind a window needs
none: the window waits, and catches up faster than its words are used.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from math import ceil

import networkx as nx

from qfxc.hw.constant import hardware
from qfxc.hw.glue import SHALLOW
from qfxc.hw.links import Buffer, Link, Wiring
from qfxc.ir.graph import Node

IN_FLIGHT = 32
"""Words for the pipeline of the slower branch; an SRL32 holds them at the price of two."""

ELEMENTWISE = frozenset({"add", "mul"})
STEADY = ELEMENTWISE | {
    "window", "matvec", "depthwise", "pool", "shift", "dyadic", "csd", "compare", "table",
}  # fmt: skip
"""Kernels whose progress is a straight line behind their input's, ``lag`` late."""

Paths = dict[str, Fraction]


def buffers(wiring: Wiring) -> dict[Link, Buffer]:
    """What every link must hold."""
    flow = nx.DiGraph()
    flow.add_nodes_from(node.name for node in (*wiring.inputs, *wiring.nodes))
    for link in wiring.links:
        if link.sink is not None:
            flow.add_edge(link.source.name, link.sink.name)
    forks = _forks(wiring, flow)
    found = {link: _ahead(link) for link in wiring.links}
    for node in wiring.nodes:
        ends = wiring.writers(node)
        for fast, slow in permutations(ends, 2):
            needed = _pair(wiring, flow, forks, fast, slow)
            if needed is not None:
                found[fast] = _larger(found[fast], needed)
    return found


def depth(buffer: Buffer, rows: int, words: int) -> int:
    """Words that a FIFO needs whose frames are ``words`` words in ``rows`` rows."""
    return min(ceil(buffer.frame * words) + buffer.rows * -(-words // rows), words) + buffer.words


def _larger(a: Buffer, b: Buffer) -> Buffer:
    return Buffer(max(a.frame, b.frame), max(a.rows, b.rows), max(a.words, b.words))


def _forks(wiring: Wiring, flow: nx.DiGraph) -> dict[str, Paths]:
    """Every value with several readers, and the longest sum of lags from it to what follows it.

    Constant streams wait for their reader at no cost, so they are no forks.
    """
    nodes = {node.name: node for node in (*wiring.inputs, *wiring.nodes)}
    order = list(nx.topological_sort(flow))
    forks: dict[str, Paths] = {}
    for name, node in nodes.items():
        if node.op.stem != "const" and len(wiring.readers(node)) > 1:
            forks[name] = _longest(flow, order, nodes, name)
    return forks


def _longest(flow: nx.DiGraph, order: list[str], nodes: dict[str, Node], fork: str) -> Paths:
    reached: Paths = {fork: Fraction(0)}
    for name in order:
        before = [reached[p] for p in flow.predecessors(name) if p in reached]
        if before:
            reached[name] = max(before) + _lag(nodes[name])
    return reached


def _lag(node: Node) -> Fraction:
    """How late a kernel is, the FIFO in front of it included."""
    return hardware(node).lag(node) + hardware(node).pause(node)


def _ahead(link: Link) -> Buffer:
    """What a link holds without any fork: as the module says to keep the rate, else a few words."""
    sink, windows = link.sink, link.source.op.stem == "window"
    words = IN_FLIGHT if windows else SHALLOW
    if link.source.op.stem not in ("input", "const"):
        words = max(words, hardware(link.source).burst(link.source))
    if sink is None or (windows and sink.op.stem == "matvec"):
        return Buffer(words=words)
    return Buffer(hardware(sink).pause(sink), 0, words)


def _pair(
    wiring: Wiring, flow: nx.DiGraph, forks: dict[str, Paths], fast: Link, slow: Link
) -> Buffer | None:
    """What ``fast`` must hold while ``slow`` is late, over every fork whose branches these are."""
    needed: Buffer | None = None
    for fork, reached in forks.items():
        both = fast.source.name in reached and slow.source.name in reached
        if both and _separate(flow, fork, fast.source.name, slow.source.name):
            here = _hold(wiring, flow, fork, reached[slow.source.name], fast, slow)
            needed = here if needed is None else _larger(needed, here)
    return needed


def _separate(flow: nx.DiGraph, fork: str, fast: str, slow: str) -> bool:
    """Whether the two branches share nothing behind the fork: it alone dominates their join."""
    if fork in (fast, slow):
        return True
    view = flow.copy()
    view.add_edge(fast, "*join")
    view.add_edge(slow, "*join")
    return bool(fast != slow and nx.immediate_dominators(view, fork)["*join"] == fork)


def _hold(
    wiring: Wiring, flow: nx.DiGraph, fork: str, late: Fraction, fast: Link, slow: Link
) -> Buffer:
    ends = {fast.source.name, slow.source.name}
    between = nx.descendants(flow, fork) & (
        ends | nx.ancestors(flow, fast.source.name) | nx.ancestors(flow, slow.source.name)
    )
    passed = [node for node in wiring.nodes if node.name in between]
    offset = _join_offset(fast)
    if offset is None or _join_offset(slow) is None or not all(_steady(wiring, n) for n in passed):
        return Buffer(Fraction(1), 0, IN_FLIGHT)
    strided = any(node.op.stem == "window" for node in passed)
    return Buffer(min(Fraction(1), late + offset), 2 if strided else 0, IN_FLIGHT)


def _join_offset(link: Link) -> Fraction | None:
    """How much later than its partners this input is read; None: up to a whole frame."""
    sink = link.sink
    assert sink is not None
    if sink.op.stem in ELEMENTWISE:
        return Fraction(0)
    if sink.op.stem == "concat" and _joins_channels(sink):
        return Fraction(sink.type.channels, sink.type.size)  # one position, read after the others
    return None


def _joins_channels(node: Node) -> bool:
    return all(i.type.shape[:-1] == node.type.shape[:-1] for i in node.inputs)


def _steady(wiring: Wiring, node: Node) -> bool:
    stem = node.op.stem
    if stem == "concat":
        return _joins_channels(node)
    if stem == "slice":
        return node.type.shape[:-1] == node.inputs[0].type.shape[:-1]
    if stem == "pad":  # emits its top border early: the window behind it waits for more than that
        sinks = [link.sink for link in wiring.readers(node)]
        return all(sink is not None and sink.op.stem == "window" for sink in sinks)
    return stem in STEADY
