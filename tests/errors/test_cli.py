"""The command line: what it passes on, what it prints, and every way to be refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qfxc import __version__
from qfxc.backends.project import Project
from qfxc.cli import main
from qfxc.errors import InternalError, UserError, UserErrors, VerificationError
from qfxc.hw.board import load
from qfxc.ir.types import Array
from qfxc.progress import Progress

COST = {"lut": 1, "ff": 2, "dsp": 3, "bram18": 4}
REPORT: dict[str, Any] = {
    "generator": "qfxc",
    "model": {"name": "net", "outputs": [{"name": "prob", "host": ["softmax"]}]},
    "board": {"name": "ultra96", "part": "p", "clock_mhz": 200.0},
    "plan": {
        "interval_cycles": 100, "frames_per_second": 2e6, "bottleneck": "conv1", "limit": "DSP",
        "binding": ["DSP"], "next": None, "optimal": True,
        "utilisation": {"macs": 14, "multipliers": 2, "average": 0.07, "busiest": 0.07},
        "fits": True, "estimate": COST, "glue": COST, "budget": COST, "device": COST,
    },
    "layers": [
        {
            "name": "conv1", "op": "matvec", "shape": [4], "bits": 8, "signed": True, "weights": 9,
            "weight_bits": 4, "weight_ones": 4, "rescale": "shift", "simd": 1, "pe": 2,
            "variant": "dsp", "cycles": 7, "multipliers": 2, "utilisation": 0.07,
            "estimate": COST, "circuit": None,
        }
    ],
    "rescales": {"kinds": {"shift": 1, "dyadic": 0}, "dyadic_bits": None},
    "verification": [],
    "warnings": ["mind the gap"],
}  # fmt: skip


class FakeCompiled:
    def __init__(self, report: dict[str, Any]) -> None:
        self.report = report
        self.warnings = ["mind the gap"]

    def project(self) -> Project:
        return Project.of({"report.json": json.dumps(self.report)})


class FakeDriver:
    """Records what it is asked; raises what it is given."""

    def __init__(self, error: BaseException | None = None, equal: bool = True) -> None:
        self.error = error
        self.asked: dict[str, Any] = {}
        verification = [{"engine": "csim", "frames": 2, "equal": equal}]
        self.report = {**REPORT, "verification": verification}

    def compile(
        self, model: Path, board: str, *, progress: Progress | None, **options: Any
    ) -> FakeCompiled:
        self.asked = {"model": model, "board": board, **options}
        if progress is not None:
            progress.step("plan", 1, 1)
        if self.error is not None:
            raise self.error
        load(board)
        return FakeCompiled(self.report)

    def load_project(self, folder: Path) -> "FakeDriver":
        self.asked = {"folder": folder}
        return self

    def run(self, source: Path, engine: str, progress: Progress | None) -> "FakeResult":
        self.asked |= {"engine": engine}
        return FakeResult(np.load(source)["x"])

    def run_float(self, source: Path, progress: Progress | None) -> "FakeResult":
        return FakeResult(np.load(source)["x"][:, ::-1])


class FakeResult:
    def __init__(self, x: Array) -> None:
        self.codes: Mapping[str, Array] = {"y": x}
        self.real: Mapping[str, Array] = {"y": np.asarray(2 * x)}
        self.classes: Mapping[str, int] = {"y": x.shape[1]}

    def top1(self, output: str | None = None) -> NDArray[np.int64]:
        return np.asarray(self.real["y"].argmax(axis=1))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_default_command_compiles_and_writes(capsys: pytest.CaptureFixture[str]) -> None:
    driver = FakeDriver()
    assert main(["some/net.onnx", "--board", "kv260"], driver) == 0
    assert driver.asked == {"model": Path("some/net.onnx"), "board": "kv260", "verify": "all"}
    assert Path("net_kv260/report.json").is_file()
    out = capsys.readouterr().out
    assert "conv1" in out
    assert "9 x 4b" in out
    assert "equal, bit for bit" in out
    assert "left to the host: softmax of prob\n" in out
    assert "rescales: 1 shift\n" in out
    assert "warning: mind the gap" in out
    assert out.endswith("written: net_kv260\n")


def test_every_option_arrives() -> None:
    driver = FakeDriver()
    line = (
        "compile net.onnx -o out --calib c.npz --recipe fixed --weights 4 --activations 5 --fps 30 "
        "--clock 150 --input uint8 --mean 0.5,0.5,0.5 --std 1,2,4 --verify none --frames 3 "
        "--passes narrow --dump d --check --quiet"
    )
    assert main(line.split(), driver) == 0
    assert driver.asked == {
        "model": Path("net.onnx"), "board": "ultra96", "calib": Path("c.npz"), "recipe": "fixed",
        "weights": 4, "activations": 5, "fps": 30.0, "clock": 150.0, "input": "uint8",
        "mean": (0.5, 0.5, 0.5), "std": (1.0, 2.0, 4.0), "verify": "none", "frames": 3,
        "passes": "narrow", "dump": Path("d"), "check": True,
    }  # fmt: skip


@pytest.mark.parametrize("line", ["--no-dsp", "--no-dsp --max-dsp 0", "--max-dsp 0"])
def test_no_dsp_is_max_dsp_0(line: str) -> None:
    driver = FakeDriver()
    assert main(["net.onnx", *line.split(), "--quiet"], driver) == 0
    assert driver.asked["max_dsp"] == 0


def test_no_dsp_beside_some(capsys: pytest.CaptureFixture[str]) -> None:
    text = failing(["net.onnx", "--max-dsp", "5", "--no-dsp"], capsys, FakeDriver())
    assert text == "error: --no-dsp: --max-dsp 5 allows some\nhint: give one of them\n"


def test_quiet_prints_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net.onnx", "--quiet"], FakeDriver()) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "warning: mind the gap\n")


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net.onnx", "--json"], FakeDriver()) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["folder"] == "net_ultra96"
    assert data["report"]["plan"]["limit"] == "DSP"
    assert list(data["seconds"]) == ["plan"]
    assert len(data["digest"]) == 64


def test_a_failed_verification_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net.onnx"], FakeDriver(equal=False)) == 1
    captured = capsys.readouterr()
    assert "DIFFERENT" in captured.out
    assert captured.err == "error: an engine computed other integers than the simulator\n"


def failing(args: list[str], capsys: pytest.CaptureFixture[str], driver: FakeDriver) -> str:
    """The text on stderr of a command line that must end with exit code 2."""
    assert main(args, driver) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_unknown_board(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(["net.onnx", "--board", "ultra69"], capsys, FakeDriver()) == (
        "error: there is no board 'ultra69'\n"
        "hint: did you mean 'ultra96'? boards: kv260, pynq-z2, ultra96, or a path to a .toml file\n"
    )
    assert not Path("net_ultra69").exists()


def test_the_output_folder_exists(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("")
    driver = FakeDriver()
    assert failing(["net.onnx", "-o", "out", "--overwrite"], capsys, driver) == (
        "error: out: the output folder exists and was not written by qfxc\n"
        "hint: name another folder with -o; qfxc deletes no files but its own\n"
    )
    assert driver.asked == {}  # refused before any work


def test_an_existing_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net.onnx", "-o", "out", "--quiet"], FakeDriver()) == 0
    capsys.readouterr()
    assert failing(["net.onnx", "-o", "out"], capsys, FakeDriver()) == (
        "error: out: the output folder exists\n"
        "hint: name another folder with -o, or replace this project with --overwrite\n"
    )
    assert main(["net.onnx", "-o", "out", "--overwrite"], FakeDriver()) == 0


def test_an_output_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    here = Path.cwd()
    assert failing(["net.onnx", "-o", "file/out"], capsys, FakeDriver()) == (
        f"error: file/out: '{here}/file' is not a folder\n"
    )


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["net.onnx", "--bord", "x"], "No such option"),
        (
            ["net.onnx", "--frames", "0"],
            "Invalid value for '--frames': 0 is not in the range x>=1.",
        ),
        (["net.onnx", "--fps", "-1"], "Invalid value for '--fps': -1.0 is not in the range x>0."),
        (
            ["net.onnx", "--mean", "1,x"],
            "Invalid value for '--mean': '1,x' is not a list of numbers such as 0.5,0.5,0.5",
        ),
        (["net.onnx", "--verify", "luck"], "Invalid value for '--verify': 'luck' is not one of"),
        (["compile"], "Missing argument 'MODEL'."),
        (["run", "out"], "Missing argument 'INPUTS'."),
        (["a.onnx", "b.onnx"], "Got unexpected extra argument (b.onnx)"),
    ],
)
def test_bad_flags(args: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = failing(args, capsys, FakeDriver())
    assert text.startswith(f"error: {what}")
    assert text.endswith("hint: `qfxc --help` lists the options\n")


def test_errors_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    several = UserErrors(
        [UserError("no such operator", where="n1 (Foo)"), UserError("b", hint="try c")]
    )
    assert main(["net.onnx", "--json"], FakeDriver(several)) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "errors": [
            {"where": "n1 (Foo)", "what": "no such operator", "hint": ""},
            {"where": "", "what": "b", "hint": "try c"},
        ]
    }
    assert captured.err == ""
    assert main(["net.onnx", "--json", "--frames", "none"], FakeDriver()) == 2
    (only,) = json.loads(capsys.readouterr().out)["errors"]
    assert only["what"].startswith("Invalid value for '--frames'")


def test_several_errors_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    several = UserErrors([UserError("a", where="n1"), UserError("b", hint="try c")])
    assert failing(["net.onnx"], capsys, FakeDriver(several)) == (
        "error: n1: a\nerror: b\nhint: try c\n"
    )


def test_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net.onnx"], FakeDriver(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err.endswith("interrupted\n")
    assert not Path("net_ultra96").exists()


def test_an_engine_that_differs(capsys: pytest.CaptureFixture[str]) -> None:
    differs = VerificationError("output y: 1 of 4 elements differ")
    assert main(["net.onnx"], FakeDriver(differs)) == 1
    assert capsys.readouterr().err == "error: output y: 1 of 4 elements differ\n"
    assert main(["net.onnx", "--json"], FakeDriver(differs)) == 1
    assert json.loads(capsys.readouterr().out)["errors"][0]["what"] == str(differs)
    assert not Path("net_ultra96").exists()


def test_a_broken_promise_is_a_bug_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net.onnx"], FakeDriver(InternalError("conv1: out of range"))) == 1
    assert capsys.readouterr().err == (
        "internal error (a bug in qfxc, please report it): conv1: out of range\n"
    )


X = np.array([[1, 3, 2], [5, 5, 4]])
"""Doubled: classes 1 and 0. The fake float reference has them mirrored: classes 1 and 1.

Cosine: the mean of (2*4 + 6*6 + 4*2) / 56 and (10*8 + 10*10 + 8*10) / 264. SQNR: signal
56 + 264, noise 4 * 2**2, 10 * log10(20) = 13.0 dB.
"""


def test_run(capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("in.npz", x=X)
    Path("labels.txt").write_text("1\n0\n\n")
    driver = FakeDriver()
    line = ["run", "proj", "in.npz", "--engine", "hls", "-o", "out.npz", "--labels", "labels.txt"]
    assert main(line, driver) == 0
    assert driver.asked == {"folder": Path("proj"), "engine": "hls"}
    assert capsys.readouterr().out == (
        "y (3, 3 classes): top-1 100.00% (float reference 50.00%), same class as float 50.00%, "
        "cosine 0.956710, SQNR 13.0 dB\n"
    )
    saved = np.load("out.npz")
    assert saved["y"].tolist() == [[2, 6, 4], [10, 10, 8]]
    assert saved["y.codes"].tolist() == [[1, 3, 2], [5, 5, 4]]


def test_run_as_json_and_without_labels(capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("in.npz", x=X)
    assert main(["run", "proj", "in.npz", "--json"], FakeDriver()) == 0
    data = json.loads(capsys.readouterr().out)
    score = data.pop("outputs")
    assert data == {"engine": "sim", "frames": 2, "seconds": {}}
    assert (score["y"]["shape"], score["y"]["classes"]) == ([3], 3)
    assert (score["y"]["top1"], score["y"]["top1_float"], score["y"]["agreement"]) == (
        None, None, 0.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n", "--labels: 1 labels for 2 frames"),
        (
            "1\n3\n",
            "--labels: label 3 of frame 1 is not one of 3 classes\n"
            "hint: labels are class indices, 0 to 2",
        ),
        (
            "-1\n0\n",
            "--labels: label -1 of frame 0 is not one of 3 classes\n"
            "hint: labels are class indices, 0 to 2",
        ),
        (
            "cat\ndog\n",
            "labels.txt: these are not labels\nhint: one class index per frame: "
            ".npy, .npz, or text with one integer per line",
        ),
    ],
)
def test_labels_that_do_not_fit(
    text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez("in.npz", x=X)
    Path("labels.txt").write_text(text)
    line = ["run", "proj", "in.npz", "--labels", "labels.txt", "-o", "out.npz"]
    assert failing(line, capsys, FakeDriver()) == f"error: {message}\n"
    assert not Path("out.npz").exists()


def test_labels_and_outputs_that_fail(capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("in.npz", x=np.zeros((1, 2)))
    line = ["run", "proj", "in.npz"]
    assert failing([*line, "--labels", "none"], capsys, FakeDriver()) == (
        "error: none: the labels cannot be read: No such file or directory\n"
    )
    assert failing([*line, "-o", "no/out.npz"], capsys, FakeDriver()) == (
        "error: no/out.npz: cannot be written: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("command", "part"), [("boards", "Avnet Ultra96-V2"), ("ops", "Conv"), ("passes", "lower")]
)
def test_lists(command: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command], FakeDriver()) == 0
    assert part in capsys.readouterr().out
    assert main([command, "--json"], FakeDriver()) == 0
    assert part in json.dumps(json.loads(capsys.readouterr().out))


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"qfxc, version {__version__}\n"
    for args in (["--help"], ["-h"], ["compile", "--help"], ["run", "-h"]):
        assert main(args) == 0
        assert capsys.readouterr().out.startswith("Usage: qfxc")
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("Usage: qfxc")
