"""Rescales whose products exceed 64 bits, against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qfxc.ir.graph import Graph, Node
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.input import Input
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale import Rescale
from qfxc.sim import simulate

LAYER = (-45481113, 45481467)
"""Of the sums of a layer with 16-bit inputs and 8-bit weights."""

JOIN = (0, 561664291419)
"""Of a sum of 16-bit codes in steps whose ratio is a quotient of float32 numbers."""

SCALES = [Fraction(float(np.float32(v))) for v in (0.000771, 0.00913, 0.0000237, 0.0000713)]
SLOPES = {
    "layer": (LAYER, [SCALES[2] * w / SCALES[0] for w in SCALES[1:3]]),
    "falling": (LAYER, [SCALES[2] * SCALES[1] / SCALES[0], -SCALES[2] * SCALES[3] / SCALES[0]]),
    "ties": (JOIN, [Fraction(1, 11769020)]),
    "float_ties": (JOIN, [Fraction(1, 1 << 37) / SCALES[3]]),
}
OFFSETS = (Fraction(7, 3), Fraction(0))
"""The second leaves ties where they are."""


def inputs(op: Staircase, source: Int) -> list[int]:
    """Random ones, and all around thresholds: where the line crosses halves and integers."""
    rng = np.random.default_rng(0)
    found = [int(v) for v in rng.integers(source.lo, source.hi + 1, 300)]
    for piece in op.pieces:
        line = piece.segments[0]
        for twice in rng.integers(2 * op.elem.lo, 2 * op.elem.hi, 300).tolist():
            near = int((Fraction(twice, 2) - line.intercept) / line.slope)
            found += range(near - 2, near + 3)
    return [v for v in (*found, source.lo, source.hi) if source.lo <= v <= source.hi]


CASES = [
    *((kind, rounding, Overflow.SAT) for kind in SLOPES
      for rounding in (Rounding.HALF_EVEN, Rounding.HALF_UP)),
    ("ties", Rounding.ZERO, Overflow.WRAP),
    ("float_ties", Rounding.HALF_AWAY, Overflow.WRAP),
]  # fmt: skip


@pytest.mark.parametrize("offset", OFFSETS, ids=str)
@pytest.mark.parametrize(("kind", "rounding", "overflow"), CASES)
def test_long_lines(kind: str, offset: Fraction, rounding: Rounding, overflow: Overflow) -> None:
    ends, slopes = SLOPES[kind]
    source, elem = Int(*ends), Int(-(1 << 15), (1 << 15) - 1)
    pieces = tuple(Piecewise.linear(s, offset) for s in slopes)
    op = Staircase(pieces, rounding, elem, overflow)
    x = Node(Input((len(pieces),), source), (), "x")
    stairs = Node(op, (x,), "y")
    graph = Graph("net", (x,), (stairs,), (), ())
    made = Rescale().run(graph)
    assert not any(isinstance(n.op, Staircase) for n in made.nodes())
    codes = inputs(op, source)
    array = np.repeat(np.array(codes, np.int64)[:, None], len(pieces), axis=1)
    (got,) = simulate(made, [array])
    for channel, slope in enumerate(slopes):
        want = [overflow.apply(rounding.round(slope * v + offset), elem) for v in codes]
        assert got[:, channel].tolist() == want
