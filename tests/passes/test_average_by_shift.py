"""The fixed recipe divides by powers of two only, and the network computes what it did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from networks import Net
from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Array
from qfxc.ops.avgpool import AvgPool
from qfxc.passes.average_by_shift import AverageByShift
from qfxc.passes.base import override, run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize
from qfxc.quantize.recipes import recipe
from qfxc.sim import simulate


def network() -> tuple[Graph, Array]:
    net = Net(7, (7, 5, 4))
    a = net.relu(net.conv(net.x, 6, kernel=1))
    return net.done(net.dense(net.flat(Node(AvgPool((7, 5), (1, 1)), (a,), "pool")), 3))


def test_same_function() -> None:
    graph, frames = network()
    (before,) = simulate(graph, [frames.astype(np.float64)])
    changed = AverageByShift(enabled=True).run(graph)
    (after,) = simulate(changed, [frames.astype(np.float64)])
    assert np.allclose(before, after, rtol=1e-12)
    assert AverageByShift().run(graph) is graph


def test_fixed_recipe_has_shifts_only() -> None:
    graph, frames = network()
    steps = override(pipeline(), recipe("fixed").passes)
    steps = tuple(replace(s, frames=(frames,)) if isinstance(s, Quantize) else s for s in steps)
    stems = {n.op.stem for n in run_passes(graph, steps).nodes()}
    assert "shift" in stems
    assert not stems & {"dyadic", "csd", "compare"}
