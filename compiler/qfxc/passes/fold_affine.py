"""Merges BatchNormalization and constant arithmetic into the layer before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Graph, Node, Op, rewrite
from qfxc.ir.types import Array
from qfxc.ops.affine import Affine
from qfxc.ops.const import const_value, real_const
from qfxc.ops.conv import Conv
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.matmul import MatMul
from qfxc.passes.base import Pass


def affine(x: Node, a: Array, b: Array, name: str) -> Node:
    """An ``Affine`` node with its two constants."""
    return Node(Affine(), (x, real_const(a, f"{name}.a"), real_const(b, f"{name}.b")), name)


def constants(node: Node) -> tuple[Array, Array]:
    """``a`` and ``b`` of an ``Affine`` node."""
    return const_value(node.inputs[1]), const_value(node.inputs[2])


def layer(op: Op, x: Node, w: Array, b: Array | None, name: str) -> Node:
    """A ``Conv`` or ``MatMul`` node with real weights and, unless None, a bias."""
    inputs: tuple[Node, ...] = (x, real_const(w, f"{name}.w"))
    if b is not None:
        inputs = (*inputs, real_const(np.broadcast_to(b, w.shape[-1:]), f"{name}.bias"))
    return Node(op, inputs, name)


def bias(node: Node) -> Array:
    """The bias of a real layer; zeros where it has none."""
    if len(node.inputs) > 2:
        return const_value(node.inputs[2])
    return np.zeros(node.type.channels)


@dataclass(frozen=True)
class FoldAffine(Pass):
    """folds BatchNorm and constant Mul/Add into the convolution or dense layer before"""

    exact = True
    optional = True

    def run(self, graph: Graph) -> Graph:
        uses = graph.uses()
        # products of constants round: where the model states codes, integerize composes exactly
        rounds = not any(isinstance(n.op, Dequantize) for n in graph.nodes())

        def fold(node: Node) -> Node | None:
            match node:
                case Node(op=Affine(), inputs=(inner, _, _)) if uses[inner.name] == 1 and rounds:
                    folded = _fold(node, inner)
                    if folded is not None:
                        uses[folded.name] = uses[node.name]  # the readers are now this node's
                    return folded
            return None

        return rewrite(graph, fold)


def _fold(node: Node, inner: Node) -> Node | None:
    match inner.op:
        case Conv() | MatMul():
            return _into_layer(node, inner)
        case Affine():
            return _into_affine(node, inner)
    return None


def _into_layer(node: Node, inner: Node) -> Node:
    a, b = constants(node)
    w = const_value(inner.inputs[1])
    return layer(inner.op, inner.inputs[0], w * a, bias(inner) * a + b, inner.name)


def _into_affine(node: Node, inner: Node) -> Node:
    (a, b), (c, d) = constants(node), constants(inner)
    return affine(inner.inputs[0], a * c, a * d + b, node.name)
