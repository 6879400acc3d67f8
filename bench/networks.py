"""Real networks side by side: compile and simulation times, plan, accuracy, rescales.

One command: ``python bench/networks.py [--only NAME] [--mnist DIR] [--json]``. Networks and data
that are not there are left out; mnist-conv comes out of packages on PyPI and always is.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from cases import ROOT, Array, Case, cases
from rich.console import Console

from qfxc.driver import Compiled
from qfxc.driver import compile as compile_network
from qfxc.report.scores import scores
from qfxc.report.screen import simple_table
from qfxc.run import Model
from qfxc.verify import csim

BOARD = "ultra96"
BATCH = 64
ROUNDS = 5
CSIM_SECONDS = 5.0


class Runtime:
    """onnxruntime on a batch, for files that fix the batch to one, too."""

    def __init__(self, model: onnx.ModelProto, sample: Array) -> None:
        opened = onnx.ModelProto()
        opened.CopyFrom(model)
        for value in (*opened.graph.input, *opened.graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
        del opened.graph.value_info[:]
        _open_reshapes(opened)
        self._session = _session(opened)
        self._name = self._session.get_inputs()[0].name
        self.batched = self._works(sample)
        if not self.batched:
            self._session = _session(model)

    def _works(self, sample: Array) -> bool:
        try:
            return len(self._session.run(None, {self._name: sample})[0]) == len(sample)
        except Exception:  # onnxruntime raises its own types for a batch fixed inside
            return False

    def __call__(self, x: Array) -> Array:
        if self.batched:
            return np.asarray(self._session.run(None, {self._name: x})[0])
        frames = (x[i : i + 1] for i in range(len(x)))
        return np.concatenate([self._session.run(None, {self._name: f})[0] for f in frames])


def _open_reshapes(model: onnx.ModelProto) -> None:
    """Constant shapes that start with a batch of one get an open one."""
    shapes = {n.input[1] for n in model.graph.node if n.op_type == "Reshape"}
    for tensor in model.graph.initializer:
        shape = onnx.numpy_helper.to_array(tensor) if tensor.name in shapes else np.zeros(0)
        if len(shape) > 1 and shape[0] == 1:
            opened = [0 if -1 in shape else -1, *shape[1:]]
            tensor.CopyFrom(
                onnx.numpy_helper.from_array(np.array(opened, dtype=np.int64), tensor.name)
            )


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(a: Callable[[], object], b: Callable[[], object]) -> tuple[float, float]:
    """The best of ``ROUNDS`` times of both, run in turns: both see the same noise."""
    pairs = [(seconds(a), seconds(b)) for _ in range(ROUNDS)]
    return min(p[0] for p in pairs), min(p[1] for p in pairs)


def compiled(case: Case, recipe: str) -> Compiled:
    return compile_network(
        case.model, BOARD, calib=case.calibration, recipe=recipe, verify="none", **case.options
    )


def accuracy(case: Case, net: Compiled, recipe: str) -> dict[str, Any]:
    model = Model(net.real, net.integer)
    (score,) = scores(model.run(case.inputs), model.run_float(case.inputs), case.labels).values()
    return {
        f"top-1 int8 {recipe}": score.top1,
        f"agreement {recipe}": score.agreement,
        f"cosine {recipe}": score.cosine,
        f"SQNR dB {recipe}": score.sqnr_db,
    }


def c_simulation(net: Compiled) -> dict[str, float]:
    """Build and speed, on golden frames, as many as take about ``CSIM_SECONDS``; all equal."""
    with tempfile.TemporaryDirectory(prefix="qfxc-bench-") as folder:
        start = time.perf_counter()
        binary = csim.build(net.project(), workdir=Path(folder))
        built = time.perf_counter() - start
        outputs, timing = csim.run_timed(binary, net.netlist, net.golden.inputs)
        for a, b in zip(outputs, net.golden.outputs, strict=True):
            if not np.array_equal(a, b):
                raise SystemExit("error: the C-simulation differs from the simulator")
        times = int(np.clip(CSIM_SECONDS / max(timing.seconds, 1e-3), 1, 100))
        many = [np.concatenate([x] * times) for x in net.golden.inputs]
        timing = csim.run_timed(binary, net.netlist, many)[1]
    return {"C-sim build s": built, "C-sim frames/s": timing.frames / timing.seconds}


def speed(case: Case, net: Compiled, runtime: Runtime) -> dict[str, float]:
    x = case.inputs[:BATCH]
    floats = case.floats(x)
    model = Model(net.real, net.integer)
    ours, theirs = interleaved(lambda: model.run(x), lambda: runtime(floats))
    return {
        "simulator frames/s": len(x) / ours,
        "onnxruntime frames/s": len(x) / theirs,
        "simulator / onnxruntime": theirs / ours,
    }


def planned(net: Compiled) -> dict[str, Any]:
    plan = net.report["plan"]
    use = {f"{k.upper()}": plan["estimate"][k] for k in ("lut", "ff", "dsp", "bram18")}
    return {f"{BOARD} frames/s": plan["frames_per_second"], **use, "limited by": plan["limit"]}


def rescales(net: Compiled, recipe: str) -> dict[str, Any]:
    found = net.report["rescales"]
    counts = ", ".join(f"{n} {kind}" for kind, n in found["kinds"].items() if n)
    bits = found["dyadic_bits"]
    row: dict[str, Any] = {f"rescales {recipe}": counts}
    if recipe == "dyadic":
        row["dyadic bits"] = "{min}..{max}, median {median:g}".format(**bits) if bits else None
    return row


def measure(case: Case) -> dict[str, Any]:
    """One column of the table."""
    runtime = Runtime(case.model, case.floats(case.inputs[:2]))
    start = time.perf_counter()
    net = compiled(case, "dyadic")
    row: dict[str, Any] = {"compile s": time.perf_counter() - start}
    row |= c_simulation(net) | speed(case, net, runtime) | planned(net)
    row["onnxruntime batch"] = BATCH if runtime.batched else 1
    row["frames tested"] = len(case.inputs)
    row["top-1 float"] = None
    if case.labels is not None:
        classes = runtime(case.floats(case.inputs)).reshape(len(case.inputs), -1).argmax(1)
        row["top-1 float"] = float(np.mean(classes == case.labels))
    row |= accuracy(case, net, "dyadic") | rescales(net, "dyadic")
    fixed = compiled(case, "fixed")
    return row | accuracy(case, fixed, "fixed") | rescales(fixed, "fixed")


def text(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if key.startswith(("top-1", "agreement")):
        return f"{value:.2%}"
    if key.startswith("cosine"):
        return f"{value:.6f}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def table(rows: dict[str, dict[str, Any]]) -> Any:
    keys = list(next(iter(rows.values())))
    lines = [[key, *(text(key, row[key]) for row in rows.values())] for key in keys]
    return simple_table(["", *rows], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures real networks, one column each.")
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--mnist", type=Path, help="folder of the MNIST IDX files")
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    args = parser.parse_args()
    errors = Console(stderr=True)
    wanted = args.only.split(",") if args.only else None
    rows: dict[str, dict[str, Any]] = {}
    notes: dict[str, str] = {}
    for case in cases(args.models, args.data, args.mnist):
        if wanted is None or case.name in wanted:
            errors.print(f"{case.name} ...")
            rows[case.name], notes[case.name] = measure(case), case.note
    if not rows:
        raise SystemExit(f"error: no network is called {args.only}")
    if args.json:
        print(json.dumps({n: {**row, "data": notes[n]} for n, row in rows.items()}, indent=2))
        return
    Console(width=40 + 18 * len(rows)).print(table(rows))
    print("\n".join(f"{name}: {note}" for name, note in notes.items()))


if __name__ == "__main__":
    main()
