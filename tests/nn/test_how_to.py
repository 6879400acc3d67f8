"""The how-tos' code runs, and its last line holds: PyTorch and the simulator are equal."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch

from qfxc.cli import main

PAGES = Path(__file__).resolve().parents[2] / "docs" / "how-to"


@pytest.mark.parametrize(
    ("page", "file"), [("train.md", "patterns.onnx"), ("multiplier-free.md", "few_ones.onnx")]
)
def test_code_of_the_page_runs(
    page: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    text = (PAGES / page).read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    scope: dict[str, object] = {}
    exec(compile(code, page, "exec"), scope)
    images, labels, model = (scope[n] for n in ("images", "labels", "model"))
    assert isinstance(images, torch.Tensor)
    assert isinstance(model, torch.nn.Module)
    right = (model(images).argmax(1) == labels).float().mean()
    assert right > 0.9, "it learned something"
    for found in re.findall(r"^    echo '(.*)' > (.*)$", text, re.M):
        Path(found[1]).write_text(found[0])
    commands = re.findall(rf"^    qfxc ({file} .*)$", text, re.M)
    assert commands
    for command in commands:
        assert main([*shlex.split(command), "--verify", "none", "--quiet"]) == 0
