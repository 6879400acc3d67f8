"""Quantizers that a model with quantizers of its own lacks: their options, types and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, once, rewrite
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, Scale, exact
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input
from qfxc.ops.quantize import Quantize
from qfxc.quantize.encode import feed
from qfxc.quantize.observe import Stats, observe
from qfxc.quantize.ranges import levels, magnitude, power_of_two, round_step
from qfxc.quantize.weights import WeightOptions

FINE_BITS = 16
"""Of a calibrated value that only sums and averages read: its rounding is hardly seen behind."""

ADDED, KEPT = "added", "kept"
"""Ends of the names of new quantizers: calibrated ones, and ones that keep every digit."""


@dataclass(frozen=True)
class Options:
    """What added quantizers look like. ``pixels``: inputs are uint8 as they are."""

    weights: WeightOptions
    activations: int
    outputs: int
    method: str
    rounding: Rounding
    pixels: bool
    frames: tuple[Array, ...]


def calibrated(graph: Graph) -> list[str]:
    """The values of a completed graph that got quantizers from calibration."""
    return [n.inputs[0].name for n in graph.nodes() if n.name.endswith(f".{ADDED}")]


def inserted(graph: Graph, wanted: Mapping[str, Int | Fraction | None], options: Options) -> Graph:
    """Quantizers behind the named values, calibrated where no type is given.

    A number in its place: the quantizer is a fine one, of steps that are a power of two times it.
    """
    names = [name for name, elem in wanted.items() if not isinstance(elem, Int)]
    stats = observe(graph, feed(graph, options.frames), names) if names else {}
    elems = {
        name: elem if isinstance(elem, Int) else _calibrated(name, stats[name], options, elem)
        for name, elem in wanted.items()
    }

    def insert(node: Node) -> Node | None:
        if node.name not in elems:
            return None
        rounding = Rounding.HALF_UP if isinstance(node.op, Input) else options.rounding
        name = f"{node.name}.{KEPT if isinstance(wanted[node.name], Int) else ADDED}"
        q = Node(Quantize(elems[node.name], rounding), (node,), name)
        return Node(Dequantize(), (q,), f"{name}.dq")

    return rewrite(graph, once(insert))


def _calibrated(name: str, stats: Stats, options: Options, unit: Fraction | None) -> Int:
    if not (np.isfinite(stats.low) and np.isfinite(stats.high)):
        raise UserError("NaN or infinity on the calibration inputs", where=name)
    if unit is not None:
        return _fine(stats, unit)
    signed, bits = stats.low < 0, options.activations
    top = magnitude(stats, bits, signed, "mse" if options.method == "best" else options.method)
    if options.weights.powers:
        step = power_of_two(stats, top, bits, signed)
    else:
        step = round_step(top / levels(bits, signed))
    return Int.of_bits(bits, signed, Scale.of(step))


def _fine(stats: Stats, unit: Fraction) -> Int:
    """Codes of ``FINE_BITS`` with room for twice the range seen."""
    signed, step = stats.low < 0, unit
    top = exact(2 * max(abs(stats.low), abs(stats.high), 2.0**-60))
    most = levels(FINE_BITS, signed)
    while top / step > most:
        step *= 2
    while top / step * 2 <= most:
        step /= 2
    return Int.of_bits(FINE_BITS, signed, Scale.of(step))
