"""Everything that can be wrong with what a user gives, from the command line to the last text.

``golden/bad_input.txt`` holds one block per case: its name in brackets, then stderr. Every case
exits with 2, prints nothing on stdout, leaves the folder as it was, and says the same as JSON.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import onnx_nets as nets
import qfxc
from qfxc.cli import main
from qfxc.errors import UserError

GOLDEN = Path(__file__).parent / "golden" / "bad_input.txt"
Case = Callable[[], list[str]]
CASES: dict[str, Case] = {}


def case(build: Case) -> Case:
    """A case writes files into the working folder and returns the arguments."""
    CASES[build.__name__] = build
    return build


def golden() -> dict[str, str]:
    blocks = GOLDEN.read_text().strip().split("\n\n")
    return {b.split("\n", 1)[0].strip("[]"): b.split("\n", 1)[1] for b in blocks}


def saved(model: onnx.ModelProto, *flags: str) -> list[str]:
    Path("net.onnx").write_bytes(model.SerializeToString())
    return ["net.onnx", *flags]


def small(*flags: str) -> list[str]:
    """A good model of 8 numbers with flags that are wrong."""
    return saved(nets.perceptron(), "--verify", "none", *flags)


def flags_only(name: str, *flags: str) -> None:
    CASES[name] = lambda: small(*flags)


# --- models


@case
def not_an_onnx_file() -> list[str]:
    Path("net.onnx").write_text("hello")
    return ["net.onnx"]


@case
def truncated_file() -> list[str]:
    args = small()
    data = Path("net.onnx").read_bytes()
    Path("net.onnx").write_bytes(data[: len(data) // 2])
    return args


@case
def empty_file() -> list[str]:
    Path("net.onnx").write_bytes(b"")
    return ["net.onnx"]


@case
def no_such_model() -> list[str]:
    return ["net.onnx"]


@case
def model_is_a_folder() -> list[str]:
    Path("net.onnx").mkdir()
    return ["net.onnx"]


@case
def cyclic_graph() -> list[str]:
    b = nets.Builder(0)
    b.node("Add", "x", "b", to="a")
    b.node("Relu", "a", to="b")
    b.node("Relu", "b", to="y")
    return saved(b.model({"x": ("n", 8)}, {"y": ("n", 8)}))


@case
def missing_initialiser() -> list[str]:
    model = nets.perceptron()
    del model.graph.initializer[0]
    return saved(model)


@case
def missing_external_weights() -> list[str]:
    model = nets.perceptron()
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="weights.bin")
    return saved(model)


def weights_with(value: float) -> list[str]:
    model = nets.perceptron()
    tensor = model.graph.initializer[0]
    weights = numpy_helper.to_array(tensor).copy()
    weights[0, 0] = value
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    return saved(model)


CASES["nan_in_the_weights"] = lambda: weights_with(np.nan)
CASES["infinity_in_the_weights"] = lambda: weights_with(-np.inf)


@case
def open_height() -> list[str]:
    b = nets.Builder(0)
    b.node("Relu", "x", to="y")
    return saved(b.model({"x": ("n", 3, "height", "width")}, {"y": ("n", 3, "height", "width")}))


@case
def unsupported_nodes() -> list[str]:
    b = nets.Builder(0)
    a = b.node("Hardmax", "x")
    c = b.node("Conv", a, a, group=2)
    b.node("LSTM", c, c, c, to="y", hidden_size=3)
    return saved(b.model({"x": ("n", 3, 8, 8)}, {"y": ("n", 3)}))


@case
def larger_than_the_board() -> list[str]:
    b = nets.Builder(0)
    b.dense("x", 2000, 1000, to="y")
    return saved(b.model({"x": ("n", 2000)}, {"y": ("n", 1000)}), "--board", "pynq-z2")


@case
def overflowing_activations() -> list[str]:
    b = nets.Builder(0)
    huge = b.constant(np.float32(3e38))
    b.node("Mul", b.node("Mul", "x", huge), huge, to="y")
    return saved(b.model({"x": ("n", 8)}, {"y": ("n", 8)}), "--verify", "none")


@case
def no_inputs() -> list[str]:
    node = helper.make_node("Relu", ["c"], ["y"])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3))
    constant = numpy_helper.from_array(np.ones((1, 3), dtype=np.float32), "c")
    graph = helper.make_graph([node], "g", [], [out], [constant])
    return saved(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


# --- calibration data


def calibrated(data: object, *flags: str) -> list[str]:
    np.save("calib.npy", np.asarray(data), allow_pickle=False)
    return small("--calib", "calib.npy", *flags)


CASES["calibration_of_another_shape"] = lambda: calibrated(np.zeros((4, 9)))
CASES["calibration_of_text"] = lambda: calibrated(np.full((4, 8), "a"))
CASES["calibration_with_nan"] = lambda: calibrated(np.full((4, 8), np.nan))
CASES["calibration_without_frames"] = lambda: calibrated(np.zeros((0, 8)))
CASES["calibration_of_no_pixels"] = lambda: calibrated(np.full((4, 8), 0.5), "--input", "uint8")
flags_only("no_such_calibration", "--calib", "calib.npz")


@case
def calibration_of_objects() -> list[str]:
    np.save("calib.npy", np.array([{}], dtype=object), allow_pickle=True)
    return small("--calib", "calib.npy")


@case
def calibration_under_other_names() -> list[str]:
    np.savez("calib.npz", a=np.zeros((4, 8)), b=np.zeros((4, 8)))
    return small("--calib", "calib.npz")


# --- options

flags_only("one_bit_weights", "--weights", "1")
flags_only("seventeen_bit_activations", "--activations", "17")
flags_only("no_frames", "--frames", "0")
flags_only("deviation_of_zero", "--input", "uint8", "--mean", "0", "--std", "0")
flags_only("mean_that_is_no_number", "--input", "uint8", "--mean", "nan", "--std", "1")
flags_only("mean_of_a_float_input", "--input", "float", "--mean", "0.5")
flags_only("three_means_for_one_channel", "--input", "uint8", "--mean", "1,2,3")
flags_only("unknown_recipe", "--recipe", "ternary")
flags_only("unknown_pass", "--passes", "quantise")
flags_only("unknown_option_of_a_pass", "--passes", "quantize{bits=4}")
flags_only("wrong_value_for_a_pass", "--passes", "quantize{weights=few}")
flags_only("wrong_bits_for_a_pass", "--passes", "quantize{weights=40}")
flags_only("unknown_range_method", "--passes", "quantize{method=guess}")
flags_only("unknown_rounding", "--passes", "quantize{rounding=up-and-down}")
flags_only("pass_that_is_needed", "--passes=-lower")
flags_only("passes_that_do_not_parse", "--passes", "quantize{weights=4")
flags_only("unknown_board", "--board", "ultra69")
flags_only("no_such_board_file", "--board", "mine.toml")
flags_only("frame_rate_out_of_reach", "--fps", "1e9")
flags_only("frame_rate_that_is_no_number", "--fps", "nan")
flags_only("clock_without_end", "--clock", "inf")
flags_only("no_such_folds", "--folds", "folds.json")


def folded(text: str) -> list[str]:
    Path("folds.json").write_text(text)
    return small("--folds", "folds.json")


CASES["folds_that_are_no_json"] = lambda: folded("conv1: 3 x 16")
CASES["folds_of_another_form"] = lambda: folded('{"a": {"simd": 2}, "b": {"simd": 2, "pe": true}}')
CASES["folds_that_do_not_exist"] = lambda: folded(
    '{"fc9": {"simd": 1, "pe": 1}, "gemm0": {"simd": 3, "pe": 4}}'
)


# --- the output


@case
def output_is_a_file() -> list[str]:
    Path("out").write_text("")
    return small("-o", "out")


@case
def output_folder_exists() -> list[str]:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("")
    return small("-o", "out")


@case
def output_below_a_file() -> list[str]:
    Path("file").write_text("")
    return small("-o", "file/deep/out")


@case
def dump_onto_a_file() -> list[str]:
    Path("dump").write_text("")
    return small("--dump", "dump")


# --- running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project") / "out"
    calib = nets.numbers(16, 8)
    qfxc.compile(nets.perceptron(), calib=calib, verify="none").write(folder)
    return folder


def running(name: str, data: object, *flags: str) -> None:
    """``run`` on a good project, called PROJECT until the test knows where it is."""

    def build() -> list[str]:
        np.save("x.npy", np.asarray(data))
        return ["run", "PROJECT", "x.npy", *flags]

    CASES[name] = build


running("run_on_another_shape", np.zeros((4, 7)))
running("run_on_nan", np.full((4, 8), np.nan))
running("run_on_no_frames", np.zeros((0, 8)))
running("run_with_missing_labels", np.zeros((4, 8)), "--labels", "labels.txt")
running("run_into_a_missing_folder", np.zeros((4, 8)), "-o", "none/out.npz")


@case
def run_with_too_few_labels() -> list[str]:
    np.savez("x.npz", x=np.zeros((4, 8)), y=np.zeros(3, dtype=int))
    return ["run", "PROJECT", "x.npz", "--labels", "x.npz"]


@case
def run_cpp_that_is_gone() -> list[str]:
    qfxc.compile(nets.perceptron(), calib=nets.numbers(16, 8), verify="none").write("out")
    shutil.rmtree("out/hls")
    np.save("x.npy", np.zeros((4, 8)))
    return ["run", "out", "x.npy", "--engine", "hls"]


@case
def run_without_a_project() -> list[str]:
    return ["run", "nowhere", "x.npy"]


@case
def run_on_a_folder_of_something_else() -> list[str]:
    Path("out/model").mkdir(parents=True)
    Path("out/model/integer.txt").write_text("")
    return ["run", "out", "x.npy"]


@case
def run_on_a_damaged_project() -> list[str]:
    Path("out/model").mkdir(parents=True)
    for name in ("integer", "float"):
        Path(f"out/model/{name}.txt").write_text("nonsense")
        np.savez(f"out/model/{name}.npz", a=np.zeros(1))
    Path("out/model/folds.json").write_text("{}")
    return ["run", "out", "x.npy"]


def prepared(name: str, project: Path) -> list[str]:
    return [str(project) if a == "PROJECT" else a for a in CASES[name]()]


def shown(text: str, here: Path) -> str:
    """Without where the test runs, and without what a version of onnx says."""
    text = text.replace(str(here), "HERE").rstrip("\n")
    return re.sub(r"\(Data of TensorProto.*\)", "(onnx's reason)", text)


def listing() -> list[tuple[str, bytes]]:
    found = sorted(Path().rglob("*"))
    return [(str(p), p.read_bytes() if p.is_file() else b"") for p in found]


@pytest.mark.parametrize("name", sorted(CASES))
def test_text(
    name: str,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    args = prepared(name, project)
    before = listing()
    assert main(args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert shown(captured.err, tmp_path) == golden()[name]
    assert listing() == before
    assert main([*args, "--json"]) == 2
    as_json = capsys.readouterr()
    assert as_json.err == ""
    texts = [
        f"error: {e['where'] + ': ' if e['where'] else ''}{e['what']}"
        + (f"\nhint: {e['hint']}" if e["hint"] else "")
        for e in json.loads(as_json.out)["errors"]
    ]
    assert "\n".join(texts) == captured.err.rstrip("\n")


def test_damaged_projects_are_refused(project: Path, tmp_path: Path) -> None:
    """Any byte of the model may be wrong: it loads, or a UserError says that it does not."""
    folder = tmp_path / "out"
    shutil.copytree(project, folder)
    rng = np.random.default_rng(0)
    refused = 0
    for file in sorted((folder / "model").iterdir()):
        original = file.read_bytes()
        for _ in range(40):
            damaged = bytearray(original)
            damaged[int(rng.integers(len(damaged)))] = int(rng.integers(256))
            file.write_bytes(damaged if rng.integers(2) else damaged[: len(damaged) // 2])
            with contextlib.suppress(UserError):
                qfxc.load_project(folder)
                continue
            refused += 1
        file.write_bytes(original)
    assert refused > 100


def test_every_golden_text_has_a_case() -> None:
    assert sorted(golden()) == sorted(CASES)
