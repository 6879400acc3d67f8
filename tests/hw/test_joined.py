"""Rescales inside circuits of adders: what a plan thinks they cost, and that it counts on it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from test_circuits import INT4, layers, luts, trees

from qfxc.hw.cost import kernel_cost
from qfxc.hw.design import design
from qfxc.hw.joined import _words, extra
from qfxc.hw.program import Program
from qfxc.hw.space import Space, cost_row, price, space
from qfxc.ir.circuit import Sum
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Cost, Fold, KernelOp, Variant
from qfxc.ir.overflow import Overflow
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.cast import Cast
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.shift import Shift

TREE = Fold(8, 12, Variant.TREE, 4)
RESCALES: dict[str, tuple[KernelOp, Fold]] = {
    "shift": (Shift((0,), (4,), 3, INT4), Fold(12, 12)),
    "cast": (Cast((0,), (0,), 3, Rounding.HALF_EVEN, Overflow.SAT, INT4), Fold(12, 12)),
    "dyadic": (
        Dyadic((tuple(range(33, 57, 2)),), ((9,),), (), 9, Int(0, 15)),
        Fold(12, 12, Variant.LUT),
    ),
}


def followed(op: KernelOp) -> tuple[Graph, Node, Node]:
    plain = layers(8, 12)
    (layer,) = plain.outputs
    rescale = Node(op, (layer,), "rescale")
    return replace(plain, outputs=(rescale,)), layer, rescale


@pytest.mark.parametrize("name", RESCALES)
def test_the_extra_is_near_what_the_circuit_costs_more(name: str) -> None:
    op, fold = RESCALES[name]
    _, layer, rescale = followed(op)
    assert isinstance(layer.op, KernelOp)
    kernel = layer.op.kernel(layer, TREE)
    longer = op.behind(rescale, fold, kernel)
    assert longer is not None
    real, found = kernel_cost(longer) - kernel_cost(kernel), extra(layer, TREE, rescale, fold)
    assert found is not None
    assert 0.6 < found.lut / real.lut < 1.4
    assert abs(found.ff - real.ff) < price(rescale, fold).ff


SIGNS = (Int(3, 9), Int(-9, -3), Int(-3, 9), Int(0, 0), Int(5, 5), Int(-4, 0))


@pytest.mark.parametrize("x", SIGNS, ids=str)
def test_the_words_have_the_range_of_the_layer(x: Int) -> None:
    for y in (*SIGNS, Int(-100, -3), Int(3, 90), Int(-1000, 1000)):
        for circuit in (_words(x, y, 1), _words(x, y, 2)):
            made = [w.elem for w in circuit.wires]
            for n, wire in enumerate(circuit.wires):
                if isinstance(wire, Sum):
                    terms = [made[t.wire] for t in wire.terms]
                    assert (sum(t.lo for t in terms), sum(t.hi for t in terms)) == (
                        made[n].lo,
                        made[n].hi,
                    )
            assert [made[o.wire] for o in circuit.outputs if o] == [y] * len(circuit.outputs)


def test_what_cannot_join_has_no_extra() -> None:
    op, _ = RESCALES["dyadic"]
    _, layer, rescale = followed(op)
    assert extra(layer, TREE, rescale, Fold(12, 12, Variant.DSP)) is None
    assert extra(layer, TREE, rescale, Fold(6, 6, Variant.LUT)) is None
    assert extra(layer, Fold(8, 12, Variant.LUT), rescale, Fold(12, 12, Variant.LUT)) is None


def test_second_readers_and_outputs_stay_apart() -> None:
    graph, layer, rescale = followed(RESCALES["shift"][0])
    assert len(space(graph).joints) == 1
    both = replace(graph, outputs=(rescale, layer), out_ports=graph.out_ports * 2)
    assert not space(both).joints
    assert not space(layers(8, 12)).joints


def every(problem: Space) -> list[tuple[int, Cost]]:
    """Interval and cost of all designs."""
    found = []
    for chosen in itertools.product(*(o.folds for o in problem.options.values())):
        folds = dict(zip(problem.options, chosen, strict=True))
        found.append((problem.interval(folds), problem.kernels(folds) + problem.glue(folds)))
    return found


@pytest.mark.parametrize("name", RESCALES)
def test_the_optimum_is_that_of_all_designs(name: str) -> None:
    """A graph input, a layer and its rescale: no deep FIFOs, so folds are all that is chosen."""
    graph, _, _ = followed(RESCALES[name][0])
    problem = space(graph, 4)
    program, budget = Program.of(problem), Cost(2_000, 4_000, 360, 20)
    designs = every(problem)

    def use(cost: Cost) -> float:
        pairs = zip(cost_row(cost), cost_row(budget), strict=True)
        return sum(used / most for used, most in pairs)

    joined = []
    for interval in (64, 128, 768, 6144):
        allowed = [c for t, c in designs if t <= interval and c.fits(budget)]
        found = program.cheapest(interval, budget).design
        assert (found is None) == (not allowed)
        if found is not None:
            assert use(found.cost) == pytest.approx(min(map(use, allowed)), rel=1e-3)
            joined.append(problem.inside(next(iter(problem.joints)), found.folds))
    assert joined[0] == (name != "dyadic")  # whose own kernel is priced as cheap
    assert not joined[-1]


def test_a_budget_that_is_too_small_for_two_kernels() -> None:
    """What circuit and rescale cost as one, and a little more, is enough for a vector per cycle."""
    graph, layer, rescale = followed(RESCALES["cast"][0])
    rich = design(graph, luts(100_000), 200.0, name="r")
    assert rich.plan.interval == 64
    assert trees(rich) == [layer.name]
    assert rich.netlist.instances[0].nodes == (layer.name, rescale.name)
    least = rich.plan.cost.lut
    apart = price(rescale, rich.plan.folds[rescale.name]).lut
    board = replace(luts(least + apart // 5), max_dsp=0)
    found = design(graph, board, 200.0, name="r")
    assert found.plan.interval == 64
    assert found.plan.cost.lut <= least + apart // 5
