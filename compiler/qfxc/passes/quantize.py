"""Post-training quantization: a real graph becomes a QDQ graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Graph
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array
from qfxc.ops.conv import Conv
from qfxc.ops.matmul import MatMul
from qfxc.passes.base import Pass, choice
from qfxc.passes.insert_quantizers import Inserter, InsertOptions
from qfxc.passes.own_added import Options
from qfxc.passes.own_quantizers import brings_quantizers, complete
from qfxc.passes.quantized_points import Points, Widths
from qfxc.progress import Progress, Silent
from qfxc.quantize.adaround import adaround
from qfxc.quantize.error import sqnr_db
from qfxc.quantize.feedback import feedback
from qfxc.quantize.kones import MOST_ONES
from qfxc.quantize.observe import observe
from qfxc.quantize.placement import Placement, ends, place
from qfxc.quantize.ranges import METHODS
from qfxc.quantize.search import search
from qfxc.quantize.sequential import Refinement, refined
from qfxc.quantize.split import split
from qfxc.quantize.steps import fitted
from qfxc.quantize.weights import CLIPS, WeightOptions
from qfxc.sim import simulate

WIDTHS = (2, 16)
"""Fewest and most bits."""

JUDGED_FRAMES = 64
"""Calibration frames on which the range methods are compared."""

MOST_NARROW_BITS = 10
"""Wider activations get a quantizer in the middle of long chains."""

CHOOSERS = {"feedback": feedback, "adaround": adaround}
ROUNDINGS = ("auto", "nearest", *CHOOSERS)
"""How weights are rounded: each by itself, or so that a layer's output is right."""

FEEDBACK_BITS = 6
"""Up to so many bits of weights error feedback pays for its time (docs/accuracy.md)."""


@dataclass(frozen=True)
class Quantize(Pass):
    """puts quantizers on weights (per channel) and activations (per tensor), from calibration

    A model that brings its own keeps them; only the missing ones are added.

    ``method``: how ranges follow from statistics: minmax, percentile, mse, or best (the one with
    the highest signal-to-quantization-noise ratio at the outputs); search goes on from there,
    value by value. ``powers``: every scale is a
    power of two. ``outputs``: bits of graph outputs. ``inputs``: fewest bits of graph inputs, which
    nothing before them makes up for. ``pixels``: inputs are uint8 as they are.
    ``correct_bias``: biases make up for what rounding the weights does to the mean of a layer.
    ``rounding_of_weights``: every one to the ``nearest`` code, with error ``feedback`` (GPTQ) or
    learned (``adaround``, needs torch); auto is feedback up to 6 bits, else nearest.
    ``clip_weights``: as ``WeightOptions``, or best: of those the one with the most signal at the
    outputs; up to 6 bits with feedback or learning, steps are searched output by output. ``ends``:
    bits of the weights of the first and the last layers, 0 for those of all others. ``ones``:
    weights are sums of at most that many signed powers of two, on steps that are powers of two
    times those of the values around the layer; 0 for any codes.
    """

    weights: int = 8
    activations: int = 8
    outputs: int = 16
    inputs: int = 8
    method: str = "best"
    powers: bool = False
    pixels: bool = False
    correct_bias: bool = True
    rounding: str = Rounding.HALF_UP.value
    rounding_of_weights: str = "auto"
    clip_weights: str = "best"
    ends: int = 0
    ones: int = 0
    frames: tuple[Array, ...] = field(default=(), repr=False, compare=False)
    progress: Progress = field(default=Silent(), repr=False, compare=False)
    exact = False

    def __post_init__(self) -> None:
        for name in ("weights", "activations", "outputs", "inputs", "ends"):
            bits = getattr(self, name)
            if (name, bits) != ("ends", 0) and not WIDTHS[0] <= bits <= WIDTHS[1]:
                raise UserError(
                    f"{bits} bits", where=f"quantize{{{name}}}", hint="2 to 16 bits are supported"
                )
        self._check_ones()
        choice("quantize{method}", self.method, ("best", "search", *METHODS))
        choice("quantize{rounding_of_weights}", self.rounding_of_weights, ROUNDINGS)
        choice("quantize{clip_weights}", self.clip_weights, ("best", *CLIPS))
        choice("quantize{rounding}", self.rounding, [mode.value for mode in Rounding])

    def _check_ones(self) -> None:
        if not 0 <= self.ones <= MOST_ONES:
            raise UserError(
                f"{self.ones} ones per weight",
                where="quantize{ones}",
                hint=f"1 to {MOST_ONES}; 0: any",
            )
        if self.ones and self.rounding_of_weights == "adaround":
            raise UserError(
                "learned rounding chooses between neighbouring codes, not among sums of few ones",
                where="quantize{rounding_of_weights=adaround}",
                hint="rounding_of_weights=feedback, or ones=0",
            )

    def run(self, graph: Graph) -> Graph:
        if self.ones and brings_quantizers(graph):
            raise UserError(
                "the model has quantizers of its own: its weights stay as they are",
                where="quantize{ones}",
                hint="compile the float network, or train it with few ones (qfxc.nn)",
            )
        if brings_quantizers(graph):
            return complete(graph, self._additions())
        graph, points = self._placed(graph)
        explicit = self.resolved()
        return explicit._refined(graph, explicit._rounded(graph, points))

    def resolved(self) -> Quantize:
        """With the rounding of weights that ``auto`` is."""
        if self.rounding_of_weights != "auto":
            return self
        narrow = min(self.weights, self.ends or self.weights) <= FEEDBACK_BITS
        return replace(self, rounding_of_weights="feedback" if narrow else "nearest")

    def _placed(self, graph: Graph) -> tuple[Graph, Points]:
        """The graph with a node for every quantizer, and where those go."""
        wide = self.activations > MOST_NARROW_BITS
        points = self._points(graph, place(graph, wide=wide))
        whole, fixed = graph, points.pixel_inputs
        graph = split(graph, points.placement, points.stats, fixed=fixed, wide=wide)
        if graph == whole:
            return graph, points
        return graph, self._points(graph, place(graph, wide=wide))

    def _rounded(self, graph: Graph, points: Points) -> Graph:
        """The graph with quantizers of the best ranges, weights rounded to the nearest codes."""
        methods = METHODS if self.method in ("best", "search") else (self.method,)
        tops = [points.tops(method) for method in methods]
        clips = self.clip_weights == "best" and self.rounding_of_weights == "nearest"
        if len(tops) == 1 and not clips:
            return self._build(graph, points, tops[0])
        frames = [x[:JUDGED_FRAMES] for x in self.frames]
        real = simulate(graph, frames)

        def judged(tops: dict[str, float], clip: str = self.clip_weights) -> _Built:
            built = replace(self, clip_weights=clip)._build(graph, points, tops)
            got = simulate(self._refined(graph, built, trial=True), frames)
            return _Built(_score(real, got), built, tops)

        best = max(map(judged, tops), key=lambda b: b.score)
        if self.method == "search":
            found = search(graph, points.free(best.tops), best.tops, self.frames)
            searched = judged(found)
            best = max(best, searched, key=lambda b: b.score)
        if clips:
            best = max(best, judged(best.tops, "max"), key=lambda b: b.score)
        return best.graph

    def _refined(self, graph: Graph, rounded: Graph, *, trial: bool = False) -> Graph:
        """``rounded`` with weights that make up for each other's rounding, where asked for.

        A ``trial`` is what ranges are judged by: learning, or steps, would take too long.
        """
        if self.rounding_of_weights == "nearest":
            return rounded
        special = self._special(graph)

        def options(layer: str) -> WeightOptions:
            return special.get(layer, self._weights(self.weights))

        choose = feedback if trial else CHOOSERS[self.rounding_of_weights]
        fit = fitted if self.clip_weights == "best" and not trial else None
        how = Refinement(choose, options, fit, self.correct_bias)
        return refined(graph, rounded, self.frames, how, self.progress)

    def _weights(self, bits: int) -> WeightOptions:
        clip = "mse" if self.clip_weights == "best" else self.clip_weights
        return WeightOptions(bits=bits, powers=self.powers, clip=clip, ones=self.ones)

    def _special(self, graph: Graph) -> dict[str, WeightOptions]:
        """Options of layers that differ from the others'."""
        return dict.fromkeys(ends(graph), self._weights(self.ends)) if self.ends else {}

    def _insertion(self, graph: Graph) -> InsertOptions:
        return InsertOptions(
            self._weights(self.weights),
            max(8, self.activations + 2),
            Rounding(self.rounding),
            self.correct_bias,
            self._special(graph),
        )

    def _additions(self) -> Options:
        """What quantizers look like that a model with quantizers of its own lacks."""
        return Options(
            self._weights(self.weights),
            self.activations,
            self.outputs,
            self.method,
            Rounding(self.rounding),
            self.pixels,
            self.frames,
        )

    def _points(self, graph: Graph, placement: Placement) -> Points:
        """With what calibration inputs give there and at the inputs of layers."""
        layers = {n.inputs[0].name for n in graph.nodes() if isinstance(n.op, (Conv, MatMul))}
        with np.errstate(over="ignore", invalid="ignore"):  # found below, and said once
            stats = observe(graph, self.frames, layers | {p.name for p in placement.points})
        for name, s in stats.items():
            if not (np.isfinite(s.low) and np.isfinite(s.high)):
                raise UserError("NaN or infinity on the calibration inputs", where=name)
        widths = Widths(self.activations, self.inputs, self.outputs)
        return Points(placement, stats, widths, self.pixels, self.powers, self.ones)

    def _build(self, graph: Graph, points: Points, tops: Mapping[str, float]) -> Graph:
        """The graph with quantizers up to ``tops``, weights rounded to the nearest codes."""
        return Inserter(graph, points.types(tops), points.stats, self._insertion(graph)).run()


@dataclass(frozen=True)
class _Built:
    """A graph with quantizers up to ``tops``, weights at their nearest codes; dB at its outputs."""

    score: float
    graph: Graph
    tops: dict[str, float]


def _score(real: list[Array], quantized: list[Array]) -> float:
    return min(sqnr_db(a, b) for a, b in zip(real, quantized, strict=True))
