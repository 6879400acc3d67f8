"""What FIFOs will hold, estimated before any fold is chosen: the plan's prices.

hw/sizing.py gives the depths that are built, from the schedules of the chosen folds. The plan
compares folds before these exist, so it prices what follows from the graph alone:

- A kernel that reads nothing for a while (``pause``: a window that emits its last row, a padding in
  its border, a matrix-vector kernel that re-reads its vector) lets words wait in front of it; one
  that emits nothing for a while (``burst``) lets what follows live from what it emitted before.
- Where branches behind a fork meet, the words of a branch wait for those of a slower one: as much
  of a frame as the sums of the kernels' ``lag`` on both branches differ.

Where words of several bits each could wait on either side of a kernel, sizing moves them to the
narrower one, so single FIFOs may differ a lot while their sum does not.
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
"""Words for what the pipeline of the slower branch holds; an SRL32 takes them."""

WINDOW_SHARE = Fraction(3, 4)
"""Part of the interval that windows are busy for, roughly: what they emit lasts the longer."""

UNREGISTERED = frozenset({"input", "slice"})
"""What streams come out of without a register, so that wires cannot continue them."""

ELEMENTWISE = frozenset({"add", "mul"})

Paths = dict[str, Fraction]


def buffers(wiring: Wiring) -> dict[Link, Buffer]:
    """What every link is expected to hold."""
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
            found[fast] = _larger(found[fast], _pair(flow, forks, fast, slow))
    return found


def depth(buffer: Buffer, words: int) -> int:
    """Words that a FIFO needs whose frames are ``words`` words."""
    return min(ceil(buffer.frame * words), words) + buffer.words


def _larger(a: Buffer, b: Buffer) -> Buffer:
    return Buffer(max(a.frame, b.frame), max(a.words, b.words))


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
            reached[name] = max(before) + hardware(nodes[name]).lag(nodes[name])
    return reached


def _ahead(link: Link) -> Buffer:
    """What a link holds without any fork."""
    source, sink = link.source, link.sink
    burst = 0 if source.op.stem in ("input", "const") else hardware(source).burst(source)
    if sink is None:
        return Buffer(words=max(burst, SHALLOW))
    if source.op.stem == "window" and sink.op.stem == "matvec":
        return Buffer(_filling(source), max(burst, SHALLOW))
    pause = hardware(sink).pause(sink)
    return Buffer(pause, max(burst, SHALLOW)) if burst or pause else Buffer(words=0)


def _filling(window: Node) -> Fraction:
    """The part of its windows that lasts while it reads rows and emits none, a word per cycle.

    A matrix-vector kernel uses it up: mostly it is the one that must not wait. What reads windows
    at their own pace waits as long as they do.
    """
    size = window.inputs[0].type.size
    reading = hardware(window).pause(window) * Fraction(size, window.type.size)
    return min(WINDOW_SHARE * reading, Fraction(1))


def _pair(flow: nx.DiGraph, forks: dict[str, Paths], fast: Link, slow: Link) -> Buffer:
    """What ``fast`` holds while ``slow`` is late, over every fork whose branches these are."""
    needed = Buffer(words=0)
    ends = fast.source.name, slow.source.name
    for fork, reached in forks.items():
        if all(end in reached for end in ends) and _separate(flow, fork, *ends):
            late = reached[ends[1]] - reached[ends[0]] + _join_offset(fast)
            if late > 0:
                needed = _larger(needed, Buffer(min(late, Fraction(1)), IN_FLIGHT))
    return needed


def _separate(flow: nx.DiGraph, fork: str, fast: str, slow: str) -> bool:
    """Whether the two branches share nothing behind the fork: it alone dominates their join."""
    if fork in (fast, slow):
        return True
    view = flow.copy()
    view.add_edge(fast, "*join")
    view.add_edge(slow, "*join")
    return bool(fast != slow and nx.immediate_dominators(view, fork)["*join"] == fork)


def _join_offset(link: Link) -> Fraction:
    """How much later than its partners this input is read."""
    sink = link.sink
    assert sink is not None
    if sink.op.stem in ELEMENTWISE:
        return Fraction(0)
    if sink.op.stem == "concat" and _joins_channels(sink):
        return Fraction(sink.type.channels, sink.type.size)  # one position, read after the others
    return Fraction(1)


def _joins_channels(node: Node) -> bool:
    return all(i.type.shape[:-1] == node.type.shape[:-1] for i in node.inputs)
