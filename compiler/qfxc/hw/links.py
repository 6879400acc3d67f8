"""Who reads whose value: the edges of the netlist before any fold is chosen.

Reshapes are wires and constants that are parameters live in their kernel's memories, so neither
is a node here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from qfxc.errors import UserError
from qfxc.hw.constant import hardware
from qfxc.hw.glue import SHALLOW
from qfxc.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Buffer:
    """What a stream is expected to hold: a part of a frame and some words."""

    frame: Fraction = Fraction(0)
    words: int = SHALLOW


@dataclass(frozen=True, slots=True)
class Link:
    """``source``'s value arrives at input ``index`` of ``sink``, or at output ``index`` (None)."""

    source: Node
    sink: Node | None
    index: int


def source(node: Node) -> Node:
    """The node whose stream carries ``node``'s value: reshapes are wires."""
    while node.op.stem == "reshape":
        node = node.inputs[0]
    return node


@dataclass(frozen=True)
class Wiring:
    """The nodes that become instances (producers first), the graph inputs, and every link."""

    nodes: tuple[Node, ...]
    inputs: tuple[Node, ...]
    links: tuple[Link, ...]

    @cached_property
    def _ends(self) -> tuple[dict[int, list[Link]], dict[int, list[Link]]]:
        readers: dict[int, list[Link]] = {}
        writers: dict[int, list[Link]] = {}
        for link in self.links:
            readers.setdefault(id(link.source), []).append(link)
            writers.setdefault(id(link.sink), []).append(link)
        return readers, writers

    def readers(self, node: Node) -> list[Link]:
        """The links that start at ``node``: readers inside first, then outputs."""
        return self._ends[0].get(id(node), [])

    def writers(self, node: Node) -> list[Link]:
        """The links that end at ``node``, in the order of its inputs."""
        return self._ends[1].get(id(node), [])


def wire(graph: Graph) -> Wiring:
    """The links of a graph of the KERNEL stage, in a stable order.

    Raises UserError for an input that nothing reads and for an output that is just an input:
    there is no hardware to build between them. A node without a kernel is an InternalError.
    """
    links: list[Link] = []
    order = [node for node in graph.nodes() if node.op.stem not in ("reshape", "input")]
    for node in order:
        hardware(node)
        for index, value in enumerate(node.streams):
            links.append(Link(source(value), node, index))
    links += [Link(source(node), None, i) for i, node in enumerate(graph.outputs)]
    streams = {id(link.source) for link in links}
    nodes = tuple(n for n in order if n.op.stem != "const" or id(n) in streams)
    wiring = Wiring(nodes, graph.inputs, tuple(links))
    _check_inputs(wiring)
    return wiring


def _check_inputs(wiring: Wiring) -> None:
    for node in wiring.inputs:
        readers = wiring.readers(node)
        if not readers:
            raise UserError("no output depends on this input", where=node.name)
        if len(readers) == 1 and readers[0].sink is None:
            raise UserError("this input is an output: there is nothing to build", where=node.name)
