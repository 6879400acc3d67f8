"""Adder graphs: equal to their matrix, within range and depth, never dearer than unshared."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qfxc.adders.build import call
from qfxc.adders.digits import canonical, digit_counts
from qfxc.adders.graph import Adder, AdderGraph, Term
from qfxc.adders.solve import least_depth, solve
from qfxc.errors import InternalError, UserError
from qfxc.ir.types import Int

BYTE = Int(-128, 127)
EASY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def problems(draw: st.DrawFn) -> tuple[NDArray[np.int64], list[Int]]:
    """A matrix of 1..17-bit weights with zero, equal, negated and power-of-two columns."""
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    edge = 1 << draw(st.integers(0, 16))
    weights = st.one_of(st.integers(-edge, edge), st.sampled_from([0, 1, -1, edge, -edge]))
    matrix = np.array(draw(st.lists(weights, min_size=rows * columns, max_size=rows * columns)))
    matrix = matrix.reshape(rows, columns)
    for column in range(1, columns):
        factor = draw(st.sampled_from([None, None, 0, 1, -1, 4]))
        if factor is not None:
            matrix[:, column] = matrix[:, 0] * factor
    ends = st.tuples(st.integers(-300, 300), st.integers(-300, 300))
    ranges = [draw(ends) for _ in range(rows)]
    return matrix.astype(np.int64), [Int(min(r), max(r)) for r in ranges]


def corners(inputs: list[Int]) -> NDArray[np.int64]:
    return np.array(list(product(*((x.lo, x.hi) for x in inputs))), np.int64)


def plain(matrix: NDArray[np.int64], inputs: list[Int]) -> AdderGraph:
    """Nothing shared: every column a balanced tree of its canonical signed digits."""
    adders: list[Adder] = []
    outputs: list[Term | None] = []
    for column in matrix.T:
        terms = [
            Term(row, position, sign < 0)
            for row, weight in enumerate(column)
            for position, sign in canonical(int(weight))
        ]
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=False)
            rest = terms[len(terms) & ~1 :]
            terms = [append_sum(a, b, adders, len(inputs)) for a, b in pairs] + rest
        outputs.append(terms[0] if terms else None)
    return AdderGraph(tuple(inputs), tuple(adders), tuple(outputs))


def append_sum(a: Term, b: Term, adders: list[Adder], inputs: int) -> Term:
    """Appends an adder of two terms; a sum of two negative ones is the negative of their sum."""
    shift = min(a.shift, b.shift)
    both = a.negative and b.negative
    adders.append(
        Adder(
            Term(a.node, a.shift - shift, a.negative and not both),
            Term(b.node, b.shift - shift, b.negative and not both),
        )
    )
    return Term(inputs + len(adders) - 1, shift, both)


@EASY
@given(problems())
def test_a_graph_multiplies_by_its_matrix(problem: tuple[NDArray[np.int64], list[Int]]) -> None:
    matrix, inputs = problem
    graph = solve(matrix, inputs)
    assert np.array_equal(graph.matrix(), matrix)
    x = corners(inputs)
    assert np.array_equal(graph.run(x), x @ matrix)
    assert graph.cost <= plain(matrix, inputs).cost
    assert len(graph.outputs) == matrix.shape[1]


@EASY
@given(problems())
def test_ranges_are_reached_and_zeros_hold(problem: tuple[NDArray[np.int64], list[Int]]) -> None:
    """A linear form takes its extremes at the corners of its inputs' ranges."""
    matrix, inputs = problem
    graph = solve(matrix, inputs)
    every = AdderGraph(graph.inputs, graph.adders, tuple(map(Term, range(len(graph.ranges())))))
    values = every.run(corners(inputs))
    for column, proven in zip(values.T, graph.ranges(), strict=True):
        assert (column.min(), column.max()) == (proven.lo, proven.hi)
        assert not (column & ((1 << proven.zeros) - 1)).any()


@EASY
@given(problems(), st.integers(0, 3))
def test_depth_is_kept(problem: tuple[NDArray[np.int64], list[Int]], more: int) -> None:
    matrix, inputs = problem
    limit = least_depth(matrix) + more
    graph = solve(matrix, inputs, depth=limit)
    assert max(graph.depth()) <= limit
    if limit:
        with pytest.raises(UserError, match=f"these weights need {limit - more} levels"):
            solve(matrix, inputs, depth=limit - more - 1)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
@pytest.mark.parametrize("size", [(16, 16), (1, 30), (30, 1), (9, 24)])
def test_random_matrices(bits: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(bits)
    matrix = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), size)
    inputs = [BYTE, Int(0, 15), Int(-3, 200)] * 10
    graph = solve(matrix, inputs[: size[0]])
    x = np.column_stack([rng.integers(i.lo, i.hi + 1, 50) for i in graph.inputs])
    assert np.array_equal(graph.run(x), x @ matrix)
    assert graph == solve(matrix, graph.inputs)
    assert graph.cost <= plain(matrix, graph.inputs).cost


@EASY
@given(problems())
def test_the_core_counts_what_the_graph_costs(problem: tuple[NDArray[np.int64], list[Int]]) -> None:
    matrix, inputs = problem
    low, high = (np.array(ends) for ends in zip(*((x.lo, x.hi) for x in inputs), strict=True))
    digits = digit_counts(matrix).sum(axis=0)
    depth = least_depth(matrix) + 1
    adders, outputs, cost = call(matrix, low, high, depth, 3, int(digits.sum()))
    graph = AdderGraph(tuple(inputs), adders, outputs)
    assert np.array_equal(graph.matrix(), matrix)
    assert cost == graph.cost


def test_more_effort_costs_no_more() -> None:
    matrix = np.random.default_rng(1).integers(-32, 32, (12, 12))
    costs = [solve(matrix, [BYTE] * 12, effort=effort).cost for effort in (1, 2, 4)]
    assert costs == sorted(costs, reverse=True)


def test_sharing_finds_the_known_optimum() -> None:
    """45 x = 5 (9 x): two adders, against three of its signed digits 1 0 -1 0 -1 0 1."""
    graph = solve(np.array([[45]]), [BYTE])
    assert len(plain(np.array([[45]]), [BYTE]).adders) == 3
    assert len(graph.adders) == 2
    both = solve(np.array([[1, 1], [1, 1]]), [BYTE] * 2)
    assert len(both.adders) == 1
    assert both.outputs == (Term(2), Term(2))


@given(st.integers(-(2**40), 2**40))
def test_canonical_digits(value: int) -> None:
    digits = canonical(value)
    assert sum(sign << place for place, sign in digits) == value
    places = [place for place, _ in digits]
    assert all(b - a >= 2 for a, b in pairwise(places))
    assert len(digits) == (abs(3 * value) ^ abs(value)).bit_count()
    assert digit_counts(np.array([value])) == len(digits)


def test_price_of_adders() -> None:
    """What Yosys 0.66's xcup mapping takes for single adders, LUTs and inverters."""

    def price(a: Term, b: Term, *inputs: Int) -> int:
        return AdderGraph(inputs, (Adder(a, b),), ()).cost

    assert price(Term(0), Term(1), BYTE, BYTE) == 8  # bit 8 is driven by the LUT of bit 7
    assert price(Term(0), Term(1, 3), BYTE, BYTE) == 8  # three bits pass through
    assert price(Term(0), Term(1, 10), BYTE, BYTE) == 8
    assert price(Term(0), Term(1, 3, True), BYTE, BYTE) == 9
    assert price(Term(0), Term(1, 2, True), Int(-2000, 2000), BYTE) == 11
    assert price(Term(0, 0, True), Term(1, 3), BYTE, BYTE) == 11  # borrows from the lowest bit
    assert price(Term(0), Term(1), Int(0, 255), BYTE) == 9
    assert price(Term(0), Term(1, 0, True), Int(0, 255), Int(0, 255)) == 10
    assert price(Term(0), Term(1, 4), Int(0, 15), BYTE) == 0  # {b, a}


def test_negated_and_missing_outputs() -> None:
    adders = (Adder(Term(0), Term(1, 1)), Adder(Term(2), Term(0, 0, True)))
    graph = AdderGraph((BYTE, BYTE), adders, (Term(3, 2, True), None))
    assert graph.depth() == (0, 0, 1, 2)
    assert graph.matrix().tolist() == [[0, 0], [-8, 0]]
    assert graph.ranges()[3].zeros == 1
    assert graph.cost == 8 + 10 + 9


def test_broken_graphs_are_refused() -> None:
    with pytest.raises(ValueError, match="comes later"):
        AdderGraph((BYTE,), (Adder(Term(1), Term(0)),), ())
    with pytest.raises(ValueError, match="does not exist"):
        AdderGraph((BYTE,), (), (Term(1),))
    with pytest.raises(ValueError, match="one operand"):
        Adder(Term(0, 0, True), Term(0, 1, True))
    with pytest.raises(ValueError, match="shifted by -1"):
        Term(0, -1)
    with pytest.raises(InternalError, match="62 bits"):
        AdderGraph((BYTE,), (), (Term(0, 60),))


@pytest.mark.parametrize("depth", [6, 62, 63, 64, 70, 1000])
def test_any_depth_that_is_enough(depth: int) -> None:
    matrix = np.random.default_rng(3).integers(-8, 8, (5, 4))
    assert np.array_equal(solve(matrix, [BYTE] * 5, depth=depth).matrix(), matrix)


def test_any_layout_of_integers() -> None:
    matrix = np.random.default_rng(4).integers(-8, 8, (5, 4))
    low, high = np.full(5, -128, np.int32), np.full(5, 127, np.int32)
    for other in (np.asfortranarray(matrix), matrix.astype(np.int8), matrix[::-1][::-1]):
        adders, outputs, _ = call(other, low, high, 8, 3, 100)
        assert np.array_equal(AdderGraph((BYTE,) * 5, adders, outputs).matrix(), matrix)
        assert solve(other, [BYTE] * 5) == solve(matrix, [BYTE] * 5)


@pytest.mark.parametrize(
    ("matrix", "inputs"),
    [
        (np.ones((6, 5), np.int64), 3),
        (np.ones((2, 2)), 2),
        (np.ones(3, np.int64), 3),
    ],
)
def test_other_arrays_are_refused(matrix: NDArray[np.int64], inputs: int) -> None:
    with pytest.raises(UserError, match="a matrix of integers, a row per input"):
        solve(matrix, [BYTE] * inputs)


def test_wide_weights_are_refused() -> None:
    with pytest.raises(UserError, match="24 bits"):
        solve(np.array([[1 << 24]]), [BYTE])
