"""Moves activations up to the layer that feeds them, so that one requantization does both."""

from __future__ import annotations

from dataclasses import dataclass

from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.reshape import Reshape
from qfxc.ops.transpose import Transpose
from qfxc.passes.base import Pass
from qfxc.passes.exact import exact_values


@dataclass(frozen=True)
class HoistActivations(Pass):
    """moves activations and constant arithmetic in front of max pooling, reshape, transpose"""

    exact = True
    optional = True

    def run(self, graph: Graph) -> Graph:
        uses = graph.uses()

        def hoist(node: Node) -> Node | None:
            if not isinstance(node.op, (Affine, Clip, PRelu)):
                return None
            inner = node.inputs[0]
            if uses[inner.name] != 1 or not _commutes(node, inner):
                return None
            moved = Node(node.op, (inner.inputs[0], *node.inputs[1:]), node.name)
            # the names change places, and the readers of the value with them
            uses[inner.name], uses[node.name] = uses[node.name], 1
            return Node(inner.op, (hoist(moved) or moved, *inner.inputs[1:]), inner.name)

        return rewrite(graph, hoist)


def _commutes(node: Node, inner: Node) -> bool:
    """Whether ``node`` after ``inner`` equals ``node`` before it."""
    per_tensor = all(i.type.shape == () for i in node.inputs[1:])
    match inner.op:
        case MaxPool():
            return _rises(node)
        case Pad(lowest=True):  # in front of a maximum, which never picks it
            return _rises(node)
        case Reshape():
            return per_tensor or inner.type.channels == inner.inputs[0].type.channels
        case Transpose(perm=perm):
            return per_tensor or perm[-1] == len(perm) - 1
    return False


def _rises(node: Node) -> bool:
    """Maximum commutes with functions that never fall (padding with -inf stays out of reach)."""
    if isinstance(node.op, Clip):
        return True
    return all(v > 0 for v in exact_values(node.inputs[1]))
