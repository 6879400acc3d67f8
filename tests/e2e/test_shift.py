"""``--recipe shift``: a whole compilation without one multiplier, equal on every engine."""

from __future__ import annotations

import pytest
from rich.console import Console

import onnx_nets as nets
import qfxc
from qfxc.driver import Compiled
from qfxc.report.screen import show


def compiled(**options: object) -> Compiled:
    net: Compiled = qfxc.compile(
        nets.residual(), calib=nets.pixels(), input="uint8", frames=2, **options
    )
    return net


@pytest.mark.parametrize(("ones", "verify"), [(1, "none"), (2, "csim")])
def test_no_multiplier_in_the_design(ones: int, verify: str) -> None:
    net = compiled(recipe=f"shift{{k={ones}}}", max_dsp=0, verify=verify)
    report = net.report
    assert report["plan"]["estimate"]["dsp"] == 0
    assert report["rescales"]["kinds"]["dyadic"] == 0
    assert not {"dyadic", "mul"} & {row["op"] for row in report["layers"]}
    assert max(row["weight_ones"] for row in report["layers"] if row["weights"]) == ones
    assert all(entry["equal"] for entry in report["verification"])
    assert report["options"]["recipe"] == f"shift{{k={ones}}}"


def test_the_screen_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show(Console(width=200), compiled(recipe="shift{k=1}", max_dsp=0, verify="none").report)
    assert "weights: every one at most 1 signed power of two" in capsys.readouterr().out
    show(Console(width=200), compiled(verify="none").report)
    assert "signed power" not in capsys.readouterr().out
