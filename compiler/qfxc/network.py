"""From a model to its kernels: the half of the flow that no board has a say in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from qfxc.effort import best
from qfxc.frontend.onnx_file import load
from qfxc.ir.graph import Graph
from qfxc.ir.types import Array
from qfxc.options import BITS, Options
from qfxc.passes.base import Pass, override, run_passes
from qfxc.passes.equalise import Equalise
from qfxc.passes.fold_input import FoldInput
from qfxc.passes.normalise import Normalise
from qfxc.passes.own_added import calibrated
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize
from qfxc.progress import Progress
from qfxc.quantize.calibration import Source, load_inputs, synthetic, thinned, to_frames
from qfxc.quantize.recipes import recipe_passes
from qfxc.quantize.trials import Search
from qfxc.trace import Trace


@dataclass(frozen=True)
class Network:
    """The stages of a network.

    As imported, with its calibration frames; the float reference; what was quantized, with
    quantizers, in integers, in kernels; values that were calibrated although the model has
    quantizers; how the options of the passes were found, if they were searched.
    """

    source: Graph
    frames: list[Array]
    real: Graph
    scaled: Graph
    qdq: Graph
    integer: Graph
    kernel: Graph
    calibrated: list[str]
    search: Search | None


def network(
    model: str | Path | onnx.ModelProto, opts: Options, calib: Source | None, progress: Progress
) -> Network:
    """Imports, quantizes and lowers a model; raises UserError for bad input."""
    steps = override(override(pipeline(), recipe_passes(opts.recipe)), opts.passes)
    progress.step("import", 0, 1)
    source = load(model)
    progress.step("import", 1, 1)
    frames = to_frames(_calibration(source, calib, opts), source)
    steps, search = _configured(opts, steps, tuple(frames), progress), None
    if opts.effort == "best":
        steps, search = best(source, steps, progress)
    trace = Trace(opts.dump, frames, opts.check, progress, len(steps))
    kernel = run_passes(source, steps, trace)
    real, scaled = trace.before("fold-input"), trace.before("quantize")
    qdq, integer = trace.after("quantize"), trace.after("rescale")
    return Network(source, frames, real, scaled, qdq, integer, kernel, calibrated(qdq), search)


def _calibration(graph: Graph, calib: Source | None, opts: Options) -> list[Array]:
    pixels = opts.input == "uint8"
    if calib is None:
        return synthetic(graph, pixels=pixels)
    return thinned(load_inputs(calib, graph, pixels=pixels, where="--calib"))


def _configured(
    opts: Options, steps: tuple[Pass, ...], frames: tuple[Array, ...], progress: Progress
) -> tuple[Pass, ...]:
    """The passes with the options in them that come from flags of their own."""
    pixels = opts.input == "uint8"

    def configure(step: Pass) -> Pass:
        match step:
            case Normalise():
                return replace(step, mean=opts.mean, std=opts.std)
            case FoldInput():
                return replace(step, pixels=pixels)
            case Equalise():
                return replace(step, frames=frames)
            case Quantize():
                weights = opts.weights if step.weights == BITS else step.weights
                activations = opts.activations if step.activations == BITS else step.activations
                bits = replace(step, weights=weights, activations=activations)
                return replace(bits, pixels=pixels, frames=frames, progress=progress)
        return step

    return tuple(configure(step) for step in steps)
