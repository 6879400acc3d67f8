"""Where a plan chooses, as arrays: stations with their choices, and the links between them.

A station is a kernel with its folds, or a graph input that several kernels read, with its lanes.
What follows from one choice alone is counted there: the kernel, the FIFOs and the fork behind it,
outputs of the graph, and an input that nobody else reads. What a link costs follows from two
choices: the lanes of its source and of its reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qfxc.hw.links import Link
from qfxc.hw.space import Options, Space, cost_row
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Variant

NEVER = int(np.iinfo(np.int64).max)
"""Cycles of a pair of lanes that cannot meet."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Alive = Sequence[NDArray[np.intp]]
"""The choices that are left, of every station."""


@dataclass(frozen=True, eq=False)
class Station:
    """``simd``, ``pe`` (lanes of what it reads and of what it sends) and ``cycles`` have one
    element per choice, ``cost`` a row. Lanes are below zero where the two ends of a link may be
    one circuit, which makes those choices meet. ``folds`` is empty for a graph input."""

    name: str
    folds: tuple[Fold, ...]
    simd: Ints
    pe: Ints
    cycles: Ints
    cost: Ints


@dataclass(frozen=True, eq=False)
class Edge:
    """``cost`` (2, n, m, 4) and ``cycles`` (n, m) by the lanes ``outs`` (n) of station ``source``
    and ``ins`` (m) of station ``sink``, both ascending; the second ``cost`` is with a deep FIFO in
    block memory. ``shared``: the source is a graph input."""

    link: Link
    source: int
    sink: int
    outs: Ints
    ins: Ints
    cost: Ints
    cycles: Ints
    shared: bool


@dataclass(frozen=True, eq=False)
class Stations:
    """The whole planning problem: the sum of all that is chosen is ``Space.kernels + glue``."""

    stations: tuple[Station, ...]
    edges: tuple[Edge, ...]

    def intervals(self) -> list[int]:
        """Every number of cycles that some choice takes, from the fastest that all can keep."""
        least = max(int(s.cycles.min()) for s in self.stations)
        kernels, links = [s.cycles for s in self.stations], [e.cycles.ravel() for e in self.edges]
        every = np.unique(np.concatenate([*kernels, *links]))
        return [int(c) for c in every[(every >= least) & (every < NEVER)]]

    def table(self, edge: Edge, alive: Alive, interval: int) -> tuple[Ints, Ints, Floats]:
        """The lanes left at both ends (n), (m), and what the link costs between them,
        (2, n, m, 4): infinite where it would take longer than the interval."""
        outs = np.unique(self.stations[edge.source].pe[alive[edge.source]])
        ins = np.unique(self.stations[edge.sink].simd[alive[edge.sink]])
        first, second = np.searchsorted(edge.outs, outs), np.searchsorted(edge.ins, ins)
        slow = edge.cycles[first][:, second] > interval
        cost = edge.cost[:, first][:, :, second]
        return outs, ins, np.where(slow[:, :, None], np.inf, cost)


def stations(space: Space) -> Stations:
    """The stations of a space (graph inputs behind the kernels) and their links."""
    wiring = space.wiring
    found = [_kernel(space, space.options[node.name]) for node in wiring.nodes]
    shared = [node for node in wiring.inputs if len(wiring.readers(node)) > 1]
    found += [_input(space, node) for node in shared]
    index = {id(node): i for i, node in enumerate((*wiring.nodes, *shared))}
    edges = []
    for link in wiring.links:
        if link.sink is not None and id(link.source) in index:
            ends = (index[id(link.source)], index[id(link.sink)])
            edges.append(_edge(space, link, ends, found))
    return Stations(tuple(found), tuple(edges))


def _kernel(space: Space, options: Options) -> Station:
    node, wiring = options.node, space.wiring
    simd = np.array([fold.simd for fold in options.folds], dtype=np.int64)
    pe = np.array([fold.pe for fold in options.folds], dtype=np.int64)
    cost, cycles = options.costs.copy(), options.cycles.copy()
    _add_value(space, node, pe, cost, cycles)
    for link in wiring.writers(node):
        if link.source.op.stem == "input" and len(wiring.readers(link.source)) == 1:
            _add_value(space, link.source, simd, cost, cycles)
            _add_link(space, link, simd, cost, cycles)
        elif link in space.joints:
            simd[[fold == space.joints[link].fold for fold in options.folds]] *= -1
    if space.joints.keys() & set(wiring.readers(node)):
        pe[[fold.variant is Variant.TREE for fold in options.folds]] *= -1
    return Station(node.name, options.folds, simd, pe, cycles, cost)


def _input(space: Space, node: Node) -> Station:
    sinks = [link.sink for link in space.wiring.readers(node)]
    folds = [f for sink in sinks if sink is not None for f in space.options[sink.name].folds]
    lanes = np.unique(np.array([fold.simd for fold in folds], dtype=np.int64))
    cost = np.zeros((len(lanes), 4), dtype=np.int64)
    cycles = np.zeros(len(lanes), dtype=np.int64)
    _add_value(space, node, lanes, cost, cycles)
    return Station(node.name, (), lanes, lanes, cycles, cost)


def _add_value(space: Space, node: Node, lanes: Ints, cost: Ints, cycles: Ints) -> None:
    """Adds the streams of a value by its lanes, and its links to outputs of the graph."""
    for width in np.unique(lanes):
        cost[lanes == width] += cost_row(space.stream_cost(node, int(width)))
    for link in space.wiring.readers(node):
        if link.sink is None:
            _add_link(space, link, lanes, cost, cycles)


def _add_link(space: Space, link: Link, lanes: Ints, cost: Ints, cycles: Ints) -> None:
    """Adds a link whose ends have the same lanes."""
    for width in map(int, np.unique(lanes)):
        here = lanes == width
        cost[here] += cost_row(space.link_cost(link, width, width))
        cycles[here] = np.maximum(cycles[here], space.link_cycles(link, width, width))


def _edge(space: Space, link: Link, ends: tuple[int, int], found: Sequence[Station]) -> Edge:
    source, sink = ends
    shared = not found[source].folds
    outs, ins = np.unique(found[source].pe), np.unique(found[sink].simd)
    cost = np.zeros((2, len(outs), len(ins), 4), dtype=np.int64)
    cycles = np.full((len(outs), len(ins)), NEVER, dtype=np.int64)
    for i, a in enumerate(map(int, outs)):
        for j, b in enumerate(map(int, ins)):
            if a < 0 and b < 0:
                cost[:, i, j] = cost_row(space.joint_cost(link))
                cycles[i, j] = 0
            elif not shared or b <= a:  # a graph input is as wide as its widest reader
                for block in (0, 1):
                    cost[block, i, j] = cost_row(space.link_cost(link, abs(a), abs(b), block == 1))
                cycles[i, j] = space.link_cycles(link, abs(a), abs(b))
    return Edge(link, source, sink, outs, ins, cost, cycles, shared)
