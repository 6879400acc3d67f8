"""DSPs against LUTs: layers get the variant that makes the network fastest inside both budgets."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hw_fakes import frame, graph, same, twin

from qfxc.hw.board import Board, load
from qfxc.hw.plan import Plan, plan
from qfxc.hw.space import Space, space
from qfxc.ir.graph import Graph
from qfxc.ir.kernel import Cost, Variant

ULTRA96 = load("ultra96")
DSPS = (0, 1, 3, 6, 11, 20, 36)
LUTS = (900, 1300, 2000, 3200, 6000)


def board(dsp: int, lut: int) -> Board:
    part = replace(ULTRA96.part, dsp=dsp, lut=lut)
    return replace(ULTRA96, part=part, fractions=(1.0, 1.0, 1.0, 1.0))


def unequal() -> Graph:
    x = frame(4, 4)
    return graph([x], [twin(twin(twin(x, 2, "fc1"), 4, "fc2"), 4, "fc3")])


def with_activation() -> Graph:
    x = frame(4, 4)
    return graph([x], [twin(same(twin(x, 8, "fc1"), "act"), 4, "fc2")])


def with_threes() -> Graph:
    x = frame(5, 6)
    return graph([x], [twin(twin(twin(x, 3, "fc1"), 6, "fc2"), 9, "fc3")])


def every_choice(s: Space) -> list[tuple[int, Cost]]:
    """Interval and cost of all combinations of folds."""
    names = list(s.options)
    choices = itertools.product(*(s.options[n].folds for n in names))
    found = []
    for choice in choices:
        folds = dict(zip(names, choice, strict=True))
        found.append((s.interval(folds), s.kernels(folds) + s.glue(folds)))
    return found


def variants(result: Plan) -> set[Variant]:
    return {row.fold.variant for row in result.rows if row.op == "matvec"}


@pytest.mark.parametrize("network", [unequal, with_activation])
def test_as_fast_as_trying_everything(network: Callable[[], Graph]) -> None:
    g = network()
    choices = every_choice(space(g))
    mixed = 0
    for dsp, lut in itertools.product(DSPS, LUTS):
        target = board(dsp, lut)
        fitting = [interval for interval, cost in choices if cost.fits(target.budget)]
        result = plan(g, target, 200.0, allow_oversize=True)
        assert result.fits == bool(fitting), (dsp, lut)
        if fitting:
            assert result.interval == min(fitting), (dsp, lut)
            mixed += len(variants(result)) == 2
    assert mixed >= 4


@pytest.mark.parametrize(("dsp", "lut"), [(14, 900), (38, 846), (27, 1281), (8, 2537), (3, 1900)])
def test_a_narrow_budget_is_used_up(dsp: int, lut: int) -> None:
    """Budgets that only the cheapest lanes fit: the FIFOs behind wide words count too."""
    target = replace(board(dsp, lut), bandwidth=1e12)
    choices = every_choice(space(with_threes()))
    best = min(interval for interval, cost in choices if cost.fits(target.budget))
    assert plan(with_threes(), target, 200.0).interval == best


def test_dsps_are_used_first() -> None:
    result = plan(unequal(), board(1000, 40_000), 200.0)
    assert variants(result) == {Variant.DSP}
    assert variants(plan(unequal(), board(0, 40_000), 200.0)) == {Variant.LUT}
