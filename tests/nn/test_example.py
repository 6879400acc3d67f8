"""The training example that users copy, from data (made up here) to a proved project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _idx(path: Path, values: np.ndarray) -> None:
    """The format of MNIST: 0, 0, the type (8: bytes), the rank, the sizes in 32 bits, the bytes."""
    sizes = np.array(values.shape, ">u4").tobytes()
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes())


def _made_up(folder: Path) -> None:
    """Ten patterns under noise: a float network tells them apart after some steps."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 200, (10, 28, 28))
    for stem, count in (("train", 2176), ("t10k", 1000)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        noise = rng.integers(0, 56, (count, 28, 28))
        _idx(folder / f"{stem}-images-idx3-ubyte", (patterns[labels] + noise).astype(np.uint8))
        _idx(folder / f"{stem}-labels-idx1-ubyte", labels)


@pytest.mark.slow
def test_from_data_to_a_proved_project(tmp_path: Path) -> None:
    _made_up(tmp_path)
    out = tmp_path / "out"
    command = [sys.executable, str(EXAMPLES / "train_fixed.py"), "--data", str(tmp_path)]
    command += ["--float-epochs", "2", "--epochs", "1", "--bits", "4", "--ones", "1"]
    done = subprocess.run(
        [*command, "--out", str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "0 of 1000 images differ" in done.stdout
    found = json.loads((out / "accuracy.json").read_text())
    assert found["float"] > 95
    assert [s["setting"] for s in found["settings"]] == ["4 bit", "8 bit, K=1"]
    assert all(s["trained"] > 80 for s in found["settings"])
    assert "Fashion-MNIST" in (out / "accuracy.svg").read_text()
    assert (out / "fashion_ultra96" / "rtl").is_dir()
