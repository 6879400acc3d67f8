"""Rewriting integer nodes as kernels."""

from __future__ import annotations

import numpy as np
import pytest

from qfxc.hw.constant import hardware
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Int
from qfxc.ops.concat import MOST_INPUTS, Concat
from qfxc.ops.input import Input
from qfxc.passes.lower import Lower
from qfxc.sim import simulate


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("count", [2, 8, 9, 15, 16, 30])
def test_long_concats_are_chained(count: int, axis: int) -> None:
    inputs = tuple(Node(Input((2, 3, 4), Int(-i, i + 1)), (), f"x{i}") for i in range(count))
    joined = Node(Concat(axis), inputs, "joined")
    ports = tuple(Port(x.name, x.type.shape, (0, 1, 2)) for x in inputs)
    graph = Graph("g", inputs, (joined,), ports, (Port("y", joined.type.shape, (0, 1, 2)),))
    lowered = Lower().run(graph)
    concats = [node for node in lowered.nodes() if node.op.stem == "concat"]
    assert len(concats) == max(1, -(-(count - 1) // (MOST_INPUTS - 1)))
    for node in concats:
        assert hardware(node).kernel(node, hardware(node).folds(node)[0]).params["N"] <= MOST_INPUTS
    rng = np.random.default_rng(0)
    frames = [rng.integers(x.type.int.lo, x.type.int.hi + 1, (3, *x.type.shape)) for x in inputs]
    before, after = simulate(graph, frames), simulate(lowered, frames)
    assert np.array_equal(before[0], after[0])
    assert lowered.outputs[0].name == "joined"
