"""Weights chosen layer by layer, each for the inputs that the quantized network gives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Graph, Node, once, rewrite
from qfxc.ir.types import Array, Int, Scale
from qfxc.ops._spatial import windows
from qfxc.ops.clip import Clip
from qfxc.ops.const import Const, const_value, int_const, real_const
from qfxc.ops.conv import Conv
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.matmul import MatMul
from qfxc.ops.quantize import Quantize
from qfxc.progress import Progress
from qfxc.quantize.allowed import Allowed
from qfxc.quantize.weights import WeightOptions

ROWS = 1 << 13
"""Most dot products of a layer that its weights are chosen on."""


@dataclass(frozen=True)
class Layer:
    """One layer as G independent matrix products (groups of a convolution), K inputs, M outputs.

    ``rows`` (G, N, K): inputs as the quantized network has them; ``targets`` (G, N, M): what the
    float network computes there, bias included. ``weights`` (G, K, M) are real, of ``steps``
    (G, 1, M); codes are ``allowed``. ``low``, ``high``: what the activation and the quantizer
    behind the layer let through. ``free_bias``: the bias takes any mean error.
    """

    name: str
    rows: NDArray[np.float64]
    targets: NDArray[np.float64]
    weights: NDArray[np.float64]
    steps: NDArray[np.float64]
    bias: NDArray[np.float64]
    allowed: Allowed
    low: float = -inf
    high: float = inf
    free_bias: bool = True

    def errors(self, codes: Array) -> Array:
        """Targets minus what ``codes`` compute without a bias, (G, N, M)."""
        return np.asarray(self.targets - self.rows @ (codes * self.steps))


Chooser = Callable[[Layer], NDArray[np.int64]]
"""Codes (G, K, M) for a layer."""

Fitter = Callable[[Layer, Sequence[Fraction], WeightOptions, Fraction], Sequence[Fraction]]
"""Better steps for a layer than those it has (exactly); last, what makes steps cheap."""


@dataclass(frozen=True)
class Refinement:
    """``choose``: the codes of a layer; ``fit``: its steps, before that (None: as they are).

    ``options`` of the weights of a layer, by its name. With ``free_bias`` biases are chosen, too:
    the mean of a layer's outputs over the frames becomes that of the float network.
    """

    choose: Chooser
    options: Callable[[str], WeightOptions]
    fit: Fitter | None = None
    free_bias: bool = True


def nearest(layer: Layer, weights: Array | None = None) -> NDArray[np.int64]:
    """Every weight rounded by itself."""
    real = layer.weights if weights is None else weights
    return layer.allowed.nearest(real / layer.steps).astype(np.int64)


def refined(
    real: Graph,
    quantized: Graph,
    frames: Sequence[Array],
    how: Refinement,
    progress: Progress,
) -> Graph:
    """``quantized`` (QDQ) with the weights that ``how`` gives every layer, producers first.

    ``real`` is the graph that it was made from: names agree. Both are run side by side, every
    node once, on real-valued calibration ``frames``; a layer sees the errors of those before it.
    """
    originals = {n.name: n for n in real.nodes()}
    readers = _readers(quantized)
    a, b = _Running(real, frames), _Running(quantized, frames)
    found: dict[str, Node] = {}
    nodes = quantized.nodes()
    for number, node in enumerate(nodes, 1):
        original = originals.get(node.name)
        if original is not None and _is_layer(node):
            seen = b.value(node.inputs[0]), a.value(original.inputs[0])
            found[node.name] = _chosen(node, original, seen, readers, how)
            progress.step("round weights", number, len(nodes))
        if original is not None:
            a.run(original)
        b.run(node, found.get(node.name, node))
    return rewrite(quantized, once(lambda node: _rebuilt(node, found)))


def _chosen(
    node: Node,
    original: Node,
    seen: tuple[Array, Array],
    readers: Mapping[str, list[Node]],
    how: Refinement,
) -> Node:
    """The layer with its new steps, codes and bias."""
    options = how.options(node.name)
    bounds = _bounds(node, readers)
    layer = _layer(node, original, seen, options.allowed, bounds, how.free_bias)
    scale = node.inputs[1].inputs[0].type.int.scale
    if how.fit is not None:
        now = scale.channels(layer.steps.size)
        scale = Scale.of(how.fit(layer, now, options, _unit(node, readers)))
        steps = np.broadcast_to(scale.floats(), (layer.steps.size,))  # one where all are alike
        layer = replace(layer, steps=steps.reshape(layer.steps.shape))
    return _replaced(node, layer, how.choose(layer), scale)


class _Running:
    """A graph that is run node by node; values live as long as somebody will read them."""

    def __init__(self, graph: Graph, frames: Sequence[Array]) -> None:
        self._values = {n.name: x for n, x in zip(graph.inputs, frames, strict=True)}
        self._left: Counter[str] = graph.uses()

    def value(self, node: Node) -> Array:
        return const_value(node) if isinstance(node.op, Const) else self._values[node.name]

    def run(self, node: Node, stand_in: Node | None = None) -> None:
        """``stand_in`` computes the value of ``node``, from the same streams."""
        if isinstance(node.op, Const) or node.name in self._values:
            return
        if not node.streams or all(isinstance(i.op, Const) for i in node.inputs):
            self._values[node.name] = node.op.run(node, *map(self.value, node.inputs))
            return
        actual = stand_in or node
        constants = (_constant(i) for i in actual.inputs[len(node.streams) :])
        streams = (self.value(i) for i in node.streams)
        self._values[node.name] = actual.op.run(actual, *streams, *constants)
        for i in {i.name: i for i in node.streams}.values():
            self._left[i.name] -= sum(i is j for j in node.streams)
            if not self._left[i.name]:
                self._values.pop(i.name, None)


def _constant(node: Node) -> Array:
    """Parameters, dequantized where they are codes."""
    if isinstance(node.op, Const):
        return const_value(node)
    return node.op.run(node, *(_constant(i) for i in node.inputs))


def _is_layer(node: Node) -> bool:
    if not isinstance(node.op, (Conv, MatMul)) or not isinstance(node.inputs[1].op, Dequantize):
        return False
    return isinstance(node.inputs[1].inputs[0].op, Const)


def _layer(
    node: Node,
    original: Node,
    seen: tuple[Array, Array],
    allowed: Allowed,
    bounds: tuple[float, float],
    free_bias: bool,
) -> Layer:
    """The layer on an even sample of its dot products, the same ones of both networks."""
    groups = node.op.groups if isinstance(node.op, Conv) else 1
    rows, real_rows = (_rows(node, x, groups) for x in seen)
    weights = _grouped(const_value(original.inputs[1]), groups)
    outs = weights.shape[0] * weights.shape[2]
    bias = const_value(original.inputs[2]) if len(original.inputs) > 2 else np.zeros(outs)
    split = np.broadcast_to(bias, (outs,)).reshape(groups, 1, -1)
    scale = node.inputs[1].inputs[0].type.int.scale.floats()
    steps = np.broadcast_to(scale, (outs,)).reshape(groups, 1, -1)
    targets = real_rows @ weights + split
    return Layer(
        node.name, rows, targets, weights, steps, split, allowed, *bounds, free_bias=free_bias
    )


def _rows(node: Node, x: Array, groups: int) -> NDArray[np.float64]:
    """(G, N, K): inputs of evenly spread dot products."""
    if not isinstance(node.op, Conv):
        flat = x.reshape(-1, x.shape[-1])
        return np.asarray(flat[_spread(len(flat))], dtype=np.float64)[None]
    height, width = node.inputs[1].type.shape[:2]
    view = windows(x, (height, width), node.op.stride, node.op.dilation)
    at = np.unravel_index(_spread(int(np.prod(view.shape[:3]))), view.shape[:3])
    picked = view[at].transpose(0, 2, 3, 1).astype(np.float64)
    parts = picked.reshape(len(picked), height, width, groups, -1).transpose(3, 0, 1, 2, 4)
    return parts.reshape(groups, len(picked), -1)


def _spread(count: int) -> NDArray[np.int64]:
    """At most ``ROWS`` of ``count``: one from every stretch of equal length, at random places."""
    if count <= ROWS:
        return np.arange(count)
    edges = np.linspace(0, count, ROWS + 1)
    return (edges[:-1] + np.random.default_rng(0).random(ROWS) * np.diff(edges)).astype(np.int64)


def _grouped(w: Array, groups: int) -> NDArray[np.float64]:
    """Weights (.., C / G, M * G) as (G, K, M)."""
    split = w.reshape(-1, groups, w.shape[-1] // groups)
    return np.ascontiguousarray(split.transpose(1, 0, 2), dtype=np.float64)


def _replaced(node: Node, layer: Layer, codes: NDArray[np.int64], scale: Scale) -> Node:
    old = node.inputs[1].inputs[0]
    flat = codes.transpose(1, 0, 2).reshape(old.type.shape)
    elem = Int(min(int(flat.min()), 0), max(int(flat.max()), 0), scale)
    w = Node(Dequantize(), (int_const(flat, elem, old.name),), node.inputs[1].name)
    if not layer.free_bias:
        return Node(node.op, (node.inputs[0], w, *node.inputs[2:]), node.name)
    bias = layer.errors(codes).mean(axis=1).reshape(-1)
    return Node(node.op, (node.inputs[0], w, real_const(bias, f"{node.name}.bias")), node.name)


def _rebuilt(node: Node, found: Mapping[str, Node]) -> Node | None:
    if node.name not in found:
        return None
    new = found[node.name]
    return Node(new.op, (node.inputs[0], *new.inputs[1:]), new.name)


def _readers(graph: Graph) -> dict[str, list[Node]]:
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes():
        for i in node.streams:
            readers.setdefault(i.name, []).append(node)
    return readers


def _unit(node: Node, readers: Mapping[str, list[Node]]) -> Fraction:
    """Output step over input step: steps of weights that are multiples make cheap rescales."""
    behind = node
    while not isinstance(behind.op, Quantize):
        (behind,) = readers[behind.name]
    return behind.type.int.scale.values[0] / input_step(node.inputs[0])


def input_step(x: Node) -> Fraction:
    """The step of the codes in front of a layer of a QDQ graph."""
    while not isinstance(x.op, Dequantize):
        x = x.inputs[0]
    return x.inputs[0].type.int.scale.values[0]


def _bounds(node: Node, readers: Mapping[str, list[Node]]) -> tuple[float, float]:
    """What clips and the quantizer directly behind a layer let through."""
    low, high = -inf, inf
    for lo, hi in _limits(node, readers):
        low, high = max(low, lo), min(high, hi)
    return low, high


def _limits(node: Node, readers: Mapping[str, list[Node]]) -> Iterator[tuple[float, float]]:
    while len(readers.get(node.name, ())) == 1:
        (node,) = readers[node.name]
        if isinstance(node.op, Quantize):
            step = float(node.type.int.scale.values[0])
            yield node.type.int.lo * step, node.type.int.hi * step
        if not isinstance(node.op, Clip):
            return
        yield node.op.lo, node.op.hi
