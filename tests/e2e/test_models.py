"""Larger networks by others, where a folder beside the repository holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qfxc
from qfxc.report.data import verified
from qfxc.run import Model

SHARED = Path(__file__).resolve().parents[3] / "shared"
CALIBRATION = 200


def keywords() -> tuple[Any, Any, dict[str, Any]]:
    with np.load(SHARED / "data" / "kws01_1000.npz") as data:
        return data["mfcc"][..., None], data["y"], {}


def photographs() -> tuple[Any, Any, dict[str, Any]]:
    with np.load(SHARED / "data" / "cifar10_jpeg_1000.npz") as data:
        return data["x"], data["y"], {"input": "uint8"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "load"), [("kws_dscnn_float", keywords), ("resnet8_cifar10_float", photographs)]
)
def test_accuracy_and_equality(name: str, load: Any) -> None:
    """Held-out frames: at most one point of accuracy lost; every engine equal in ``compile``."""
    path = SHARED / "models" / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    x, labels, options = load()
    net = qfxc.compile(path, calib=x[:CALIBRATION], frames=4, **options)
    assert verified(net.report)
    rest, labels = x[CALIBRATION:], labels[CALIBRATION:]
    model = Model(net.real, net.integer)
    int8, real = model.run(rest), model.run_float(rest)
    assert np.mean(int8.top1() == labels) >= np.mean(real.top1() == labels) - 0.01
    assert np.mean(int8.top1() == real.top1()) > 0.96
