"""DSPs that the user allows: a promise of none, and a number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hw_fakes import dot, frame, graph, twin

from qfxc.errors import UserError
from qfxc.hw.board import load
from qfxc.hw.plan import plan
from qfxc.ir.kernel import Variant

BOARD = load("ultra96")


def test_a_number_of_dsps() -> None:
    x = frame(4, 8)
    g = graph([x], [twin(twin(x, 8, "fc1"), 4, "fc2")])
    for most in (0, 1, 5, 17):
        result = plan(g, replace(BOARD, max_dsp=most), 200.0)
        assert result.cost.dsp <= most
        assert result.budget.dsp == most
    assert replace(BOARD, max_dsp=10**6).budget == BOARD.budget


def test_none_at_all() -> None:
    x = frame(4, 8)
    result = plan(graph([x], [twin(x, 8, "fc1")]), replace(BOARD, max_dsp=0), 200.0)
    assert result.cost.dsp == 0
    assert {row.fold.variant for row in result.rows} == {Variant.LUT}
    assert result.step is None or result.step.cost.dsp == 0


def test_kernels_that_need_dsps_are_named() -> None:
    x = frame(4, 8)
    g = graph([x], [twin(dot(dot(x, 8, "fc1"), 4, "fc2"), 4, "fc3")])
    with pytest.raises(UserError) as caught:
        plan(g, replace(BOARD, max_dsp=0), 200.0, allow_oversize=True)
    assert str(caught.value) == (
        "error: fc1: the matvec kernel has no variant without DSPs\n"
        "hint: fewer bits, or allow some with --max-dsp\n"
        "error: fc2: the matvec kernel has no variant without DSPs\n"
        "hint: fewer bits, or allow some with --max-dsp"
    )
