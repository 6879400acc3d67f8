"""A design fits with the FIFOs that it really has, and says what it really costs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from networks import NETWORKS
from qfxc.errors import UserError
from qfxc.hw import sizing
from qfxc.hw.board import Board, load
from qfxc.hw.cost import netlist_cost
from qfxc.hw.design import design
from qfxc.ir.graph import Graph
from qfxc.ir.kernel import Cost
from qfxc.passes.base import override, run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize

BOARD = load("ultra96")
CLOCK = 200.0


@cache
def kernels(name: str) -> Graph:
    real, frames = NETWORKS[name]()
    steps = override(pipeline(), "quantize{method=minmax}")
    given = tuple(
        replace(step, frames=(frames,)) if isinstance(step, Quantize) else step for step in steps
    )
    return run_passes(real, given)


def with_luts(count: int) -> Board:
    """The board with so many LUTs, all of it usable."""
    return replace(BOARD, part=replace(BOARD.part, lut=count), fractions=(1.0, 1.0, 1.0, 1.0))


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_cost_is_that_of_the_netlist(name: str) -> None:
    found = design(kernels(name), BOARD, CLOCK, name=name)
    rows = sum((row.cost for row in found.plan.rows), Cost())
    assert found.plan.cost == netlist_cost(found.netlist) == rows + found.plan.glue
    assert found.plan.cost.fits(BOARD.budget)
    assert found.plan.interval == sizing.interval(found.netlist)


def test_what_the_estimate_misses_is_left_free() -> None:
    """From too few LUTs to plenty: whatever comes back fits, and more never makes it slower."""
    graph = kernels("residual")
    full = design(graph, BOARD, CLOCK, name="residual").plan.cost.lut
    least = design(graph, with_luts(1), CLOCK, name="r", allow_oversize=True).plan.cost.lut
    before, refused = None, 0
    for luts in range(least * 9 // 10, full, full // 40):
        board = with_luts(luts)
        if luts < least:
            with pytest.raises(UserError, match="does not fit"):
                design(graph, board, CLOCK, name="residual")
            refused += 1
            continue
        found = design(graph, board, CLOCK, name="residual").plan
        assert found.cost.fits(board.budget)
        assert before is None or found.interval <= before
        before = found.interval
    assert refused
    assert before is not None


def test_an_oversize_design_is_marked() -> None:
    found = design(kernels("residual"), with_luts(100), CLOCK, name="r", allow_oversize=True)
    assert not found.plan.fits
    assert found.plan.cost == netlist_cost(found.netlist)


def test_a_wanted_rate_is_reached() -> None:
    found = design(kernels("residual"), BOARD, CLOCK, 10_000.0, name="residual")
    assert found.plan.fps >= 10_000.0
    assert found.plan.limit == "the requested frame rate"
