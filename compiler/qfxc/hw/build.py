"""From a graph with folds to the netlist: instances, and the streams, forks and converters."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qfxc.hw.constant import hardware
from qfxc.hw.glue import converter_lanes
from qfxc.hw.links import Link, Wiring, wire
from qfxc.hw.netlist import Instance, Netlist, Stream
from qfxc.hw.sizing import resized, size
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Fold, Kernel

MAX_BRANCHES = 16
"""Outputs of one fork; more are a tree."""


def identifier(name: str) -> str:
    """``name`` in [a-z0-9_]; runs of other characters become one underscore (two are reserved)."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


class Names:
    """Unique C identifiers, the same ones for the same requests in the same order.

    The callers' prefixes keep them off keywords and library names.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, prefix: str, name: str) -> str:
        """``<prefix>_<name>`` as an identifier, with a number where that is taken."""
        base = f"{prefix}_{identifier(name)}".rstrip("_")
        unique, count = base, 1
        while unique in self._taken:
            count += 1
            unique = f"{base}_{count}"
        self._taken.add(unique)
        return unique


def input_lanes(wiring: Wiring, folds: Mapping[str, Fold], node: Node) -> int:
    """A graph input comes as wide as its widest reader takes it."""
    sinks = [link.sink for link in wiring.readers(node)]
    return max(folds[sink.name].simd for sink in sinks if sink is not None)


def build_netlist(graph: Graph, folds: Mapping[str, Fold], name: str) -> Netlist:
    """The netlist of a graph of the KERNEL stage, its FIFOs sized for the full rate.

    ``folds`` has one entry for every node that becomes an instance (``Plan.folds``). Names and
    depths depend on nothing but graph and folds. Raises UserError as ``wire`` does.
    """
    netlist = connect(graph, folds, name)
    return resized(netlist, size(netlist))


def connect(graph: Graph, folds: Mapping[str, Fold], name: str) -> Netlist:
    """As ``build_netlist``, but every FIFO has its least depth."""
    return _Builder(graph, folds).netlist(graph, name)


class _Builder:
    def __init__(self, graph: Graph, folds: Mapping[str, Fold]) -> None:
        self._wiring = wire(graph)
        self._folds = folds
        self._names = Names()
        self._instances: list[Instance] = []
        self._arriving: dict[Link, Stream] = {}
        self._joined: set[str] = set()
        """Nodes that an instance before them computes."""

    def netlist(self, graph: Graph, name: str) -> Netlist:
        ports = zip(graph.inputs, graph.in_ports, strict=True)
        inputs = tuple(self._input(node, port.name) for node, port in ports)
        for node in self._wiring.nodes:
            self._kernel(node)
        links = [link for link in self._wiring.links if link.sink is None]
        outputs = tuple(self._arriving[link] for link in sorted(links, key=lambda k: k.index))
        clean = identifier(name) or "network"
        if not clean[0].isalpha():
            clean = f"n_{clean}"
        instances = tuple(self._instances)
        return Netlist(clean, instances, inputs, outputs, graph.in_ports, graph.out_ports)

    def _input(self, node: Node, name: str) -> Stream:
        lanes = input_lanes(self._wiring, self._folds, node)
        stream = self._raw(node, lanes, self._names.take("in", name))
        self._distribute(node, stream)
        return stream

    def _kernel(self, node: Node) -> None:
        if node.name in self._joined:
            return
        inputs = tuple(self._arriving[link] for link in self._wiring.writers(node))
        kernel, nodes = self._with_followers(node)
        last = nodes[-1]
        output = self._raw(last, self._folds[last.name].pe, self._names.take("s", last.name))
        names = tuple(each.name for each in nodes)
        self._instance(node.name, kernel, inputs, (output,), names)
        self._distribute(last, output)

    def _with_followers(self, node: Node) -> tuple[Kernel, list[Node]]:
        """A kernel and the nodes it computes: a circuit goes on while whole words have one reader
        that can be part of it."""
        kernel, nodes = hardware(node).kernel(node, self._folds[node.name]), [node]
        while kernel.body is not None:
            readers = self._wiring.readers(nodes[-1])
            sink, lanes = readers[0].sink, self._folds[nodes[-1].name].pe
            if len(readers) > 1 or sink is None or self._folds[sink.name].simd != lanes:
                break
            longer = hardware(sink).behind(sink, self._folds[sink.name], kernel)
            if longer is None:
                break
            kernel = longer
            nodes.append(sink)
        self._joined.update(each.name for each in nodes[1:])
        return kernel, nodes

    def _instance(
        self,
        name: str,
        kernel: Kernel,
        inputs: tuple[Stream, ...],
        outputs: tuple[Stream, ...],
        nodes: tuple[str, ...] = (),
    ) -> None:
        instance = Instance(self._names.take("u", name), kernel, inputs, outputs, nodes)
        self._instances.append(instance)

    def _raw(self, node: Node, lanes: int, name: str) -> Stream:
        return Stream(name, node.type.int, lanes, node.type.size // lanes)

    def _lanes(self, link: Link, lanes: int) -> int:
        """The lanes that the link's reader takes; a graph output takes what comes."""
        return lanes if link.sink is None else self._folds[link.sink.name].simd

    def _distribute(self, node: Node, stream: Stream) -> None:
        """From the stream of a value to every reader of it."""
        readers = self._wiring.readers(node)
        if len(readers) == 1:
            self._convert(readers[0], stream)
            return
        for link, branch in zip(readers, self._fork(node, stream, readers), strict=True):
            self._convert(link, branch)

    def _fork(self, node: Node, stream: Stream, readers: list[Link]) -> list[Stream]:
        """One stream for every reader; the last output of a full fork feeds the next fork."""
        more = len(readers) > MAX_BRANCHES
        here = readers[: MAX_BRANCHES - 1] if more else readers
        outputs = tuple(
            Stream(self._names.take("s", node.name), stream.elem, stream.lanes, stream.words)
            for _ in range(len(here) + more)
        )
        params = {"Bits": stream.bits, "Words": stream.words, "N": len(outputs)}
        self._instance(f"{node.name}.fork", Kernel("fork", params), (stream,), outputs)
        if not more:
            return list(outputs)
        return [*outputs[:-1], *self._fork(node, outputs[-1], readers[len(here) :])]

    def _convert(self, link: Link, stream: Stream) -> None:
        """Converters up to the lanes of the reader."""
        name = link.source.name
        chain = converter_lanes(stream.lanes, self._lanes(link, stream.lanes), stream.elem.bits)
        for lanes in chain[1:]:
            words = link.source.type.size // lanes
            after = Stream(self._names.take("s", name), stream.elem, lanes, words)
            params = {"InBits": stream.bits, "OutBits": after.bits, "InWords": stream.words}
            self._instance(f"{name}.width", Kernel("width", params), (stream,), (after,))
            stream = after
        self._arriving[link] = stream
