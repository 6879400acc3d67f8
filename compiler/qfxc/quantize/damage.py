"""Where quantization hurts: every quantized value, how exact it is and what it does alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ir.types import Array
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.const import Const
from qfxc.ops.conv import Conv
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.quantize import Quantize
from qfxc.quantize.encode import decode, feed
from qfxc.quantize.error import sqnr_db
from qfxc.sim import simulate

FRAMES = (2, 32)
"""Fewest and most frames that the table is made from."""

BUDGET = 8_000_000_000
"""Multiply-accumulates that the table may cost; large networks are seen on fewer frames."""

LAYERS = (Conv, MatMul)
CONSTANTS = (*LAYERS, Affine, PRelu, Pad)
"""Operators whose constants the Quantize pass moves to a grid."""


@dataclass(frozen=True)
class Damage:
    """A quantized value, with the layer (None: a sum, an average, an input) that computes it.

    ``bits`` of its codes, ``weight_bits`` of the layer's weights. ``sqnr_db``: of the value in
    the integer network against the float reference, everything before it quantized, too.
    ``alone_db``: of the worst output of the float reference when nothing but this value and the
    weights of its layer are quantized. Infinite where nothing differs; both in dB.
    """

    name: str
    layer: str | None
    bits: int
    weight_bits: int | None
    sqnr_db: float
    alone_db: float


@dataclass(frozen=True)
class Damages:
    """Every value that is quantized, the most damaging first; on how many ``frames``."""

    frames: int
    rows: tuple[Damage, ...]


def damages(real: Graph, qdq: Graph, integer: Graph, frames: Sequence[Array]) -> Damages:
    """What quantizing every value costs.

    ``real`` is the graph that became ``qdq`` and then ``integer``; ``frames`` are real-valued
    inputs, of which the first ones are used: ``FRAMES`` of them, within ``BUDGET``.
    """
    points = {n.inputs[0].name: n for n in qdq.nodes() if isinstance(n.op, Quantize)}
    most = BUDGET // max(1, _products(real) * len(points))
    # float64: what is off or exact shows no noise at all
    frames = [x[: int(np.clip(most, *FRAMES))].astype(np.float64) for x in frames]
    plain = only(real, qdq, ())
    expected = simulate(plain, frames)
    exact = _sqnr(qdq, integer, plain, frames, points)
    rows = []
    for name, quantizer in points.items():
        layer = _layer(quantizer.inputs[0])
        got = simulate(only(real, qdq, {name, layer.name} if layer else {name}), frames)
        rows.append(
            Damage(
                name,
                layer.name if layer else None,
                quantizer.type.int.bits,
                _weight_bits(layer) if layer else None,
                exact.get(name, inf),
                min(sqnr_db(a, b) for a, b in zip(expected, got, strict=True)),
            )
        )
    return Damages(len(frames[0]), tuple(sorted(rows, key=lambda row: row.alone_db)))


def only(real: Graph, qdq: Graph, on: Collection[str]) -> Graph:
    """``qdq`` as if nothing were quantized but the values and the constants of nodes in ``on``.

    What is left out gets the constants of ``real`` back: with an empty ``on`` it is ``real``.
    """
    originals = {n.name: n for n in real.nodes()}
    # a slope belongs to the chain between a layer and its quantizer
    kept = {i.name for n in qdq.nodes() if n.name in on for i in n.inputs[1:]}

    def rule(node: Node) -> Node | None:
        match node.op:
            case Dequantize():
                return _bypassed(node, originals, on, kept)
            case Conv() | MatMul() | Affine() | PRelu() | Pad():
                return None if node.name in on else _restored(node, originals)
        return None

    return rewrite(qdq, rule)


def _bypassed(
    node: Node, originals: Mapping[str, Node], on: Collection[str], kept: Collection[str]
) -> Node | None:
    """The real value behind a quantizer that is off; a streamed constant as it was."""
    codes = node.inputs[0]
    if isinstance(codes.op, Quantize):
        source = codes.inputs[0]
        return None if source.name in on else source
    if not isinstance(codes.op, Const) or node.name in kept:
        return None
    return originals.get(node.name.removesuffix(".dq"))


def _restored(node: Node, originals: Mapping[str, Node]) -> Node | None:
    """The node with the constants that it had before it was quantized."""
    old = originals[node.name]
    same = len(old.inputs) == len(node.inputs) and all(
        a is b for a, b in zip(old.inputs[1:], node.inputs[1:], strict=True)
    )
    if same and old.op == node.op:
        return None
    return Node(old.op, (node.inputs[0], *old.inputs[1:]), node.name)


def _layer(node: Node) -> Node | None:
    """The layer in front of a chain of activations."""
    while isinstance(node.op, (Affine, Clip, PRelu)):
        node = node.inputs[0]
    return node if isinstance(node.op, LAYERS) else None


def _weight_bits(layer: Node) -> int | None:
    weights = layer.inputs[1]
    return weights.inputs[0].type.int.bits if isinstance(weights.op, Dequantize) else None


def _products(graph: Graph) -> int:
    """Multiply-accumulates of one frame."""
    layers = (n for n in graph.nodes() if isinstance(n.op, LAYERS))
    return sum(n.type.size * int(np.prod(n.inputs[1].type.shape[:-1])) for n in layers)


def _sqnr(
    qdq: Graph, integer: Graph, real: Graph, frames: Sequence[Array], points: Mapping[str, Node]
) -> dict[str, float]:
    """Of every point whose codes are a value of the integer graph."""
    names = {q.name: name for name, q in points.items()}
    names.update({n.name: n.name for n in qdq.nodes() if isinstance(n.op, Input)})
    reference = _values(real, frames, {name: name for name in points})
    got = _values(integer, feed(integer, frames), names)
    return {name: sqnr_db(reference[name], value) for name, value in got.items()}


def _values(graph: Graph, frames: Sequence[Array], names: Mapping[str, str]) -> dict[str, Array]:
    """The named values as real numbers, under the names that they are mapped to."""
    parts: dict[str, list[Array]] = {}

    def keep(node: Node, value: Array) -> None:
        if node.name in names:
            found = decode(value, node.type.int) if node.type.is_int else value
            parts.setdefault(names[node.name], []).append(found)

    simulate(graph, frames, keep)
    return {name: np.concatenate(found) for name, found in parts.items()}
