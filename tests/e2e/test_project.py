"""What a compilation gives: the same bytes every time, engines that agree, a folder that checks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import onnx_nets as nets
import qfxc
from qfxc.driver import Compiled
from qfxc.report.data import verified

RUNS = nets.pixels(20, seed=7)


def test_two_compilations_are_equal(pixel_net: Compiled) -> None:
    again = qfxc.compile(nets.residual(), "ultra96", calib=nets.pixels(), input="uint8")
    assert again.project().digest() == pixel_net.project().digest()
    other = qfxc.compile(
        nets.residual(), "ultra96", calib=nets.pixels(seed=1), input="uint8", verify="none"
    )
    assert other.project().digest() != pixel_net.project().digest()


def test_the_written_files_are_the_project(pixel_net: Compiled, pixel_project: Path) -> None:
    files = {
        path.relative_to(pixel_project).as_posix(): path.read_bytes()
        for path in pixel_project.rglob("*")
        if path.is_file()
    }
    assert files == dict(pixel_net.project())


def test_the_report_says_that_engines_agree(pixel_net: Compiled) -> None:
    equal = {"frames": 8, "elements": 8 * 5, "equal": True}
    hls, fast, stalled = pixel_net.report["verification"]
    assert hls == {"engine": "hls", **equal}
    assert equal.items() <= fast.items()
    assert equal.items() <= stalled.items()
    assert (fast["engine"], fast["stalls"]) == ("rtl", 0)
    assert (stalled["engine"], stalled["stalls"]) == ("rtl", 50)
    assert verified(pixel_net.report)
    assert pixel_net.warnings == ()


def test_the_rtl_keeps_the_stated_rate(pixel_net: Compiled) -> None:
    """Measured cycles per frame are those of the plan, exactly."""
    measured = pixel_net.report["verification"][1]["interval_cycles"]
    assert measured == pixel_net.plan.interval == pixel_net.report["plan"]["interval_cycles"]


def test_softmax_is_left_to_the_host(pixel_net: Compiled) -> None:
    assert pixel_net.report["model"]["outputs"][0]["host"] == ["softmax axis=-1"]
    text = pixel_net.project().text("README.md")
    assert "Left to the host: softmax axis=-1 of `prob`.\n" in text


@pytest.mark.parametrize("engine", ["sim", "hls", "rtl"])
def test_a_written_project_runs_as_the_compiled_one(
    engine: str, pixel_net: Compiled, pixel_project: Path
) -> None:
    expected = pixel_net.simulate(RUNS)
    got = qfxc.load_project(pixel_project).run(RUNS, engine=engine)
    assert got.codes["prob"].shape == (20, 5)
    assert np.array_equal(got.codes["prob"], expected.codes["prob"])
    assert np.array_equal(got.real["prob"], expected.real["prob"])
    assert np.array_equal(got.top1(), expected.top1())


def test_several_inputs_and_outputs(double_net: Compiled, tmp_path: Path) -> None:
    double_net.write(tmp_path / "out")
    x = nets.two_inputs(12, seed=9)
    expected = double_net.simulate(x)
    got = qfxc.load_project(tmp_path / "out").run(x, engine="hls")
    shapes = {"mask": (12, 3, 6, 6), "classes": (12, 3)}
    assert {name: codes.shape for name, codes in got.codes.items()} == shapes
    for name in shapes:
        assert np.array_equal(got.codes[name], expected.codes[name])


def test_the_integer_network_follows_the_float_one(double_net: Compiled) -> None:
    for entry in double_net.report["accuracy"].values():
        assert entry["cosine"] > 0.999


def make(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "csim", f"PYTHON={sys.executable}", "OPT=-O0"]
    return subprocess.run(command, cwd=folder / "hls", capture_output=True, text=True)


def test_the_folder_checks_itself_and_notices_one_wrong_bit(
    pixel_project: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(pixel_project, folder)
    run = make(folder)
    assert run.returncode == 0, run.stdout + run.stderr
    vectors = (folder / "hls" / "tb" / "golden").iterdir()
    (golden,) = (path for path in vectors if not path.name.startswith("s_in_"))
    original = golden.read_bytes()
    for wrong in (bytes([original[0] ^ 1]) + original[1:], original[:-1], b""):
        golden.write_bytes(wrong)
        assert make(folder).returncode != 0
    golden.write_bytes(original)
    assert make(folder).returncode == 0


def test_a_folder_of_its_own_choice(
    pixel_net: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (pixel_net.write() / "report.json").is_file()
    assert [p.name for p in tmp_path.iterdir()] == [pixel_net.write(overwrite=True).name]
