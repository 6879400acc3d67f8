"""The simulator: runs a graph by ``op.run``. It is the definition that every engine must equal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache

import numpy as np
from threadpoolctl import ThreadpoolController

from qfxc.errors import InternalError
from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Array, Int

CHUNK_ELEMENTS = 1 << 20
"""Largest tensor of one chunk of frames: few calls, and a working set near the caches."""

LARGEST_BLOCK = 31 << 20
"""Bytes of a block that the C library still keeps for reuse (glibc: below 32 MiB)."""

Observer = Callable[[Node, Array], None]


def simulate(graph: Graph, inputs: Sequence[Array], observe: Observer | None = None) -> list[Array]:
    """Runs a batch of frames; returns one array per output, integers as int64.

    ``inputs``: one array (batch, *frame shape) per graph input, integers for integer inputs.
    ``observe`` sees every value, chunk after chunk in order. Raises InternalError when a value
    leaves the range that its type promises.
    """
    program = _program(graph)
    batch = len(inputs[0])
    # an observer's sums must not depend on how many cores there are
    workers = (os.cpu_count() or 1) if observe is None else 1
    rounds = max(1, -(-batch * program.largest // (CHUNK_ELEMENTS * workers)))
    step = max(1, -(-batch // (workers * rounds)))
    chunks = [[x[i : i + step] for x in inputs] for i in range(0, batch, step)]
    _keep_memory()
    # frames are independent: one thread per chunk beats BLAS threads inside small products
    with _blas().limit(limits=1):
        if observe is not None or len(chunks) == 1:
            parts = [program.run(chunk, observe) for chunk in chunks]
        else:
            with ThreadPoolExecutor(workers) as pool:
                parts = list(pool.map(program.run, chunks))
    return [np.concatenate(chunks) for chunks in zip(*parts, strict=True)]


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _keep_memory() -> None:
    """Lets freed arrays stay with the process: glibc unmaps only blocks larger than any freed one.

    Otherwise every chunk gets fresh pages from the system, a third of the whole time.
    """
    np.empty(LARGEST_BLOCK, dtype=np.uint8)


class _Program:
    """A graph made ready: nodes in order, bound to what they keep, and when values die."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes = graph.nodes()
        self._bound = {id(node): node.op.bind(node) for node in self._nodes}
        self._spent = _last_uses(graph, self._nodes)

    @property
    def largest(self) -> int:
        """Elements of the largest tensor that a frame has."""
        return max(n.type.size for n in self._nodes if n.op.stem != "const")

    def run(self, inputs: list[Array], observe: Observer | None = None) -> list[Array]:
        values = {id(n): x for n, x in zip(self._graph.inputs, inputs, strict=True)}
        for node in self._nodes:
            if id(node) not in values:
                values[id(node)] = self._bound[id(node)](*(values[id(i)] for i in node.inputs))
            check_range(node, values[id(node)])
            if observe is not None:
                observe(node, values[id(node)])
            for spent in self._spent.get(id(node), ()):
                del values[spent]
        return [_result(n, values[id(n)], len(inputs[0])) for n in self._graph.outputs]


@lru_cache(maxsize=4)
def _program(graph: Graph) -> _Program:
    """Made once for a graph that is simulated again and again (graphs hash by their nodes)."""
    return _Program(graph)


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
