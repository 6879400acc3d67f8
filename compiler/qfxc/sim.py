"""The simulator: runs a graph by ``op.run``. It is the definition that every engine must equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from qfxc.errors import InternalError
from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Array, Int

CHUNK_ELEMENTS = 1 << 18
"""Largest tensor of one chunk of frames: what keeps the working set inside the caches."""

Observer = Callable[[Node, Array], None]


def simulate(graph: Graph, inputs: Sequence[Array], observe: Observer | None = None) -> list[Array]:
    """Runs a batch of frames; returns one array per output, integers as int64.

    ``inputs``: one array (batch, *frame shape) per graph input, integers for integer inputs.
    Raises InternalError when a value leaves the range that its type promises.
    """
    batch = len(inputs[0])
    nodes = graph.nodes()
    largest = max(node.type.size for node in nodes if not _is_const(node))
    step = max(1, min(batch, CHUNK_ELEMENTS // largest))
    bound = {id(node): node.op.bind(node) for node in nodes}
    parts = [
        _run_chunk(graph, nodes, bound, [x[i : i + step] for x in inputs], observe)
        for i in range(0, batch, step)
    ]
    return [np.concatenate(chunks) for chunks in zip(*parts, strict=True)]


def _is_const(node: Node) -> bool:
    return node.op.stem == "const"


def _run_chunk(
    graph: Graph,
    nodes: list[Node],
    bound: Mapping[int, Callable[..., Array]],
    inputs: list[Array],
    observe: Observer | None,
) -> list[Array]:
    values: dict[int, Array] = {id(n): x for n, x in zip(graph.inputs, inputs, strict=True)}
    pending = _last_uses(graph, nodes)
    for node in nodes:
        if id(node) not in values:
            values[id(node)] = bound[id(node)](*(values[id(i)] for i in node.inputs))
        check_range(node, values[id(node)])
        if observe is not None:
            observe(node, values[id(node)])
        for spent in pending.get(id(node), ()):
            del values[spent]
    return [_result(node, values[id(node)], len(inputs[0])) for node in graph.outputs]


def _last_uses(graph: Graph, nodes: list[Node]) -> dict[int, list[int]]:
    """For every node, the values that nobody needs after it."""
    last: dict[int, int] = {}
    for node in nodes:
        for i in node.inputs:
            last[id(i)] = id(node)
    keep = {id(n) for n in graph.outputs}
    spent: dict[int, list[int]] = {}
    for value, user in last.items():
        if value not in keep:
            spent.setdefault(user, []).append(value)
    return spent


def check_range(node: Node, value: Array) -> None:
    """The promise of the type, checked on real values."""
    elem = node.type.elem
    if isinstance(elem, Int) and not elem.contains(value):
        raise InternalError(
            f"{node.name} ({node.op.stem}): value in [{value.min()}, {value.max()}] "
            f"outside its proven range [{elem.lo}, {elem.hi}]"
        )


def _result(node: Node, value: Array, batch: int) -> Array:
    if value.shape != (batch, *node.type.shape):
        value = np.broadcast_to(value, (batch, *node.type.shape))
    return value.astype(np.int64) if node.type.is_int else value


def simulate_ports(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """As ``simulate``, but by port name and in the outside layout."""
    frames = [
        port.to_frame(inputs[port.name], node.type.shape)
        for port, node in zip(graph.in_ports, graph.inputs, strict=True)
    ]
    results = simulate(graph, frames)
    return {
        port.name: port.from_frame(value)
        for port, value in zip(graph.out_ports, results, strict=True)
    }
