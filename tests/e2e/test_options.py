"""Boards, frame rates and the other options on a whole compilation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import onnx_nets as nets
import qfxc
from qfxc.driver import Compiled
from qfxc.hw.board import boards
from qfxc.passes.pipeline import pipeline


def small(**options: object) -> Compiled:
    net: Compiled = qfxc.compile(
        nets.residual(), calib=nets.pixels(), input="uint8", verify="none", **options
    )
    return net


@pytest.mark.parametrize("board", [b.name for b in boards()])
def test_every_board(board: str) -> None:
    net = qfxc.compile(nets.perceptron(), board, calib=nets.numbers(32, 8))
    assert net.report["board"]["name"] == board
    assert net.report["plan"]["fits"]
    assert net.report["verification"][0]["equal"]


def test_the_slowest_sufficient_design_is_smaller() -> None:
    fast = small()
    slow = small(fps=1000.0)
    assert slow.plan.fps >= 1000
    assert slow.plan.cost.lut < fast.plan.cost.lut
    x = nets.pixels(5, seed=3)
    assert np.array_equal(slow.simulate(x).codes["prob"], fast.simulate(x).codes["prob"])


def test_a_clock() -> None:
    assert small(clock=100.0).report["board"]["clock_mhz"] == 100
    assert small(clock=100.0).plan.interval == small(clock=150.0).plan.interval


def test_dump_writes_every_graph(tmp_path: Path) -> None:
    small(dump=tmp_path / "dump")
    names = ["import", *(step.name for step in pipeline())]
    found = sorted(path.name for path in (tmp_path / "dump").iterdir())
    assert found == [f"{i:02d}-{name}.txt" for i, name in enumerate(names)]


def test_exact_passes_prove_themselves_under_check() -> None:
    assert small(check=True).project().digest() == small().project().digest()


def test_options_of_passes() -> None:
    plain, narrow = small(), small(passes="quantize{weights=4,method=minmax}")
    widths = [row["weight_bits"] for row in narrow.report["layers"] if row["weights"]]
    assert max(widths) == 4
    assert narrow.project().digest() != plain.project().digest()
    flagged = small(weights=4, passes="quantize{method=minmax}")
    assert [r["weight_bits"] for r in flagged.report["layers"] if r["weights"]] == widths


def test_the_recipe_of_powers_of_two() -> None:
    kinds = small(recipe="fixed").report["rescales"]["kinds"]
    assert kinds["shift"] > 0
    assert kinds["dyadic"] == 0


def test_dyadic_multipliers_are_counted() -> None:
    rescales = small().report["rescales"]
    assert rescales["kinds"]["dyadic"] > 0
    bits = rescales["dyadic_bits"]
    assert 1 <= bits["min"] <= bits["median"] <= bits["max"]


def test_random_inputs_stand_in_for_calibration_and_a_warning_says_so() -> None:
    net = qfxc.compile(nets.perceptron(), verify="none")
    assert net.warnings == tuple(net.report["warnings"])
    assert net.warnings[0].startswith("no calibration data: ")
