"""Roundings, overflows and widths that only casts have: every code against the definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from qfxc.ir.graph import Graph, Node, walk_up
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.input import Input
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale import Rescale
from qfxc.sim import simulate

KINDS = ("shift", "channels", "factors", "relu", "prelu", "ninths")


def chosen(op: Staircase, x: Int, channels: int) -> Node:
    source = Node(Input((channels,), x), (), "x")
    return Rescale().run(Graph("g", (source,), (Node(op, (source,), "y"),), (), ())).outputs[0]


def run(node: Node, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    (source,) = (n for n in walk_up(node) if isinstance(n.op, Input))
    return np.asarray(simulate(Graph("g", (source,), (node,), (), ()), [codes])[0])


def expected(op: Staircase, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """From the formula, one rational at a time, with the overflow written out."""

    def code(f: Piecewise, v: int) -> int:
        q, elem = op.rounding.round(f.at(v)), op.elem
        if elem.lo <= q <= elem.hi:
            return q
        if op.overflow is Overflow.ZERO:
            return 0
        if op.overflow is Overflow.SAT:
            return elem.lo if q < elem.lo else elem.hi
        return elem.lo + (q - elem.lo) % (elem.hi - elem.lo + 1)

    return np.array(
        [
            [code(f, int(v)) for f, v in zip(op.pieces * len(row), row, strict=False)]
            for row in codes
        ]
    )


def functions(rng: np.random.Generator, kind: str, channels: int) -> tuple[Piecewise, ...]:
    out = []
    for _ in range(1 if kind == "shift" else channels):
        slope = Fraction(1, 1 << int(rng.integers(0, 6)))
        if kind in ("factors", "prelu"):
            slope *= int(rng.choice([-7, 3, 5, 77]))
        if kind == "ninths":
            slope *= Fraction(int(rng.integers(1, 60)), int(rng.choice([9, 49, 12])))
        f = Piecewise.linear(
            slope, Fraction(int(rng.integers(-99, 99)), int(rng.choice([1, 4, 64, 3])))
        )
        if kind == "relu":
            f = f.clip(Fraction(0), None)
        if kind == "prelu":
            f = f.prelu(Fraction(int(rng.integers(1, 16)), 16))
        out.append(f)
    return tuple(out)


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize("kind", KINDS)
def test_forms_reproduce_every_code(kind: str, overflow: Overflow, mode: Rounding) -> None:
    for bits in (3, 24):
        rng = np.random.default_rng([KINDS.index(kind), list(Rounding).index(mode), bits])
        channels = int(rng.integers(1, 4))
        reach = int(rng.choice([40, 3000, 1 << 20]))
        x = Int(-reach, int(rng.integers(1, reach)))
        elem = Int.of_bits(bits, bool(rng.integers(2)))
        op = Staircase(functions(rng, kind, channels), mode, elem, overflow)
        ends = np.arange(-9, 10)
        some = np.concatenate((rng.integers(x.lo, x.hi + 1, 40), ends, x.lo + ends, x.hi - ends))
        codes = np.repeat(np.clip(some, x.lo, x.hi)[:, None], channels, axis=1)
        node = chosen(op, x, channels)
        assert node.op.stem != "staircase"
        assert np.array_equal(run(node, codes), expected(op, codes)), (node, node.inputs)


@pytest.mark.parametrize(
    ("slope", "intercept", "mode", "overflow", "stems"),
    [
        (Fraction(1, 16), Fraction(0), Rounding.FLOOR, Overflow.SAT, ["shift"]),
        (Fraction(1, 16), Fraction(1, 3), Rounding.HALF_UP, Overflow.SAT, ["shift"]),
        (Fraction(1, 16), Fraction(1, 4), Rounding.HALF_EVEN, Overflow.SAT, ["cast"]),
        (Fraction(4), Fraction(8), Rounding.FLOOR, Overflow.WRAP, ["cast"]),
        (Fraction(77, 16), Fraction(1, 3), Rounding.HALF_UP, Overflow.SAT, ["dyadic"]),
        (Fraction(77, 16), Fraction(1, 3), Rounding.ZERO, Overflow.WRAP, ["cast", "dyadic"]),
        (Fraction(5, 16), Fraction(0), Rounding.HALF_UP, Overflow.ZERO, ["cast", "csd"]),
        (Fraction(1, 49), Fraction(0), Rounding.HALF_EVEN, Overflow.SAT, ["dyadic"]),
        (Fraction(1, 98), Fraction(0), Rounding.HALF_EVEN, Overflow.SAT, ["cast", "dyadic"]),
        (Fraction(1, 16), Fraction(1, 3), Rounding.CEIL, Overflow.SAT, ["shift"]),
        (Fraction(1, 16), Fraction(1, 4), Rounding.HALF_DOWN, Overflow.SAT, ["shift"]),
    ],
)
def test_kernels(
    slope: Fraction, intercept: Fraction, mode: Rounding, overflow: Overflow, stems: list[str]
) -> None:
    op = Staircase((Piecewise.linear(slope, intercept),), mode, Int.of_bits(12, True), overflow)
    node = chosen(op, Int(-(1 << 19), 1 << 19), 1)
    assert [n.op.stem for n in walk_up(node)] == [*stems, "input"]
