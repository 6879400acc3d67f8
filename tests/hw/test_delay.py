"""Additions between registers: the delay model, and who else may say how many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hw_fakes import graph

from qfxc.errors import UserError
from qfxc.hw.board import load
from qfxc.hw.delay import FABRICS, SLOWER, additions
from qfxc.hw.pinned import fold_of, plain, read_folds
from qfxc.hw.plan import plan
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Fold, Variant
from qfxc.ir.types import Int
from qfxc.ops._samples import source, weights
from qfxc.ops.matvec import MatVec
from qfxc.options import Options

BOARD = load("ultra96")
TREE = Fold(4, 6, Variant.TREE)


def dense() -> Graph:
    x = source((8, 4), Int(-8, 7))
    return graph([x], [Node(MatVec(), (x, weights((1, 4, 6), Int(-8, 7), 1)), "fc")])


def levels(mhz: float = 200.0, **changes: object) -> int:
    board = replace(BOARD, **changes)  # type: ignore[arg-type]
    return plan(dense(), board, mhz, pinned={"fc": TREE}).folds["fc"].levels


@pytest.mark.parametrize("family", FABRICS)
@pytest.mark.parametrize("mhz", [50.0, 100.0, 200.0, 300.0, 333.0])
def test_as_many_as_the_period_holds(family: str, mhz: float) -> None:
    """That many fit, one more would not; one is always taken."""
    count, fabric = additions(family, mhz), FABRICS[family]
    delays = [SLOWER * (fabric.once + n * fabric.addition) for n in (count, count + 1)]
    assert delays[1] > 1e6 / mhz
    assert delays[0] <= 1e6 / mhz or count == 1


def test_known_clocks() -> None:
    """200 MHz: (5000 / 1.2 - 1170) / 660 = 4.5; 7 series at 100 MHz: (10000 / 1.2 - 2630) / 1150
    = 4.96; a family that nobody knows is taken for a slow one."""
    assert additions("zynquplus", 200.0) == 4
    assert additions("zynq", 100.0) == additions("versal", 100.0) == 4
    assert additions("zynquplus", 800.0) == 1


def test_a_plan_pipelines_for_its_clock() -> None:
    assert levels() == 4
    assert levels(100.0) == 10
    assert levels(levels=2) == 2


def test_a_fold_may_say_its_levels() -> None:
    pinned = {"fc": replace(TREE, levels=7)}
    assert plan(dense(), BOARD, 200.0, pinned=pinned).folds == pinned


def test_fewer_levels_take_more_registers() -> None:
    costs = [
        plan(dense(), replace(BOARD, levels=n), 200.0, pinned={"fc": TREE}).rows[0].cost.ff
        for n in (1, 3, 9)
    ]
    assert costs[0] > costs[1] > costs[2]


def test_levels_in_files(tmp_path: Path) -> None:
    fold = replace(TREE, levels=3)
    assert plain(fold) == {"simd": 4, "pe": 6, "variant": "tree", "levels": 3}
    assert fold_of(plain(fold)) == fold
    path = tmp_path / "folds.json"
    path.write_text('{"fc": {"simd": 4, "pe": 6, "levels": 3}}')
    with pytest.raises(UserError, match="these entries are no folds: fc"):
        read_folds(path)


def test_a_stated_depth_is_at_least_one() -> None:
    with pytest.raises(UserError) as caught:
        Options(levels=0)
    assert str(caught.value) == "error: --levels: at least one addition between registers"
