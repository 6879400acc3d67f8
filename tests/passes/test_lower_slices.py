"""Slices of more axes than the kernel has counters for."""

from __future__ import annotations

import numpy as np

from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Int
from qfxc.ops.input import Input
from qfxc.ops.slice import MOST_AXES, Slice
from qfxc.passes.lower import Lower
from qfxc.sim import simulate


def test_slices_of_many_axes() -> None:
    """Seven axes cut with steps become slices of at most four, and keep every element."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        rank = int(rng.integers(5, 8))
        shape = tuple(int(n) for n in rng.integers(2, 5, rank))
        starts = tuple(int(rng.integers(0, n)) for n in shape)
        stops = tuple(int(rng.integers(a + 1, n + 1)) for a, n in zip(starts, shape, strict=True))
        steps = tuple(int(s) for s in rng.integers(1, 3, rank))
        x = Node(Input(shape, Int(-128, 127)), (), "x")
        graph = Graph("net", (x,), (Node(Slice(starts, stops, steps), (x,), "y"),), (), ())
        lowered = Lower().run(graph)
        for node in lowered.nodes():
            if isinstance(node.op, Slice):
                assert len(node.op.box(node)) == MOST_AXES
        codes = rng.integers(-128, 128, (2, *shape))
        spans = zip(starts, stops, steps, strict=True)
        want = codes[(slice(None), *(slice(*span) for span in spans))]
        assert np.array_equal(simulate(lowered, [codes])[0], want)
