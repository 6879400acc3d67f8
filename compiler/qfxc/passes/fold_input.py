"""The accelerator's input: raw pixels, with the normalisation inside the first layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ops.affine import Affine
from qfxc.ops.const import const_value
from qfxc.ops.conv import Conv, per_weight
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.pad import Pad
from qfxc.ops.reshape import Reshape
from qfxc.passes.base import Pass
from qfxc.passes.fold_affine import bias, constants, layer


@dataclass(frozen=True)
class FoldInput(Pass):
    """puts the arithmetic right behind an input into the first layer

    ``pixels``: the input is uint8. Zero padding behind the arithmetic then becomes padding with
    the pixel code nearest to what stands for zero, so borders may differ by half a code: inexact
    there, exact everywhere else. Otherwise only what folds exactly is folded.
    """

    pixels: bool = False
    exact = False

    def run(self, graph: Graph) -> Graph:
        if any(isinstance(n.op, Dequantize) for n in graph.nodes()):
            return graph  # the model states codes: nothing in front of them may be rounded
        uses = graph.uses()

        def fold(node: Node) -> Node | None:
            return self._fold(node) if all(uses[i.name] == 1 for i in _feeding(node)) else None

        def sink(node: Node) -> Node | None:
            swapped = _sink_reshape(node) if uses[_first_input(node)] == 1 else None
            if swapped is not None:  # the names change places, and the readers with them
                uses[swapped.name], uses[node.name] = uses[node.name], 1
            return swapped

        return rewrite(graph, sink, fold)

    def _fold(self, node: Node) -> Node | None:
        match node:
            case Node(op=Conv() | MatMul(), inputs=(Node(op=Affine()) as inner, *_)):
                if _from_input(inner):
                    return self._into_layer(node, inner, inner.inputs[0])
            case Node(
                op=Conv(), inputs=(Node(op=Pad() as pad, inputs=(Node(op=Affine()) as inner,)), *_)
            ):
                if _from_input(inner):
                    return self._through_pad(node, inner, pad)
        return None

    def _through_pad(self, node: Node, inner: Node, pad: Pad) -> Node | None:
        a, b = (np.broadcast_to(v, inner.type.shape[-1:]) for v in constants(inner))
        border = (np.asarray(pad.value) - b) / a
        if not self.pixels and np.any(border != 0):
            return None
        border = np.rint(border)
        values = border[:1] if np.all(border == border[0]) else border
        padded = Pad(pad.before, pad.after, tuple(int(v) for v in values))
        return self._into_layer(node, inner, Node(padded, (inner.inputs[0],), node.inputs[0].name))

    def _into_layer(self, node: Node, inner: Node, x: Node) -> Node:
        a, b = constants(inner)
        w = const_value(node.inputs[1])
        groups = node.op.groups if isinstance(node.op, Conv) else 1
        a, b = (per_weight(v, w, groups) for v in (a, b))
        taps, scaled = (w * b).sum(axis=tuple(range(w.ndim - 1))), w * a
        return layer(node.op, x, scaled, bias(node) + taps, node.name)


def _first_input(node: Node) -> str:
    return node.inputs[0].name if node.inputs else ""


def _from_input(node: Node) -> bool:
    return isinstance(node.inputs[0].op, Input)


def _feeding(node: Node) -> list[Node]:
    """The nodes between a layer and the graph input, the input itself left out."""
    chain: list[Node] = []
    at = node.inputs[0] if node.inputs else None
    while at is not None and isinstance(at.op, (Affine, Pad)):
        chain.append(at)
        at = at.inputs[0]
    return chain


def _sink_reshape(node: Node) -> Node | None:
    """reshape(affine(input)) -> affine(reshape(input)) where the constants allow it."""
    match node:
        case Node(
            op=Reshape(), inputs=(Node(op=Affine(), inputs=(Node(op=Input()) as x, a, b)) as i,)
        ):
            same = node.type.channels == x.type.channels
            if same or a.type.shape == b.type.shape == ():
                return Node(i.op, (Node(node.op, (x,), node.name), a, b), i.name)
    return None
