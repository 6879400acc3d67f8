"""``--effort best``: what is compared, on which frames, and what the report says of it."""

from __future__ import annotations

import importlib.util
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import onnx_nets as nets
import qdq_models
import qfxc
from qfxc import effort
from qfxc.errors import UserError
from qfxc.frontend.onnx_file import load
from qfxc.ir.text import dump
from qfxc.ir.types import Array
from qfxc.network import Network, network
from qfxc.options import Options
from qfxc.passes.base import override
from qfxc.passes.equalise import Equalise
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize
from qfxc.progress import Silent
from qfxc.quantize.error import sqnr_db
from qfxc.quantize.recipes import RECIPES, recipe_passes
from qfxc.report.screen import show
from qfxc.sim import simulate


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learned rounding has tests of its own; here it would only take its time."""
    axes = (replace(a, values=tuple(v for v in a.values if v != "adaround")) for a in effort.AXES)
    monkeypatch.setattr(effort, "AXES", tuple(axes))


ALL = effort.AXES


class Steps(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def step(self, name: str, done: int, total: int) -> None:
        self.seen.append((name, done, total))


def quantized(**options: object) -> Network:
    opts = Options(input="uint8", weights=4, **options)  # type: ignore[arg-type]
    return network(nets.residual(), opts, nets.pixels(), Silent())


def test_the_best_trial_is_kept() -> None:
    progress = Steps()
    opts = Options(input="uint8", weights=4, effort="best")
    found = network(nets.residual(), opts, nets.pixels(), progress).search
    assert found is not None
    assert found.trials[0].passes == ""
    assert found.kept in found.trials
    assert found.frames == len(nets.pixels()) // 2
    total = len(found.trials)
    steps = [(done, of) for name, done, of in progress.seen if name == "search"]
    assert steps == [(i, total) for i in range(total + 1)]


@pytest.mark.parametrize("clear", [0.0, np.inf])
def test_options_must_be_clearly_better(clear: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "CLEAR", clear)
    opts = Options(input="uint8", effort="best")
    found = network(nets.residual(), opts, nets.pixels(), Silent()).search
    assert found is not None
    best = max(found.trials, key=lambda trial: trial.sqnr_db)
    assert best != found.trials[0]
    assert found.kept == (found.trials[0] if clear else best)


def test_fast_is_the_default_and_searches_nothing() -> None:
    assert quantized().search is None
    assert quantized(effort="fast").search is None


def test_the_kept_options_are_those_of_the_result() -> None:
    best = quantized(effort="best")
    assert best.search is not None
    again = quantized(passes=best.search.kept.passes)
    assert dump(best.integer) == dump(again.integer)


def test_the_judge_sees_other_frames_than_the_fit() -> None:
    """The trial without options, done by hand: even frames fit, odd ones judge."""
    best = quantized(effort="best")
    assert best.search is not None
    x = nets.pixels()
    fit = network(nets.residual(), Options(input="uint8", weights=4), x[::2], Silent())
    held = [f[1::2] for f in best.frames]
    expected, got = simulate(best.real, held), simulate(fit.qdq, held)
    assert best.search.trials[0].sqnr_db == min(
        sqnr_db(a, b) for a, b in zip(expected, got, strict=True)
    )


def test_what_was_asked_for_stays() -> None:
    found = quantized(effort="best", passes="equalise{by=weights}").search
    assert found is not None
    assert not any("equalise" in trial.passes for trial in found.trials)
    dropped = quantized(effort="best", passes="-equalise").search
    assert dropped is not None
    assert not any("equalise" in trial.passes for trial in dropped.trials)


def test_every_axis_is_an_option_with_these_values() -> None:
    for axis in ALL:
        for spec in axis.specs():
            (step,) = (s for s in override(pipeline(), spec) if s.name == axis.step)
            assert getattr(step, axis.option) != getattr(type(step), axis.option)


def test_learned_rounding_is_tried_where_torch_is(monkeypatch: pytest.MonkeyPatch) -> None:
    learned = "quantize{rounding_of_weights=adaround}"
    for found in (None, importlib.util.find_spec("json")):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, found=found: found)
        specs = [spec for axis in ALL for spec in axis.specs()]
        assert (learned in specs) == (found is not None)


def test_what_the_default_is_already_is_not_tried() -> None:
    told = "quantize{rounding_of_weights=feedback}"
    for bits in (4, 8):
        opts = Options(input="uint8", weights=bits, effort="best")
        found = network(nets.residual(), opts, nets.pixels(), Silent()).search
        assert found is not None
        assert (told in [trial.passes for trial in found.trials]) == (bits == 8)


def test_one_frame_fits_and_judges() -> None:
    opts = Options(input="uint8", effort="best")
    found = network(nets.residual(), opts, nets.pixels(1), Silent()).search
    assert found is not None
    assert found.frames == 1


def test_all_frames_are_in_the_final_fit() -> None:
    graph = load(nets.residual())
    frames: tuple[Array, ...] = (np.zeros((4, *graph.inputs[0].type.shape), np.float32),)
    steps = tuple(
        type(s)(frames=frames) if isinstance(s, (Equalise, Quantize)) else s for s in pipeline()
    )
    after, _ = effort.best(graph, steps, Silent())
    for step in after:
        if isinstance(step, (Equalise, Quantize)):
            assert step.frames is frames


def test_an_unknown_effort() -> None:
    with pytest.raises(UserError, match="--effort: 'some' is not one of fast, best"):
        Options(effort="some")


def test_the_report_says_what_was_tried_and_where_it_hurts() -> None:
    made = [
        qfxc.compile(
            nets.residual(), calib=nets.pixels(), input="uint8", weights=3, effort="best",
            verify="none",
        )
        for _ in range(2)
    ]  # fmt: skip
    one, two = (net.report["quantization"] for net in made)
    assert json.dumps(one) == json.dumps(two)
    assert one["search"]["kept"] in [t["passes"] for t in one["search"]["trials"]]
    alone = [v["alone_db"] for v in one["values"] if v["alone_db"] is not None]
    assert alone == sorted(alone)
    assert {v["weight_bits"] for v in one["values"]} == {3, None}
    console = Console(width=200, record=True, file=io.StringIO())
    show(console, made[0].report)
    screen, page = console.export_text(), made[0].project().text("README.md")
    tried = len(one["search"]["trials"])
    assert f"chosen out of {tried} quantizations, judged on 20 frames: " in screen
    for value in one["values"]:
        assert f"| {value['name']} | {value['layer'] or ''} |" in page
    for value in one["values"][:5]:
        assert value["name"][-30:] in screen
    assert one["values"][-1]["name"] == "image"
    assert one["values"][-1]["alone_db"] is None


def test_models_with_quantizers_have_no_search_and_no_table(tmp_path: Path) -> None:
    x = nets.numbers(16, 8)
    own = qdq_models.quantized(nets.perceptron(), x, "qdq-s8", tmp_path)
    net = qfxc.compile(own, calib=x, effort="best", verify="none")
    assert "quantization" not in net.report


def test_recipes_combine_and_every_one_is_understood() -> None:
    assert recipe_passes("equalised, ends8") == "equalise{by=activations},quantize{ends=8}"
    for known in RECIPES:
        override(pipeline(), recipe_passes(known.name))
    with pytest.raises(UserError, match="unknown recipe 'x'"):
        recipe_passes("fixed,x")
