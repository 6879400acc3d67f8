"""Moves range between neighbouring layers, so that one step suits all channels between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, once, rewrite
from qfxc.ir.types import Array
from qfxc.ops.const import const_value
from qfxc.ops.dequantize import Dequantize
from qfxc.passes.base import Pass, choice
from qfxc.passes.fold_affine import bias, layer
from qfxc.quantize.equalisation import Ranges, pairs, per_input
from qfxc.sim import simulate

BY = ("none", "weights", "activations")


@dataclass(frozen=True)
class Equalise(Pass):
    """scales channels between two layers to balance their ranges, by powers of two (exact)

    ``by``: what is balanced against the weights of the second layer: the weights and biases of
    the first (cross-layer equalisation) or its activations on the calibration inputs; none: off.
    """

    by: str = "none"
    frames: tuple[Array, ...] = field(default=(), repr=False, compare=False)
    exact = True
    optional = True

    def __post_init__(self) -> None:
        choice("equalise{by}", self.by, BY)

    def run(self, graph: Graph) -> Graph:
        if self.by == "none" or any(isinstance(n.op, Dequantize) for n in graph.nodes()):
            return graph  # codes that a model states cannot be scaled
        if self.by == "activations" and not self.frames:
            raise UserError("no calibration inputs", where="equalise{by}", hint="by=weights")
        seen = _inputs_of_sinks(graph, self.frames) if self.by == "activations" else None
        k = Ranges(graph, seen).factors()
        ins = {p.sink.name: k[p.source.name] for p in pairs(graph)}
        return rewrite(graph, once(lambda node: _scaled(node, k, ins)))


def _scaled(node: Node, outs: Mapping[str, Array], ins: Mapping[str, Array]) -> Node | None:
    """A layer with the factors of its results and the inverse ones of its inputs."""
    if node.name not in outs and node.name not in ins:
        return None
    w, k = const_value(node.inputs[1]), outs.get(node.name, np.ones(node.type.channels))
    if node.name in ins:
        w = w / per_input(ins[node.name], node)
    b = bias(node) * k if len(node.inputs) > 2 else None
    return layer(node.op, node.inputs[0], w * k, b, node.name)


def _inputs_of_sinks(graph: Graph, frames: Sequence[Array]) -> dict[str, Array]:
    """The largest magnitude in every input channel of the layers, over the calibration inputs."""
    readers: dict[str, list[str]] = {}
    for pair in pairs(graph):
        readers.setdefault(pair.sink.inputs[0].name, []).append(pair.sink.name)
    found: dict[str, Array] = {}

    def keep(node: Node, value: Array) -> None:
        for name in readers.get(node.name, ()):
            top = np.abs(value.reshape(-1, value.shape[-1])).max(axis=0)
            found[name] = np.maximum(found.get(name, top), top)

    simulate(graph, frames, keep)
    return found
