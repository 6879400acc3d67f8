"""Where quantization hurts: rows, what they are measured with, and that they find the culprit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from networks import NETWORKS
from qfxc.ir.graph import Graph
from qfxc.ir.types import Array
from qfxc.ops.quantize import Quantize as QuantizeOp
from qfxc.passes.base import Pass, override, run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize
from qfxc.quantize.damage import Damages, damages, only
from qfxc.quantize.error import sqnr_db
from qfxc.sim import simulate


def stages(network: str, passes: str = "") -> tuple[Graph, Graph, Graph, list[Array]]:
    """The real, the QDQ and the integer graph, and frames."""
    graph, frames = NETWORKS[network]()
    kept: dict[str, Graph] = {}

    def hook(step: Pass, before: Graph, after: Graph) -> None:
        kept[step.name] = after
        if step.name == "quantize":
            kept["real"] = before

    steps = tuple(
        replace(s, frames=(frames,)) if isinstance(s, Quantize) else s
        for s in override(pipeline(), passes)
    )
    run_passes(graph, steps, hook)
    return kept["real"], kept["quantize"], kept["rescale"], [frames]


def table(network: str, passes: str = "") -> Damages:
    return damages(*stages(network, passes))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("passes", ["", "quantize{weights=3,activations=12}"])
def test_with_everything_off_it_is_the_real_graph(network: str, passes: str) -> None:
    real, qdq, _, frames = stages(network, passes)
    for a, b in zip(*(simulate(g, frames) for g in (real, only(real, qdq, ()))), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("network", NETWORKS)
def test_with_everything_on_it_is_the_quantized_graph(network: str) -> None:
    real, qdq, _, frames = stages(network)
    on = {n.name for n in qdq.nodes()}
    for a, b in zip(*(simulate(g, frames) for g in (qdq, only(real, qdq, on))), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_quantized_value_has_a_row(network: str) -> None:
    real, qdq, integer, frames = stages(network)
    found = damages(real, qdq, integer, frames)
    points = [n.inputs[0].name for n in qdq.nodes() if isinstance(n.op, QuantizeOp)]
    assert sorted(row.name for row in found.rows) == sorted(points)
    alone = [row.alone_db for row in found.rows]
    assert alone == sorted(alone)
    assert found.frames == len(frames[0])
    assert found == damages(real, qdq, integer, frames)


def test_the_sqnr_of_an_output_is_that_of_the_network() -> None:
    real, qdq, integer, frames = stages("residual")
    rows = {row.name: row for row in damages(real, qdq, integer, frames).rows}
    row = rows[real.outputs[0].name]
    frames = [x.astype(np.float64) for x in frames]
    # the quantizers of inputs and outputs do in float64 what the integer network does
    (expected,), (got,) = simulate(real, frames), simulate(qdq, frames)
    assert row.sqnr_db == pytest.approx(sqnr_db(expected, got), abs=1e-9)
    assert (row.layer, row.weight_bits, row.bits) == (row.name, 8, 16)


def test_fewer_bits_hurt_where_they_are() -> None:
    fine, coarse = table("residual"), table("residual", "quantize{weights=2}")
    before = {row.name: row for row in fine.rows}
    for row in coarse.rows:
        if row.layer is None:  # no weights: as good as before
            assert row.weight_bits is None
            assert row.alone_db == pytest.approx(before[row.name].alone_db, abs=3)
        else:
            assert row.weight_bits == 2
            assert row.alone_db < before[row.name].alone_db - 10
