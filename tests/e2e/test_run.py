"""`qfxc run` on real projects: what is compared, with which labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnx_nets as nets
import qfxc
from qfxc.cli import main
from qfxc.driver import Compiled


def run(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    assert main(["run", *args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_map_is_no_classification(
    double_net: Compiled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    double_net.write(tmp_path / "out")
    x = nets.two_inputs(12, seed=9)
    classes = double_net.simulate(x).top1("classes")
    wrong = np.where(np.arange(12) < 3, (classes + 1) % 3, classes)  # 3 of 12 labels are others
    np.savez(tmp_path / "x.npz", **x, labels=wrong)  # type: ignore[arg-type]
    files = [str(tmp_path / "out"), str(tmp_path / "x.npz")]
    result = run(capsys, *files, "--labels", files[1], "-o", str(tmp_path / "y.npz"))
    assert (result["engine"], result["frames"]) == ("sim", 12)
    assert list(result["seconds"]) == ["simulator", "float reference"]
    mask, seen = result["outputs"]["mask"], result["outputs"]["classes"]
    assert (mask["shape"], mask["classes"], mask["top1"], mask["agreement"]) == (
        [3, 6, 6], 0, None, None,
    )  # fmt: skip
    assert (seen["classes"], seen["top1"]) == (3, 0.75)
    assert seen["agreement"] > 0.8
    assert min(mask["cosine"], seen["cosine"]) > 0.999
    with np.load(tmp_path / "y.npz") as saved:
        assert sorted(saved) == ["classes", "classes.codes", "mask", "mask.codes"]
        assert np.array_equal(saved["mask.codes"], double_net.simulate(x).codes["mask"])


def test_an_index_is_a_classification(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calib = nets.numbers(64, 8)
    net = qfxc.compile(nets.chooser(), calib=calib, verify="none")
    net.write(tmp_path / "out")
    np.savez(tmp_path / "x.npz", anything=calib, y=net.simulate(calib).top1())
    files = [str(tmp_path / "out"), str(tmp_path / "x.npz")]
    (score,) = run(capsys, *files, "--labels", files[1])["outputs"].values()
    assert (score["classes"], score["top1"]) == (4, 1.0)
    assert score["agreement"] == score["top1_float"] > 0.9


def test_softmax_changes_no_class(
    pixel_net: Compiled, pixel_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = nets.pixels(16, seed=5)
    np.save(tmp_path / "x.npy", x)
    (score,) = run(capsys, str(pixel_project), str(tmp_path / "x.npy"))["outputs"].values()
    assert (score["classes"], score["top1"]) == (5, None)
    assert main(["run", str(pixel_project), str(tmp_path / "x.npy")]) == 0
    text = capsys.readouterr().out
    assert text.startswith("simulator: 16 frames in ")
    assert f"prob (5, 5 classes): same class as float {score['agreement']:.2%}, cosine " in text
