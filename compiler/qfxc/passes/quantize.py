"""Post-training quantization: a real graph becomes a QDQ graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, once, rewrite
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, Scale, exact
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.const import Const, const_value, int_const, real_const
from qfxc.ops.conv import Conv, per_weight
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.quantize import Quantize as QuantizeOp
from qfxc.passes.base import Pass, choice
from qfxc.passes.exact import MOST_TABLE_BITS
from qfxc.passes.own_added import Options
from qfxc.passes.own_quantizers import brings_quantizers, complete
from qfxc.quantize.error import sqnr_db
from qfxc.quantize.factors import on_grid, worth
from qfxc.quantize.observe import Stats, observe
from qfxc.quantize.placement import Placement, place
from qfxc.quantize.ranges import METHODS, levels, magnitude, power_of_two, round_step
from qfxc.quantize.scales import align, cheap_steps
from qfxc.quantize.split import split
from qfxc.quantize.steep import table_bits
from qfxc.quantize.weights import WeightOptions, quantize_weights
from qfxc.sim import simulate

WIDTHS = (2, 16)
"""Fewest and most bits."""

JUDGED_FRAMES = 64
"""Calibration frames on which the range methods are compared."""

MOST_NARROW_BITS = 10
"""Wider activations get a quantizer in the middle of long chains."""

GUARD_BITS = 4
"""More bits of such a quantizer: its rounding is not seen behind the next one."""


@dataclass(frozen=True)
class Quantize(Pass):
    """puts quantizers on weights (per channel) and activations (per tensor), from calibration

    A model that brings its own keeps them; only the missing ones are added.

    ``method``: how ranges follow from statistics: minmax, percentile, mse, or best (the one with
    the highest signal-to-quantization-noise ratio at the outputs). ``powers``: every scale is a
    power of two. ``outputs``: bits of graph outputs. ``pixels``: inputs are uint8 as they are.
    ``correct_bias``: biases make up for what rounding the weights does to the mean of a layer.
    """

    weights: int = 8
    activations: int = 8
    outputs: int = 16
    method: str = "best"
    powers: bool = False
    pixels: bool = False
    correct_bias: bool = True
    rounding: str = Rounding.HALF_UP.value
    frames: tuple[Array, ...] = field(default=(), repr=False, compare=False)
    exact = False

    def __post_init__(self) -> None:
        for name in ("weights", "activations", "outputs"):
            bits = getattr(self, name)
            if not WIDTHS[0] <= bits <= WIDTHS[1]:
                raise UserError(
                    f"{bits} bits", where=f"quantize{{{name}}}", hint="2 to 16 bits are supported"
                )
        choice("quantize{method}", self.method, ("best", *METHODS))
        choice("quantize{rounding}", self.rounding, [mode.value for mode in Rounding])

    def run(self, graph: Graph) -> Graph:
        if brings_quantizers(graph):
            return complete(graph, self._additions())
        wide = self.activations > MOST_NARROW_BITS
        placement = place(graph, wide=wide)
        fixed = self._pixel_inputs(placement)
        seen = self._observe(graph, placement)
        whole, graph = graph, split(graph, placement, seen, fixed=fixed, wide=wide)
        if graph == whole:
            stats = seen
        else:
            placement = place(graph, wide=wide)
            stats = self._observe(graph, placement)
        if self.method != "best":
            return self._build(graph, placement, stats, self.method)
        built = {m: self._build(graph, placement, stats, m) for m in METHODS}
        frames = [x[:JUDGED_FRAMES] for x in self.frames]
        real = simulate(graph, frames)
        scores = {m: _score(real, simulate(g, frames)) for m, g in built.items()}
        return built[max(METHODS, key=lambda m: scores[m])]

    def _additions(self) -> Options:
        """What quantizers look like that a model with quantizers of its own lacks."""
        return Options(
            WeightOptions(bits=self.weights, powers=self.powers),
            self.activations,
            self.outputs,
            self.method,
            Rounding(self.rounding),
            self.pixels,
            self.frames,
        )

    def _observe(self, graph: Graph, placement: Placement) -> dict[str, Stats]:
        layers = {n.inputs[0].name for n in graph.nodes() if isinstance(n.op, (Conv, MatMul))}
        with np.errstate(over="ignore", invalid="ignore"):  # found below, and said once
            stats = observe(graph, self.frames, layers | {p.name for p in placement.points})
        for name, s in stats.items():
            if not (np.isfinite(s.low) and np.isfinite(s.high)):
                raise UserError("NaN or infinity on the calibration inputs", where=name)
        return stats

    def _pixel_inputs(self, placement: Placement) -> frozenset[str]:
        """Points whose codes are what the host has, whatever their range."""
        inputs = (p.name for p in placement.points if isinstance(p.op, Input))
        return frozenset(inputs) if self.pixels else frozenset()

    def _bits(self, point: Node, placement: Placement, stats: Mapping[str, Stats]) -> int:
        if isinstance(point.op, Input) and self.pixels:
            return 8
        if point.name in placement.wide:
            return self.activations + GUARD_BITS
        if point.name in placement.tabulated:
            programs = placement.tabulated[point.name]
            return table_bits(stats[point.name], programs, self.activations, MOST_TABLE_BITS)
        return self.outputs if point.name in placement.at_output else self.activations

    def _build(
        self, graph: Graph, placement: Placement, stats: dict[str, Stats], method: str
    ) -> Graph:
        steps: dict[str, Fraction] = {}
        for point in placement.points:
            s, bits = stats[point.name], self._bits(point, placement, stats)
            top = magnitude(s, bits, s.low < 0, method) or placement.borders.get(point.name, 0.0)
            if self.pixels and isinstance(point.op, Input):
                steps[point.name] = Fraction(1)
            elif self.powers:
                steps[point.name] = power_of_two(s, top, bits, s.low < 0)
            else:
                steps[point.name] = round_step(top / levels(bits, s.low < 0))
        zeros = {n for n, s in stats.items() if s.low == s.high == 0} - {*placement.borders}
        steps = align(steps, placement, self._pixel_inputs(placement), zeros)
        if not self.powers:
            steps = cheap_steps(steps, placement)
        elems = {p.name: self._elem(p, placement, stats, steps) for p in placement.points}
        means = {name: s.mean for name, s in stats.items()} if self.correct_bias else {}
        return _Inserter(self, graph, elems, means).run()

    def _elem(
        self,
        point: Node,
        placement: Placement,
        stats: dict[str, Stats],
        steps: dict[str, Fraction],
    ) -> Int:
        bits = self._bits(point, placement, stats)
        pixel = self.pixels and isinstance(point.op, Input)
        signed = stats[point.name].low < 0 and not pixel
        return Int.of_bits(bits, signed, Scale.of(steps[point.name]))


def _score(real: list[Array], quantized: list[Array]) -> float:
    return min(sqnr_db(a, b) for a, b in zip(real, quantized, strict=True))


class _Inserter:
    """Rebuilds a real graph with quantizers at ``elems`` and quantized weights.

    ``means``: of layer inputs, per channel, for the correction of biases; empty for none.
    """

    def __init__(
        self, options: Quantize, graph: Graph, elems: dict[str, Int], means: dict[str, Array]
    ) -> None:
        self._means = means
        self._graph = graph
        self._elems = elems
        self._rounding = Rounding(options.rounding)
        self._weights = WeightOptions(bits=options.weights, powers=options.powers)
        self._factor_bits = max(8, options.activations + 2)
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
            rounding = Rounding.HALF_UP if isinstance(node.op, Input) else self._rounding
            q = Node(QuantizeOp(elem, rounding), (node,), f"{node.name}.q")
        return Node(Dequantize(), (q,), f"{node.name}.dq")

    def _weights_quantized(self, node: Node) -> Node | None:
        if not isinstance(node.op, (Conv, MatMul)) or not isinstance(node.inputs[1].op, Const):
            return None
        x, real = node.inputs[0], const_value(node.inputs[1])
        # weight steps on multiples of output step / input step make cheap rescales
        unit = self._end(node).scale.values[0] / _input_step(x)
        codes, elem = quantize_weights(real, self._weights, unit)
        name = node.inputs[1].name
        w = Node(Dequantize(), (int_const(codes, elem, f"{name}.q"),), f"{name}.dq")
        error = real - codes * elem.scale.floats()
        return Node(node.op, (x, w, *self._bias(node, error)), node.name)

    def _bias(self, node: Node, error: Array) -> tuple[Node, ...]:
        """The bias, plus the mean of what the weights' rounding error takes from the output."""
        if not self._means:
            return node.inputs[2:]
        mean = self._means[self._sources[node.name]]
        groups = node.op.groups if isinstance(node.op, Conv) else 1
        shift = (error * per_weight(mean, error, groups)).sum(axis=tuple(range(error.ndim - 1)))
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
        step = worth(_before_chain(node)) if isinstance(node.op, Affine) else None
        unit = self._end(node).scale.values[0] / step if step else Fraction(1)
        factor = on_grid(node.inputs[1], unit, self._factor_bits)
        return Node(node.op, (node.inputs[0], factor, *node.inputs[2:]), node.name)


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
    step = _input_step(node.inputs[0])
    values = tuple(float(round(exact(v) / step) * step) for v in node.op.value)
    if values == node.op.value:
        return None
    return Node(Pad(node.op.before, node.op.after, values), node.inputs, node.name)


def _input_step(x: Node) -> Fraction:
    while not isinstance(x.op, Dequantize):
        x = x.inputs[0]
    return x.inputs[0].type.int.scale.values[0]
