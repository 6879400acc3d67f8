"""A trained network out of a package: quantized, proved, and as accurate as before."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from qfxc.cli import main

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

CALIBRATION = 500


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model, calibration data, 4,500 test digits with labels."""
    from packages import mnist_5000, mnist_conv

    folder = tmp_path_factory.mktemp("mnist")
    (folder / "net.onnx").write_bytes(mnist_conv())
    images, labels = mnist_5000()
    np.save(folder / "calib.npy", images[:CALIBRATION, None])
    np.savez(folder / "test.npz", digits=images[CALIBRATION:, None], y=labels[CALIBRATION:])
    return folder


@pytest.mark.parametrize("recipe", ["dyadic", "fixed"])
def test_accuracy(recipe: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, test = str(files / recipe), str(files / "test.npz")
    line = [str(files / "net.onnx"), "--calib", str(files / "calib.npy"), "--input", "uint8"]
    assert main([*line, "--recipe", recipe, "-o", out, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)["report"]
    assert report["verification"][0]["equal"]
    assert main(["run", out, test, "--labels", test, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    (score,) = result["outputs"].values()
    assert result["frames"] == 4500
    assert score["top1_float"] > 0.98
    assert score["top1"] >= score["top1_float"] - 0.005
    assert score["cosine"] > 0.999
