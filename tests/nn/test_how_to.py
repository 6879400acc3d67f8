"""The how-to's code runs, and its last line holds: PyTorch and the simulator are equal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "train.md"


def test_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    scope: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), scope)
    images, labels, model = (scope[n] for n in ("images", "labels", "model"))
    assert isinstance(images, torch.Tensor)
    assert isinstance(model, torch.nn.Module)
    right = (model(images).argmax(1) == labels).float().mean()
    assert right > 0.9, "it learned something"
    assert (tmp_path / "patterns.onnx").is_file()
