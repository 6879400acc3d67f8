"""Short factors give the codes of exact ones, on every pair."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int, Scale, exact
from qfxc.ops.add import Add
from qfxc.ops.input import Input
from qfxc.ops.shift import Shift
from qfxc.ops.staircase import Staircase
from qfxc.passes.join_factors import JoinFactors
from qfxc.passes.rescale import Rescale
from qfxc.sim import simulate

ALL = np.arange(-128, 128)


def joined(seed: int, sign: int = 1, relu: bool = False) -> Graph:
    """All pairs of 8-bit codes, in float32 scales, to 8 bits with a zero point."""
    rng = np.random.default_rng(seed)
    a, b, c = (exact(np.float32(v)) for v in rng.uniform(0.01, 0.1, 3))
    ratio = a / b
    left = Node(Input((256,), Int(-128, 127, Scale.of(a))), (), "a")
    right = Node(Input((256,), Int(-100, 155, Scale.of(b))), (), "b")
    join = Node(Add(ratio.numerator, sign * ratio.denominator), (left, right), "sum")
    unit = a / ratio.numerator
    line = Piecewise.linear(unit / c)
    line = line.clip(Fraction(0), None) if relu else line
    y = Node(Staircase((line,), Rounding.HALF_EVEN, Int(-140, 115, Scale.of(c))), (join,), "y")
    ports = (Port("a", (256,), (0,)), Port("b", (256,), (0,)))
    return Graph("g", (left, right), (y,), ports, (Port("y", (256,), (0,)),))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("seed", range(4))
def test_every_pair_of_codes(seed: int, sign: int, relu: bool) -> None:
    graph = joined(seed, sign, relu)
    x = np.repeat(ALL[:, None], 256, axis=1)
    y = np.repeat(ALL[None] + 28, 256, axis=0)
    short = JoinFactors().run(graph)
    (result,) = short.outputs
    join = result.inputs[0].op
    assert isinstance(join, Add)
    assert max(abs(join.kx), abs(join.ky)).bit_length() <= 22
    assert result.type == graph.outputs[0].type
    final = Rescale().run(short)
    assert isinstance(final.outputs[0].op, Shift)
    want = simulate(graph, [x, y])[0]
    assert len(np.unique(want)) > 50
    for g in (short, final):
        assert np.array_equal(simulate(g, [x, y])[0], want)


def test_short_factors_and_shared_sums_stay() -> None:
    graph = joined(0)
    assert JoinFactors(bits=40).run(graph) == graph
    both = Graph(
        "g", graph.inputs, (*graph.outputs, graph.outputs[0].inputs[0]), graph.in_ports,
        (*graph.out_ports, Port("s", (256,), (0,))),
    )  # fmt: skip
    assert JoinFactors().run(both) == both
