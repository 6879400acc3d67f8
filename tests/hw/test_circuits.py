"""Circuits of adders in a plan: priced without solving them, solved where they were chosen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from qfxc.adders.estimate import digit_counts, estimate
from qfxc.adders.solve import solve
from qfxc.hw.board import Board, load
from qfxc.hw.cost import kernel_cost, netlist_cost
from qfxc.hw.design import Design, design
from qfxc.hw.space import price, space, with_circuits
from qfxc.ir.circuit import Circuit
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.kernel import Cost, Fold, KernelOp, Variant
from qfxc.ir.types import Int
from qfxc.ops import _adders
from qfxc.ops._samples import source
from qfxc.ops.const import int_const
from qfxc.ops.matvec import MatVec
from qfxc.ops.shift import Shift

BOARD = load("ultra96")
INT4 = Int(-8, 7)


def layers(*widths: int) -> Graph:
    """Dense layers of 4-bit weights one behind the other, on frames of 64 vectors."""
    rng = np.random.default_rng(1)
    x = node = source((64, widths[0]), INT4)
    for number, (k, m) in enumerate(pairwise(widths)):
        codes = int_const(rng.integers(-8, 8, (1, k, m)), INT4, f"w{number}")
        node = Node(MatVec(), (node, codes), f"fc{number}")
    port = Port("x", x.type.shape, tuple(range(len(x.type.shape))))
    return Graph("layers", (x,), (node,), (port,), (replace(port, name="y"),))


def luts(count: int) -> Board:
    part = replace(BOARD.part, lut=count, ff=10 * count)
    return replace(BOARD, part=part, fractions=(1.0, 1.0, 1.0, 1.0), bandwidth=1e12)


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the matrices that are solved from here on."""
    shapes: list[tuple[int, ...]] = []

    def counting(matrix: np.ndarray, inputs: list[Int]) -> object:
        shapes.append(matrix.shape)
        return solve(matrix, inputs)

    _adders._solved.cache_clear()
    monkeypatch.setattr(_adders, "solve", counting)
    return shapes


def trees(found: Design) -> list[str]:
    return [row.name for row in found.plan.rows if row.fold.variant is Variant.TREE]


def test_a_price_solves_nothing(solved: list[tuple[int, ...]]) -> None:
    space(layers(8, 12, 16, 4))
    assert not solved


def test_only_chosen_circuits_are_solved(solved: list[tuple[int, ...]]) -> None:
    found = design(layers(8, 12, 16, 4), luts(100_000), 200.0, name="layers")
    assert found.plan.interval == 64  # a vector per cycle
    assert 0 < len(solved) == len(trees(found))


def test_the_budget_holds_at_the_price_of_the_netlist(solved: list[tuple[int, ...]]) -> None:
    """From too few LUTs for circuits to enough for all: what comes back fits, and every layer is
    solved once at most."""
    graph = layers(8, 12, 16, 4)
    most = design(graph, luts(100_000), 200.0, name="layers").plan.cost.lut
    solved.clear()
    _adders._solved.cache_clear()
    for count in range(most // 4, most, most // 6):
        found = design(graph, luts(count), 200.0, name="layers")
        rows = sum((row.cost for row in found.plan.rows), Cost())
        assert found.plan.cost == netlist_cost(found.netlist) == rows + found.plan.glue
        assert found.plan.cost.lut <= count
    assert len(solved) == len(set(solved)) <= 3


def test_the_same_design_whatever_was_solved_before() -> None:
    graph, board = layers(8, 12, 16, 4), luts(1_500)
    _adders._solved.cache_clear()
    first = design(graph, board, 200.0, name="layers").plan
    assert design(graph, board, 200.0, name="layers").plan == first


def test_rescales_are_in_the_price_of_their_circuit() -> None:
    """One instance for a layer and its rescale; the rescale's own row is empty, nothing is lost."""
    plain = layers(8, 12)
    rescaled = Node(Shift((0,), (4,), 3, INT4), plain.outputs, "relu")
    graph = replace(plain, outputs=(rescaled,))
    pinned = {"fc0": Fold(8, 12, Variant.TREE), "relu": Fold(12, 12)}
    found = design(graph, luts(100_000), 200.0, name="layers", pinned=pinned)
    (instance,) = found.netlist.instances
    layer, relu = found.plan.rows
    assert instance.nodes == (layer.name, relu.name) == ("fc0", "relu")
    assert layer.cost == kernel_cost(instance.kernel)
    assert relu.cost == Cost()
    assert found.plan.cost == netlist_cost(found.netlist) == layer.cost + found.plan.glue


def test_a_known_price_replaces_the_estimate() -> None:
    known = Cost(lut=7, ff=5)
    options = with_circuits(space(layers(8, 4)), {"fc0": known}).options["fc0"]
    for fold in options.folds:
        tree = fold.variant is Variant.TREE
        assert options.at(fold)[1] == (known if tree else price(options.node, fold))


def test_digits_are_counted() -> None:
    """7 = 8 - 1, 11 = 8 + 4 - 1, -85 = -(64 + 16 + 4 + 1)."""
    values = np.array([[0, 1, -4, 7], [11, 3, -85, 128]])
    assert digit_counts(values).tolist() == [[0, 1, 1, 2], [3, 2, 4, 1]]


@pytest.mark.parametrize(("k", "m"), [(9, 16), (16, 10), (27, 8), (40, 16)])
@pytest.mark.parametrize("bits", [3, 5, 8])
def test_estimates_are_near_what_is_solved(k: int, m: int, bits: int) -> None:
    w, x = Int.of_bits(bits, signed=True), Int(-128, 127)
    matrix = np.random.default_rng(bits).integers(w.lo, w.hi + 1, (k, m))
    found, graph = estimate(matrix[None], x), solve(matrix, [x] * k)
    assert abs(found.adders / len(graph.adders) - 1) < 0.2
    assert abs(found.bits / graph.cost - 1) < 0.25
    assert found.depth >= max(graph.depth())


def test_blocks_add_up() -> None:
    matrices = np.random.default_rng(0).integers(-8, 8, (3, 9, 2))
    parts = [estimate(matrix[None], INT4) for matrix in matrices]
    whole = estimate(matrices, INT4)
    assert whole.adders == pytest.approx(sum(part.adders for part in parts))
    assert whole.bits == pytest.approx(sum(part.bits for part in parts))


def test_wires_need_no_adders() -> None:
    diagonal = np.diag([1, 2, -4])
    assert (found := estimate(diagonal[None], INT4)).adders == found.bits == found.depth == 0


def test_the_circuit_itself_has_its_own_price() -> None:
    node = layers(8, 12).outputs[0]
    assert isinstance(node.op, KernelOp)
    kernel = node.op.kernel(node, Fold(8, 12, Variant.TREE))
    assert kernel.body is not None
    assert isinstance(kernel.body.circuit, Circuit)
    assert kernel.structure["AdderBits"] == kernel.body.circuit.counts["AdderBits"]
    assert kernel_cost(kernel).lut > 0
