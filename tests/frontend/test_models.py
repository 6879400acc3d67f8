"""Trained networks against onnxruntime, before quantization; skipped without the files."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx_checks import check, stems

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "models"
FILES = sorted([*FOLDER.glob("*float*.onnx"), *FOLDER.glob("resnet20_cifar10.onnx")])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_model_equals_onnxruntime(path: Path) -> None:
    graph = check(onnx.load(path))
    assert "transpose" not in stems(graph)  # every one of these networks needs none


def test_mnist_conv_of_qonnx_equals_onnxruntime() -> None:
    qonnx = pytest.importorskip("qonnx")
    path = Path(qonnx.__file__).parent / "data/onnx/mnist-conv/model.onnx"
    assert "transpose" not in stems(check(onnx.load(path)))
