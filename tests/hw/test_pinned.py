"""Folds that the user fixes: kept, planned around, and refused together where they are wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hw_fakes import dot, frame, graph, same, twin

import onnx_nets as nets
import qfxc
from qfxc.errors import UserError, UserErrors
from qfxc.hw.board import load
from qfxc.hw.pinned import pin, plain, read_folds
from qfxc.hw.plan import plan
from qfxc.hw.program import Program
from qfxc.hw.space import space
from qfxc.ir.graph import Graph
from qfxc.ir.kernel import Fold, Variant

BOARD = load("ultra96")


def two_layers() -> Graph:
    x = frame(4, 8)
    return graph([x], [dot(same(dot(x, 16, "fc1"), "act"), 4, "fc2")])


def test_a_pinned_kernel_is_planned_around() -> None:
    """fc1 takes 4 * (8 / 2) * (16 / 4) = 64 cycles; nothing else then needs to be faster."""
    result = plan(two_layers(), BOARD, 200.0, pinned={"fc1": Fold(2, 4)})
    assert result.folds["fc1"] == Fold(2, 4)
    assert result.interval == 64
    assert result.bottleneck == "fc1"
    assert result.limit == "the pinned folds"
    assert result.step is not None
    assert result.step.interval < 64
    best = Program.of(pin(space(two_layers()), {"fc1": Fold(2, 4)})).cheapest(64, BOARD.budget)
    assert best.design is not None
    assert result.folds == best.design.folds


def test_all_pinned_is_the_same_plan() -> None:
    free = plan(two_layers(), BOARD, 200.0)
    assert plan(two_layers(), BOARD, 200.0, pinned=free.folds) == free


def test_everything_wrong_is_reported_at_once() -> None:
    wanted = {"fc3": Fold(), "fc1": Fold(3, 4), "act": Fold(2, 4), "fc2": Fold(4, 4, Variant.LUT)}
    with pytest.raises(UserErrors) as caught:
        pin(space(two_layers()), wanted)
    assert str(caught.value) == (
        "error: fc3: there is no such kernel to fold\n"
        "hint: did you mean: fc2, fc1\n"
        'error: fc1: fold {"simd": 3, "pe": 4} is not legal\n'
        'hint: the nearest legal ones: {"simd": 4, "pe": 4}, {"simd": 2, "pe": 4}, '
        '{"simd": 4, "pe": 2}\n'
        'error: act: fold {"simd": 2, "pe": 4} is not legal\n'
        'hint: the nearest legal ones: {"simd": 2, "pe": 2}, {"simd": 4, "pe": 4}, '
        '{"simd": 1, "pe": 1}\n'
        'error: fc2: fold {"simd": 4, "pe": 4, "variant": "lut"} is not legal\n'
        'hint: the nearest legal ones: {"simd": 4, "pe": 4}, {"simd": 2, "pe": 4}, '
        '{"simd": 4, "pe": 2}'
    )


def test_without_dsps_their_folds_are_refused_by_name() -> None:
    x = frame(4, 4)
    g = graph([x], [twin(x, 2, "fc1")])
    board = replace(BOARD, max_dsp=0)
    with pytest.raises(UserError) as caught:
        plan(g, board, 200.0, pinned={"fc1": Fold(2, 2)})
    assert str(caught.value).startswith(
        'error: fc1: fold {"simd": 2, "pe": 2} takes DSPs, of which none are allowed\n'
        'hint: the nearest that take none: {"simd": 2, "pe": 2, "variant": "lut"}, '
    )
    with pytest.raises(UserError) as caught:
        plan(g, board, 200.0, pinned={"fc1": Fold(2, 3)})
    assert '"lut"' in str(caught.value)
    assert '"pe": 2}' not in str(caught.value)


def test_what_is_too_big_because_of_given_folds_says_so() -> None:
    board = replace(BOARD, max_dsp=3)
    with pytest.raises(UserError) as caught:
        plan(two_layers(), board, 200.0, pinned={"fc1": Fold(4, 4)})
    assert str(caught.value) == (
        "error: ultra96: the network does not fit: its smallest design with the given folds of fc1 "
        "needs DSP 17 of 3 (5.67x)\n"
        "hint: other folds, more DSPs (--max-dsp), fewer bits per weight, a smaller network or a "
        "larger board"
    )


def test_any_lanes_are_measured() -> None:
    with pytest.raises(UserError, match="is not legal"):
        pin(space(two_layers()), {"fc1": Fold(10**400, 4)})


def test_one_wrong_fold_is_one_error() -> None:
    with pytest.raises(UserError, match="no such kernel") as caught:
        pin(space(two_layers()), {"fc9": Fold()})
    assert not isinstance(caught.value, UserErrors)


def test_the_variant_is_part_of_a_fold() -> None:
    x = frame(4, 4)
    g = graph([x], [twin(x, 2, "fc1")])
    pinned = {"fc1": Fold(2, 2, Variant.LUT)}
    assert plan(g, BOARD, 200.0, pinned=pinned).cost.dsp == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a JSON file"),
        ("[]", "these are not folds"),
        ('{"a": 1}', "these entries are no folds: a"),
        ("[" * 100_000, "not a JSON file"),
        ('{"a": {"simd": 1, "pe": 1}, "a": {"simd": 1, "pe": 1}}', "a given twice"),
        ('{"a": {"simd": 1}}', "these entries are no folds: a"),
        ('{"a": {"simd": 1, "pe": 0}}', "these entries are no folds: a"),
        ('{"a": {"simd": 1, "pe": true}}', "these entries are no folds: a"),
        ('{"a": {"simd": 1, "pe": 1, "fabric": 1}}', "these entries are no folds: a"),
        ('{"a": {"simd": 1, "pe": 1, "variant": "LUT"}}', "these entries are no folds: a"),
        ('{"a": {"simd": 1, "pe": 1, "variant": 1}}', "these entries are no folds: a"),
        ('{"a": {"simd": 1, "pe": 1, "lanes": 1}, "b": {}}', "these entries are no folds: a, b"),
    ],
)
def test_files_of_another_form(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "folds.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_folds(path)


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    folds = {"a": Fold(2, 3), "b": Fold(1, 1, Variant.LUT)}
    path = tmp_path / "folds.json"
    path.write_text(json.dumps({name: plain(fold) for name, fold in folds.items()}))
    assert read_folds(path) == folds
    with pytest.raises(UserError, match="cannot be read"):
        read_folds(tmp_path / "none.json")


def test_files_of_earlier_releases(tmp_path: Path) -> None:
    path = tmp_path / "folds.json"
    path.write_text('{"a": {"simd": 1, "pe": 2, "fabric": true}}')
    assert read_folds(path) == {"a": Fold(1, 2, Variant.LUT)}


@pytest.mark.parametrize("fps", [None, 2000.0])
def test_the_folds_of_a_project_give_the_same_project(tmp_path: Path, fps: float | None) -> None:
    options = {"calib": nets.pixels(), "input": "uint8", "verify": "none", "fps": fps}
    first = qfxc.compile(nets.residual(), **options)
    folder = first.write(tmp_path / "out")
    again = qfxc.compile(nets.residual(), folds=folder / "model" / "folds.json", **options)
    assert again.project().digest() == first.project().digest()
