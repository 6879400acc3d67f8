"""Rewriting integer nodes as kernels."""

from __future__ import annotations

import numpy as np
import pytest

from qfxc.hw.constant import hardware
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Int
from qfxc.ops.concat import MOST_INPUTS, Concat
from qfxc.ops.input import Input
from qfxc.ops.transpose import Transpose
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


@pytest.mark.parametrize(
    ("shape", "perm", "count"),
    [
        ((3, 4, 3, 2, 2), (0, 3, 1, 4, 2), 1),  # a pixel shuffle: rows are blocks
        ((2, 3, 2, 3, 2), (4, 3, 2, 1, 0), 2),
        ((2, 1, 3, 2, 3, 2), (5, 1, 4, 3, 2, 0), 2),
        ((2, 3, 2, 2, 2, 3), (5, 4, 3, 2, 1, 0), 3),
        ((2, 3, 2, 2, 2, 3, 2), (0, 6, 1, 5, 3, 2, 4), 2),
    ],
)
def test_transpositions_of_many_axes_are_several(
    shape: tuple[int, ...], perm: tuple[int, ...], count: int
) -> None:
    x = Node(Input(shape, Int(-99, 99)), (), "x")
    turned = Node(Transpose(perm), (x,), "turned")
    axes = tuple(range(len(shape)))
    ports = (Port("x", shape, axes),), (Port("y", turned.type.shape, axes),)
    graph = Graph("g", (x,), (turned,), *ports)
    lowered = Lower().run(graph)
    steps = [node for node in lowered.nodes() if isinstance(node.op, Transpose)]
    assert len(steps) == count
    for node in steps:
        kernel = hardware(node).kernel(node, hardware(node).folds(node)[0])
        sizes = [kernel.params[name] for name in ("Blocks", "D0", "D1", "D2", "D3")]
        assert np.prod(sizes) == x.type.size
    frames = [np.random.default_rng(0).integers(-99, 100, (3, *shape))]
    before, after = simulate(graph, frames), simulate(lowered, frames)
    assert np.array_equal(before[0], after[0])
    assert lowered.outputs[0].name == "turned"
