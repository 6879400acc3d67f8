"""The jet tagger (16-64-32-32-5, 6 bits) fully unrolled without DSPs, beside alkaid's.

One command: ``python bench/jet_tagger.py MODEL.onnx [--peers PYTHON] [--latency 5] [--inputs
10000] [--levels N] [--rtl] [--synth] [--hls4ml]``. Every layer a circuit of adders that its rescale
is part of, one frame per cycle; power-of-two steps, so that alkaid computes the same integer
network (PYTHON has it: ``pip install alkaid``).
Outputs of random inputs must be equal to the simulator's in alkaid's model, in C-simulation and,
with ``--rtl``, in RTL. ``--synth`` counts with Yosys for xcup, module by module, and alkaid's
RTL flattened (tens of minutes); everything is cached, so a run can be continued. ``--hls4ml``
says how long the C++ is that hls4ml writes for the same file, and builds it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qfxc.cache import cache_folder
from qfxc.driver import Compiled
from qfxc.driver import compile as compile_network
from qfxc.hw import sizing
from qfxc.sim import simulate
from qfxc.verify import csim, rtlsim, synth_netlist
from qfxc.verify.synth import resources
from qfxc.verify.synth_source import SYNTHESIS, version

SEED = 1
TREES = {"MatMul_0": (16, 64), "MatMul_1": (64, 32), "MatMul_2": (32, 32), "MatMul_3": (32, 5)}
RUN = (
    "import sys; from pyosys import libyosys as y; y.run_pass('script ' + sys.argv[1], y.Design())"
)


def compiled(model: str, levels: int | None = None) -> Compiled:
    """Every kernel takes a whole vector per cycle; the board's memory would not keep up."""
    folds: dict[str, dict[str, Any]] = {
        name: {"simd": simd, "pe": pe, "variant": "tree"} for name, (simd, pe) in TREES.items()
    }
    folds["Quant_8"] = {"simd": 64, "pe": 64, "variant": "dsp"}  # a cast: shifts, no product
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folds.json"
        path.write_text(json.dumps(folds))
        return compile_network(
            model, "ultra96", recipe="fixed", verify="none", max_dsp=0, folds=path, levels=levels
        )


def layers(net: Compiled) -> dict[str, NDArray[np.int64]]:
    """Weights, biases and shifts of the integer network, for alkaid."""
    arrays: dict[str, NDArray[np.int64]] = {}
    count = 0
    for node in net.graph.nodes():
        op: Any = node.op
        if op.stem == "matvec":
            weights: Any = node.inputs[1].op
            arrays[f"w{count}"] = np.asarray(weights.value, np.int64)[0]
        elif op.stem in ("cast", "shift"):
            assert op.left == (0,), node.name
            arrays[f"b{count}"] = np.asarray(op.b, np.int64)
            arrays[f"right{count}"] = np.asarray(op.right, np.int64)
            count += 1
    return arrays


def equal(name: str, found: NDArray[np.int64], expected: NDArray[np.int64]) -> None:
    if not np.array_equal(found.reshape(expected.shape), expected):
        raise SystemExit(f"error: {name} differs from the simulator")
    print(f"{name}: {expected.size:,} outputs equal", flush=True)


def alkaid(
    python: str, folder: Path, arrays: dict[str, NDArray[np.int64]], latency: float
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    np.savez(folder / "network.npz", **arrays)  # type: ignore[arg-type]
    script = Path(__file__).with_name("jet_tagger_alkaid.py")
    command = [python, str(script), str(folder / "network.npz"), str(folder / "rtl"), str(latency)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    y: NDArray[np.int64] = np.load(folder / "rtl" / "y.npy")
    return json.loads(done.stdout.splitlines()[-1]), y


def hls4ml(model: str, folder: Path) -> dict[str, Any]:
    """What hls4ml writes, run apart from the imports of this process."""
    script = Path(__file__).with_name("jet_tagger_hls4ml.py")
    command = [sys.executable, str(script), model, str(folder / "hls4ml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def flattened(rtl: Path) -> dict[str, int]:
    """What Yosys makes of a folder of Verilog with the top ``model``."""
    files = sorted(path for path in rtl.rglob("*.v") if path.stem != "model_wrapper")
    key = hashlib.sha256(f"{version()}\0{SYNTHESIS}".encode())
    for path in files:
        key.update(path.read_bytes())
    place = cache_folder() / "bench-adders" / f"{key.hexdigest()[:24]}.json"
    if not place.exists():
        script, stat = rtl / "run.ys", rtl / "stat.json"
        steps = ["read_verilog -sv " + " ".join(map(str, files)), f"{SYNTHESIS} -top model"]
        script.write_text("\n".join([*steps, f"tee -q -o {stat} stat -json", ""]))
        command = [sys.executable, "-c", RUN, str(script)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        place.parent.mkdir(parents=True, exist_ok=True)
        cells = json.loads(stat.read_text())["modules"]["\\model"]["num_cells_by_type"]
        cost = resources(cells)
        counts = {"lut": cost.lut + cells.get("INV", 0), "ff": cost.ff, "dsp": cost.dsp}
        place.write_text(json.dumps(counts))
    found: dict[str, int] = json.loads(place.read_text())
    return found


def show(net: Compiled) -> None:
    """Stated: cells, latency, interval and the size of the C++."""
    for row in net.plan.rows:
        kind = f"{row.op} {row.fold.variant.label}"
        print(f"{row.name:12} {kind:12} {row.cost.lut:8,} LUT {row.cost.ff:8,} FF")
    glue = net.plan.glue
    print(f"{'FIFOs':12} {'':12} {glue.lut:8,} LUT {glue.ff:8,} FF")
    total = net.plan.cost + glue
    print(f"qfxc, estimate: {total.lut:,} LUT, {total.ff:,} FF, {total.dsp} DSP")
    latency, interval = sizing.first_latency(net.netlist), sizing.interval(net.netlist)
    print(f"latency {latency} cycles, interval {interval}")
    hls = {path: text for path, text in net.project().items() if path.startswith("hls/src")}
    texts = [t if isinstance(t, str) else t.decode() for t in hls.values()]
    lines = sum(len(text.splitlines()) for text in texts)
    print(f"C++ of the network: {sum(map(len, texts)):,} bytes, {lines:,} lines")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--peers")
    parser.add_argument("--latency", type=float, default=5)
    parser.add_argument("--levels", type=int, help="additions between registers, not the clock's")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--rtl", action="store_true")
    parser.add_argument("--synth", action="store_true")
    parser.add_argument("--hls4ml", action="store_true")
    options = parser.parse_args()
    net = compiled(options.model, options.levels)
    show(net)
    x = np.random.default_rng(SEED).integers(-128, 128, (options.inputs, 16))
    expected = simulate(net.integer, [x])[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.peers:
            arrays = {"x": x, **layers(net)}
            report, y = alkaid(options.peers, folder, arrays, options.latency)
            print("alkaid:", report)
            equal("alkaid", y, expected)
            if options.synth:
                print("alkaid, Yosys:", flattened(folder / "rtl"), flush=True)
        if options.hls4ml:
            print("hls4ml:", hls4ml(options.model, folder), flush=True)
    start = time.perf_counter()
    binary = csim.build(net.project())
    print(f"g++: {time.perf_counter() - start:.1f} s")
    equal("C-simulation", csim.run(binary, net.netlist, [x])[0], expected)
    if options.rtl:
        outputs, timing = rtlsim.run(rtlsim.build(net.project()), net.netlist, [x])
        equal("RTL", outputs[0], expected)
        print(f"RTL: latency {timing.latency} cycles, interval {timing.interval}")
    if options.synth:
        found = synth_netlist.synthesise(net.netlist)
        for row in found["rows"]:
            print(row["name"], row["yosys"])
        print("qfxc, Yosys:", found["total"]["yosys"])


if __name__ == "__main__":
    main()
