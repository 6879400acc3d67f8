"""Every form of a staircase against exact rational evaluation, on every code of its range."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, walk_up
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.cast import Cast
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.input import Input
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale import Rescale
from qfxc.passes.rescale_forms import signed_digits
from qfxc.sim import simulate

KINDS = ("plain", "relu", "prelu", "falling")


def functions(rng: np.random.Generator, kind: str, channels: int) -> tuple[Piecewise, ...]:
    out = []
    for c in range(channels):
        slope = Fraction(float(np.float32(rng.uniform(0.01, 0.5))))
        p = Piecewise.linear(slope, Fraction(float(rng.normal() * 5)))
        if kind == "relu":
            p = p.clip(Fraction(0), None)
        elif kind == "prelu":
            p = p.prelu(Fraction(float(np.float32(rng.uniform(0.05, 0.9)))))
        elif kind == "falling" and c % 2 == 0:
            p = p.affine(Fraction(-1), Fraction(0))
        out.append(p)
    return tuple(out)


def chosen(op: Staircase, x: Int, channels: int) -> Node:
    source = Node(Input((channels,), x), (), "x")
    graph = Graph("g", (source,), (Node(op, (source,), "y"),), (), ())
    return Rescale().run(graph).outputs[0]


def definition(op: Staircase, x: Int) -> np.ndarray:
    """Straight from the formula, one rational at a time: (codes, channels)."""
    codes = range(x.lo, x.hi + 1)
    rows = [[op.rounding.round(f.at(v)) for f in op.pieces] for v in codes]
    return np.clip(np.array(rows), op.elem.lo, op.elem.hi)


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("kind", KINDS)
def test_forms_reproduce_every_step(kind: str, mode: Rounding, bits: int) -> None:
    rng = np.random.default_rng([KINDS.index(kind), list(Rounding).index(mode), bits])
    channels, reach = int(rng.integers(1, 5)), int(rng.integers(20, 1500))
    x = Int(-reach, int(rng.integers(1, reach)))
    op = Staircase(functions(rng, kind, channels), mode, Int.of_bits(bits, bool(rng.integers(2))))
    codes = np.repeat(np.arange(x.lo, x.hi + 1)[:, None], channels, axis=1)
    expected = definition(op, x)
    node = chosen(op, x, channels)
    assert node.op.stem != "staircase"
    assert np.array_equal(
        op.run(Node(op, (Node(Input((channels,), x), (), "x"),), "y"), codes), expected
    )
    assert np.array_equal(run(node, codes), expected)


def of_few_ones(rng: np.random.Generator, ones: int) -> Fraction:
    """A sum of ``ones`` signed powers of two, neighbours aside, of either sign."""
    places = rng.choice(np.arange(0, 9, 2), ones, replace=False)
    signs = rng.choice((-1, 1), ones)
    total = sum(Fraction(int(s), 2 << int(p)) for s, p in zip(signs, places, strict=True))
    return Fraction(total) / int(rng.integers(1, 3)) ** 2


@pytest.mark.parametrize("bits", [3, 8, 12])
@pytest.mark.parametrize("ones", [1, 2, 3])
@pytest.mark.parametrize("bent", [False, True])
def test_slopes_of_few_ones_take_factors_of_few_ones(bent: bool, ones: int, bits: int) -> None:
    """Channels that rise, fall, and do both: exact, with as many powers of two as the slopes."""
    rng = np.random.default_rng([bent, ones, bits])
    x, channels, pieces = Int(-1500, 1700), 4, []
    for _ in range(channels):
        p = Piecewise.linear(of_few_ones(rng, ones), Fraction(float(rng.normal() * 5)))
        pieces.append(p.prelu(Fraction(1, 4)).clip(Fraction(-90), None) if bent else p)
    op = Staircase(tuple(pieces), Rounding.HALF_UP, Int.of_bits(bits, signed=True))
    source = Node(Input((channels,), x), (), "x")
    graph = Graph("g", (source,), (Node(op, (source,), "y"),), (), ())
    node = Rescale(multiply=False, digits=ones).run(graph).outputs[0]
    codes = np.repeat(np.arange(x.lo, x.hi + 1)[:, None], channels, axis=1)
    assert np.array_equal(run(node, codes), definition(op, x))
    factors = [
        a for n in walk_up(node) if isinstance(n.op, Dyadic) for part in n.op.a for a in part
    ]
    assert max((len(signed_digits(a)) for a in factors), default=0) <= ones


def run(node: Node, codes: np.ndarray) -> np.ndarray:
    """What ``node`` gives for the codes of the only input behind it."""
    (source,) = (n for n in walk_up(node) if isinstance(n.op, Input))
    return simulate(Graph("g", (source,), (node,), (), ()), [codes])[0]


def one(slope: Fraction, x: Int, bits: int, intercept: Fraction = Fraction(0)) -> Node:
    op = Staircase((Piecewise.linear(slope, intercept),), Rounding.HALF_UP, Int.of_bits(bits, True))
    return chosen(op, x, 1)


@pytest.mark.parametrize(
    ("slope", "x", "bits", "stem"),
    [
        (Fraction(1, 64), Int(-5000, 5000), 8, "shift"),
        (Fraction(3, 256), Int(-9000, 9000), 8, "csd"),
        (Fraction(0.0123456789), Int(-9000, 9000), 8, "dyadic"),
        (Fraction(0.0123), Int(-90, 90), 2, "compare"),
        (Fraction(0.77), Int(-128, 127), 8, "table"),
    ],
)
def test_the_cheapest_form_is_chosen(slope: Fraction, x: Int, bits: int, stem: str) -> None:
    assert one(slope, x, bits, Fraction(1, 3)).op.stem == stem


def test_average_of_49_is_exact() -> None:
    """ALGORITHMS c.6: HAWQ-V3's mean + 0.01 trick is not needed; 1/49 has an exact dyadic form."""
    node = one(Fraction(1, 49), Int(0, 255 * 49), 9)
    x = np.arange(255 * 49 + 1)[:, None]
    assert np.array_equal(node.op.run(node, x)[:, 0], (2 * x[:, 0] + 49) // 98)


@given(st.integers(-5000, 5000))
def test_signed_digits(value: int) -> None:
    digits = signed_digits(value)
    powers = [p for _, p in digits]
    assert sum(s << p if s > 0 else -(1 << p) for s, p in digits) == value
    assert all(b - a >= 2 for a, b in pairwise(powers))
    # nonzero digits of the canonical form: popcount((3n) xor n), Reitwiesner 1960
    assert len(digits) == bin((3 * abs(value)) ^ abs(value)).count("1")


def test_59_is_64_minus_4_minus_1() -> None:
    assert signed_digits(59) == ((-1, 0), (-1, 2), (1, 6))


def test_no_exact_form_is_an_error_that_names_the_node() -> None:
    slope = Fraction(-987654321, 8589946937)  # 46 bits of x: beyond what wide products hold
    op = Staircase((Piecewise.linear(slope),), Rounding.ZERO, Int.of_bits(32, True))
    with pytest.raises(UserError, match="no exact form for rounding 'zero'") as caught:
        chosen(op, Int(-(2**45), 2**45), 1)
    assert caught.value.where == "y"


def test_dead_channels_do_not_cost_a_multiplier() -> None:
    """Weights 0 make a constant channel; ReLU keeps it at the lowest code: still only shifts."""
    live, dead = Piecewise.linear(Fraction(1, 32), Fraction(1, 3)), Piecewise.linear(Fraction(0))
    pieces = tuple(p.clip(Fraction(0), None) for p in (live, dead, live))
    op = Staircase(pieces, Rounding.HALF_UP, Int.of_bits(8, False))
    x = Int(-9000, 9000)
    node = chosen(op, x, 3)
    codes = np.repeat(np.arange(x.lo, x.hi + 1)[:, None], 3, axis=1)
    assert node.op.stem == "shift"
    assert np.array_equal(node.op.run(node, codes), definition(op, x))


def test_ties_to_even_are_one_cast() -> None:
    """Power-of-two scales make ties; 63 comparators per channel would be the alternative."""
    op = Staircase((Piecewise.linear(Fraction(1, 32)),), Rounding.HALF_EVEN, Int.of_bits(6, False))
    x = Int(-3000, 3000)
    node = chosen(op, x, 1)
    assert node.op == Cast((0,), (0,), 5, Rounding.HALF_EVEN, Overflow.SAT, Int(0, 63))
    codes = np.arange(x.lo, x.hi + 1)[:, None]
    assert np.array_equal(run(node, codes), definition(op, x))


def test_falling_steps_without_a_line_compare_minus_x() -> None:
    x = Int(-900, 900)
    levels = [Fraction(v) for v in (-500, 3, 100, 104, 107, 108, 700)]
    op = Staircase((Piecewise.linear(Fraction(-1)).steps(levels),), Rounding.FLOOR, Int(0, 7))
    node = chosen(op, x, 1)
    assert [node.op.stem, node.inputs[0].op.stem] == ["compare", "dyadic"]
    codes = np.arange(x.lo, x.hi + 1)[:, None]
    assert np.array_equal(run(node, codes), definition(op, x))
