"""Cross-layer equalisation: factors that move range from one layer to the next, channel by channel.

Between two layers with only positively homogeneous operators in between, channel ``c`` of the first
one can be ``k[c]`` times as large if the second one's weights for it are ``k[c]`` times smaller.
Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (ICCV 2019);
with the ranges of activations in place of weights: Xiao et al., "SmoothQuant" (ICML 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Array
from qfxc.ops.affine import Affine
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.clip import Clip
from qfxc.ops.const import Const, const_value
from qfxc.ops.conv import Conv, per_weight
from qfxc.ops.matmul import MatMul
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.reshape import Reshape
from qfxc.ops.slice import Slice
from qfxc.ops.transpose import Transpose

SWEEPS = 20
"""Over all pairs: a layer in the middle of a chain takes part in two."""

LEAST_RANGE = 1e-9
"""A channel that is never larger stays as it is."""

MOST = 64.0
"""Largest factor, and its inverse the smallest."""


@dataclass(frozen=True)
class Pair:
    """Two layers; output channel ``j % C`` of the first feeds input channel ``j`` of the second."""

    source: Node
    sink: Node


def pairs(graph: Graph) -> list[Pair]:
    """All pairs of layers that share channels, producers first."""
    uses = graph.uses()
    found = []
    for node in graph.nodes():
        source = _source(node, uses) if _is_layer(node) else None
        if source is not None:
            found.append(Pair(source, node))
    return found


def _is_layer(node: Node) -> bool:
    """Whether ``node`` is a layer with constant weights."""
    constant = all(isinstance(i.op, Const) for i in node.inputs[1:])
    return isinstance(node.op, (Conv, MatMul)) and constant


def _source(sink: Node, uses: Mapping[str, int]) -> Node | None:
    """The layer that nothing but ``sink`` reads, through operators that factors pass."""
    at = sink.inputs[0]
    while uses[at.name] == 1:
        if _is_layer(at):
            return at
        if not _homogeneous(at):
            return None
        at = at.inputs[0]
    return None


def _homogeneous(node: Node) -> bool:
    """Whether ``f(k * x) == k * f(x)`` for positive factors ``k`` per channel of the input."""
    match node.op:
        case Clip(lo=lo, hi=hi):
            return all(v == 0 or np.isinf(v) for v in (lo, hi))
        case Affine():
            return not const_value(node.inputs[2]).any()
        case Pad(before=before, after=after, value=value, lowest=lowest):
            return before[-1] == after[-1] == 0 and (lowest or not any(value))
        case Reshape():
            return node.type.channels % node.inputs[0].type.channels == 0
        case Slice(starts=starts, steps=steps):
            whole = node.type.channels == node.inputs[0].type.channels
            return whole and starts[-1] == 0 and steps[-1] == 1
        case Transpose(perm=perm):
            return perm[-1] == len(perm) - 1
    return isinstance(node.op, (AvgPool, MaxPool, PRelu))


class Ranges:
    """Ranges of the weights of every layer while factors move between them.

    ``activations``: the largest magnitude in every channel of the inputs of layers, by the layer's
    name. With them a source's range is that of its result behind the activation, without them
    that of its weights and bias.
    """

    def __init__(self, graph: Graph, activations: Mapping[str, Array] | None) -> None:
        self._pairs = pairs(graph)
        layers = {node.name: node for p in self._pairs for node in (p.source, p.sink)}
        self._weights = {name: _magnitudes(node) for name, node in layers.items()}
        self._bias = {name: _bias_range(node) for name, node in layers.items()}
        self._results = {
            p.source.name: _shared(activations[p.sink.name], p) for p in self._pairs if activations
        }

    def factors(self) -> dict[str, Array]:
        """``k`` by the name of the source: powers of two, so that scaling is exact."""
        total = {p.source.name: np.ones(p.source.type.channels) for p in self._pairs}
        for _ in range(SWEEPS):
            for pair in self._pairs:
                total[pair.source.name] *= self._balance(pair)
        return {name: _power(np.clip(k, 1 / MOST, MOST)) for name, k in total.items()}

    def _balance(self, pair: Pair) -> Array:
        """Moves range between the two layers until both have as much of every channel."""
        source, sink = pair.source.name, pair.sink.name
        result = self._results.get(source)
        own = self._own(source) if result is None else result
        needed = _shared(_by_input(self._weights[sink], _groups(pair.sink)), pair)
        alive = (own > LEAST_RANGE) & (needed > LEAST_RANGE)
        k = np.sqrt(np.where(alive, needed, 1) / np.where(alive, own, 1))
        self._weights[source] = self._weights[source] * k
        self._bias[source] = self._bias[source] * k
        if result is not None:
            self._results[source] = result * k
        self._weights[sink] = self._weights[sink] / per_input(k, pair.sink)
        return k

    def _own(self, name: str) -> Array:
        return np.asarray(np.maximum(self._weights[name].max(axis=0), self._bias[name]))


def per_input(k: Array, sink: Node) -> Array:
    """Factors of a source's channels, broadcastable to the weights of the layer behind it."""
    repeated = np.tile(k, sink.inputs[0].type.channels // len(k))
    return per_weight(repeated, const_value(sink.inputs[1]), _groups(sink))


def _groups(node: Node) -> int:
    return node.op.groups if isinstance(node.op, Conv) else 1


def _magnitudes(node: Node) -> Array:
    """The largest weight of every input channel of a group and output channel."""
    w = np.abs(const_value(node.inputs[1]))
    return np.asarray(w.reshape(-1, *w.shape[-2:]).max(axis=0))


def _bias_range(node: Node) -> Array:
    if len(node.inputs) < 3:
        return np.zeros(node.type.channels)
    top = np.abs(const_value(node.inputs[2]))
    return np.asarray(np.broadcast_to(top, node.type.shape[-1:]))


def _by_input(magnitudes: Array, groups: int) -> Array:
    """The largest weight of every input channel."""
    per, outs = magnitudes.shape
    grouped = magnitudes.reshape(per, groups, outs // groups)
    return np.asarray(grouped.max(axis=2).T.reshape(-1))


def _shared(by_input: Array, pair: Pair) -> Array:
    """Ranges of the sink's input channels, as those of the source's channels."""
    return np.asarray(by_input.reshape(-1, pair.source.type.channels).max(axis=0))


def _power(k: Array) -> Array:
    return np.asarray(np.exp2(np.rint(np.log2(k))))
