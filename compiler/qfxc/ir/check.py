"""The stages of a graph, and what must hold in each."""

from __future__ import annotations

import enum

from qfxc.errors import InternalError
from qfxc.ir.graph import Graph, Node, walk_up
from qfxc.ir.kernel import KernelOp


class Stage(enum.Enum):
    """REAL: real numbers, and quantizers that the model brings. QDQ: all the others, too.
    INTEGER: no real number left. KERNEL: every operator is one that the libraries have."""

    REAL = "real"
    QDQ = "qdq"
    INTEGER = "integer"
    KERNEL = "kernel"


_WIRES = ("input", "const", "reshape")


def check(graph: Graph, stage: Stage) -> None:
    """Raises InternalError naming the first node that does not belong into ``stage``."""
    graph.check_names()
    for node in graph.nodes():
        problem = _problem(node, stage)
        if problem:
            raise InternalError(f"{node.name} ({node.op.stem}): {problem} at stage {stage.value}")
    for node, port in zip(graph.outputs, graph.out_ports, strict=True):
        codes = port.kind or _is_index(node)
        if stage is Stage.REAL and node.type.is_int and not codes:
            raise InternalError(f"output {node.name} is an integer at stage real")


def _is_index(node: Node) -> bool:
    """Whether ``node`` is an ArgMax, seen through operators that only move elements."""
    return any(n.op.stem == "argmax" for n in walk_up(node))


def _problem(node: Node, stage: Stage) -> str:
    if stage in (Stage.REAL, Stage.QDQ):
        return "a staircase" if node.op.stem == "staircase" else ""
    if not node.type.is_int:
        return "a real value"
    if stage is Stage.KERNEL and node.op.stem not in _WIRES and not isinstance(node.op, KernelOp):
        return "no kernel"
    return ""
