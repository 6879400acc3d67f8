"""Puts quantizers into a real graph: on values, weights, factors and pad values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Graph, Node, once, rewrite
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, exact
from qfxc.ops._weights import MOST_TERMS
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.const import Const, const_value, int_const, real_const
from qfxc.ops.conv import Conv, per_weight
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.quantize import Quantize
from qfxc.quantize.factors import on_grid, worth
from qfxc.quantize.observe import Stats
from qfxc.quantize.sequential import input_step
from qfxc.quantize.weights import WeightOptions, quantize_weights


@dataclass(frozen=True)
class InsertOptions:
    """``special``: weights of the layers named there, of all others ``weights``.

    ``factor_bits`` of slopes and factors of activations. ``correct_bias``: biases make up for
    what rounding the weights does to the mean of a layer.
    """

    weights: WeightOptions
    factor_bits: int
    rounding: Rounding = Rounding.HALF_UP
    correct_bias: bool = True
    special: Mapping[str, WeightOptions] = field(default_factory=dict)


class Inserter:
    """Rebuilds a real graph with quantizers at ``elems`` and quantized weights.

    ``stats``: of layer inputs.
    """

    def __init__(
        self,
        graph: Graph,
        elems: Mapping[str, Int],
        stats: Mapping[str, Stats],
        options: InsertOptions,
    ) -> None:
        self._graph = graph
        self._elems = elems
        self._stats = stats
        self._options = options
        self._users: dict[str, list[Node]] = {}
        self._sources = {n.name: n.inputs[0].name for n in graph.nodes() if n.inputs}
        for node in graph.nodes():
            for source in node.streams:
                self._users.setdefault(source.name, []).append(node)

    def run(self) -> Graph:
        return rewrite(
            self._graph,
            _pad_on_grid,
            self._weights_quantized,
            once(self._factor_on_grid),
            once(self._point_quantized),
        )

    def _point_quantized(self, node: Node) -> Node | None:
        if node.name not in self._elems:
            return None
        elem = self._elems[node.name]
        if isinstance(node.op, Const):
            codes = np.rint(node.op.value / elem.scale.floats())
            q = int_const(np.clip(codes, elem.lo, elem.hi), elem, f"{node.name}.q")
        else:
            # the host quantizes inputs, always with the rounding that ``encode`` has
            rounding = Rounding.HALF_UP if isinstance(node.op, Input) else self._options.rounding
            q = Node(Quantize(elem, rounding), (node,), f"{node.name}.q")
        return Node(Dequantize(), (q,), f"{node.name}.dq")

    def _weights_quantized(self, node: Node) -> Node | None:
        if not isinstance(node.op, (Conv, MatMul)) or not isinstance(node.inputs[1].op, Const):
            return None
        x, real = node.inputs[0], const_value(node.inputs[1])
        # weight steps on multiples of output step / input step make cheap rescales
        unit = self._end(node).scale.values[0] / input_step(x)
        options = self._options.special.get(node.name, self._options.weights)
        energy = _per_tap(self._stats[self._sources[node.name]].power, real, node)
        codes, elem = quantize_weights(real, options, unit, energy)
        name = node.inputs[1].name
        w = Node(Dequantize(), (int_const(codes, elem, f"{name}.q"),), f"{name}.dq")
        error = real - codes * elem.scale.floats()
        return Node(node.op, (x, w, *self._bias(node, error)), node.name)

    def _bias(self, node: Node, error: Array) -> tuple[Node, ...]:
        """The bias, plus the mean of what the weights' rounding error takes from the output."""
        if not self._options.correct_bias:
            return node.inputs[2:]
        mean = _per_tap(self._stats[self._sources[node.name]].mean, error, node)
        shift = (error * mean).sum(axis=tuple(range(error.ndim - 1)))
        old = const_value(node.inputs[2]) if len(node.inputs) > 2 else 0.0
        return (real_const(old + shift, f"{node.name}.bias"),)

    def _end(self, node: Node) -> Int:
        """The type of the quantizer that ends the chain of activations behind ``node``."""
        at = node
        while at.name not in self._elems:
            (at,) = self._users[at.name]
        return self._elems[at.name]

    def _factor_on_grid(self, node: Node) -> Node | None:
        """Slopes and factors of activations get few bits, so every rescale has few, too."""
        if not isinstance(node.op, (Affine, PRelu)):
            return None
        before, bits = worth(_before_chain(node)), self._options.factor_bits
        step = before if isinstance(node.op, Affine) else None
        unit = self._end(node).scale.values[0] / step if step else Fraction(1)
        ones = self._options.weights.ones
        if before is None or node.inputs[1].type.size > 1:
            ones = min(ones, MOST_TERMS)  # slopes differ from channel to channel
        factor = on_grid(node.inputs[1], unit, bits, ones)
        return Node(node.op, (node.inputs[0], factor, *node.inputs[2:]), node.name)


def _per_tap(channels: Array, weights: Array, layer: Node) -> Array:
    """What is known of every input channel, for every weight that reads it."""
    groups = layer.op.groups if isinstance(layer.op, Conv) else 1
    return np.broadcast_to(per_weight(channels, weights, groups), weights.shape)


def _before_chain(node: Node) -> Node:
    """What computes the value in front of an activation, other activations without factor aside."""
    at = node.inputs[0]
    while isinstance(at.op, (Clip, PRelu)):
        at = at.inputs[0]
    return at


def _pad_on_grid(node: Node) -> Node | None:
    """Moves a pad value to the nearest multiple of the step of what it pads."""
    if not isinstance(node.op, Pad) or node.op.lowest:
        return None
    step = input_step(node.inputs[0])
    values = tuple(float(round(exact(v) / step) * step) for v in node.op.value)
    if values == node.op.value:
        return None
    return Node(Pad(node.op.before, node.op.after, values), node.inputs, node.name)
