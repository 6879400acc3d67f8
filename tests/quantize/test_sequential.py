"""Layers of real networks, one after the other: samples, groups, biases, codes and bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from networks import NETWORKS
from qfxc.ir.graph import Graph
from qfxc.ir.text import dump
from qfxc.ir.types import Array
from qfxc.ops.const import const_value
from qfxc.ops.conv import Conv
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.matmul import MatMul
from qfxc.passes.base import run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import JUDGED_FRAMES, Quantize
from qfxc.progress import Silent
from qfxc.quantize.error import sqnr_db
from qfxc.quantize.placement import ends
from qfxc.quantize.sequential import Chooser, Layer, Refinement, nearest, refined
from qfxc.quantize.weights import WeightOptions
from qfxc.sim import simulate


def prepared(name: str) -> tuple[Graph, Array]:
    """A network as the pass finds it."""
    graph, frames = NETWORKS[name]()
    steps = pipeline()
    before = [isinstance(s, Quantize) for s in steps].index(True)
    return run_passes(graph, steps[:before]), frames


def quantized(name: str, **options: object) -> tuple[Graph, Graph, Array]:
    graph, frames = prepared(name)
    step = replace(Quantize(frames=(frames,)), **options)  # type: ignore[arg-type]
    return graph, step.run(graph), frames


def plain(choose: Chooser, *, free_bias: bool = True) -> Refinement:
    """8 bits, steps as they are."""
    return Refinement(choose, lambda _: WeightOptions(8), None, free_bias)


def layers(graph: Graph) -> dict[str, Array]:
    """Codes by layer."""
    return {
        n.name: const_value(n.inputs[1].inputs[0])
        for n in graph.nodes()
        if isinstance(n.op, (Conv, MatMul)) and isinstance(n.inputs[1].op, Dequantize)
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_rounding_to_nearest_again_changes_nothing(name: str) -> None:
    graph, built, frames = quantized(name, clip_weights="max", correct_bias=False)
    seen: list[Layer] = []

    def choose(layer: Layer) -> Array:
        seen.append(layer)
        return nearest(layer)

    again = refined(graph, built, [frames], plain(choose, free_bias=False), Silent())
    assert [layer.name for layer in seen] == list(layers(built))
    for key, codes in layers(built).items():
        assert (layers(again)[key] == codes).all()
    for a, b in zip(simulate(built, [frames]), simulate(again, [frames]), strict=True):
        assert (a == b).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_targets_are_the_float_network(name: str) -> None:
    graph, built, frames = quantized(name)
    values: dict[str, list[Array]] = {}
    simulate(graph, [frames], lambda node, x: values.setdefault(node.name, []).append(x))

    def choose(layer: Layer) -> Array:
        whole = np.concatenate(values[layer.name])
        groups = len(layer.targets)
        rows = layer.targets.transpose(1, 0, 2).reshape(layer.targets.shape[1], -1)
        assert groups * layer.targets.shape[2] == whole.shape[-1]
        # every dot product of these small networks is in the sample, in the order of the frames
        np.testing.assert_allclose(rows, whole.reshape(rows.shape), rtol=1e-4, atol=1e-4)
        return nearest(layer)

    refined(graph, built, [frames], plain(choose), Silent())


# without "branches": products and functions behind its layers make most of the noise of its outputs
@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - {"branches"}))
def test_feedback_keeps_more_signal_at_four_bits(name: str) -> None:
    graph, by_itself, frames = quantized(name, weights=4, rounding_of_weights="nearest")
    _, together, _ = quantized(name, weights=4, rounding_of_weights="feedback")
    real = simulate(graph, [frames])
    before, after = (
        min(sqnr_db(a, b) for a, b in zip(real, simulate(g, [frames]), strict=True))
        for g in (by_itself, together)
    )
    assert after > before
    assert all(np.abs(codes).max() <= 7 for codes in layers(together).values())


@pytest.mark.parametrize(
    ("bits", "ends", "how"),
    [(4, 0, "feedback"), (6, 0, "feedback"), (6, 8, "feedback"), (8, 4, "feedback"),
     (7, 0, "nearest"), (8, 0, "nearest")],
)  # fmt: skip
def test_feedback_is_the_default_up_to_six_bits(bits: int, ends: int, how: str) -> None:
    _, plain, _ = quantized("residual", weights=bits, ends=ends)
    _, asked, _ = quantized("residual", weights=bits, ends=ends, rounding_of_weights=how)
    assert dump(plain) == dump(asked)


def test_the_same_every_time() -> None:
    a, b = (layers(quantized("residual", weights=4, rounding_of_weights="feedback")[1])
            for _ in range(2))  # fmt: skip
    assert all((a[name] == b[name]).all() for name in a)


def test_bits_of_the_ends() -> None:
    graph, built, _ = quantized("residual", weights=3, ends=8, rounding_of_weights="feedback")
    outer = ends(graph)
    peaks = {name: int(np.abs(codes).max()) for name, codes in layers(built).items()}
    assert outer
    assert outer < peaks.keys()
    assert all((peak > 3) == (name in outer) for name, peak in peaks.items())


@pytest.mark.parametrize("name", ["residual", "depthwise"])
def test_the_better_clip_is_kept(name: str) -> None:
    scores = {}
    for clip in ("max", "mse", "best"):
        graph, built, frames = quantized(
            name, weights=3, method="minmax", clip_weights=clip, rounding_of_weights="nearest"
        )
        judged = [frames[:JUDGED_FRAMES]]
        pairs = zip(simulate(graph, judged), simulate(built, judged), strict=True)
        scores[clip] = min(sqnr_db(a, b) for a, b in pairs)
    assert scores["best"] == max(scores["max"], scores["mse"])


def test_every_layer_is_told() -> None:
    told: list[tuple[str, int, int]] = []

    class Told(Silent):
        def step(self, name: str, done: int, total: int) -> None:
            told.append((name, done, total))

    _, built, _ = quantized(
        "residual", rounding_of_weights="feedback", method="minmax", progress=Told()
    )
    assert len(told) == len(layers(built))
    assert [name for name, _, _ in told] == ["round weights"] * len(told)
    assert all(done <= total for _, done, total in told)
