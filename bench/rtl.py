"""Real networks in RTL: plan, FIFO sizing, simulation under Verilator, stated against measured.

One command: ``python bench/rtl.py [--only NAME] [--board NAME] [--synth] [--json]``. The golden
frames go through the RTL at full speed and with random stalls at every port; one word that differs
from the simulator ends the bench with exit code 1. ``--synth`` adds what Yosys counts (minutes).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cases import ROOT, Case, cases
from rich.console import Console

from networks import table
from qfxc.driver import Compiled
from qfxc.driver import compile as compile_network
from qfxc.hw import sizing
from qfxc.hw.design import design
from qfxc.verify import csim, rtlsim, synth_netlist

FRAMES = 8
SEED = 1


def timed(call: Any, *args: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call(*args)
    return time.perf_counter() - start, result


def planning(net: Compiled) -> dict[str, Any]:
    """Folds, netlist and FIFO depths once more, timed; what came of them."""
    again = partial(design, net.graph, net.board, net.plan.clock_mhz, name="again")
    row: dict[str, Any] = {"plan and FIFO sizing s": timed(again)[0]}
    return row | {"frames/s": net.plan.fps, "limited by": net.plan.limit}


def estimate(net: Compiled) -> dict[str, Any]:
    use = net.report["plan"]["estimate"]
    budget = net.report["plan"]["budget"]
    return {
        key.upper(): f"{use[key]:,} of {budget[key]:,}" for key in ("lut", "ff", "dsp", "bram18")
    }


def simulation(net: Compiled, folder: Path) -> dict[str, Any]:
    """Both runs of the RTL on the golden frames; all words equal."""
    built, binary = timed(rtlsim.build, net.project(), folder)
    row: dict[str, Any] = {"Verilator build s": built}
    for name, seed in (("", None), ("stalled ", SEED)):
        outputs, timing = rtlsim.run(binary, net.netlist, net.golden.inputs, seed)
        for got, expected in zip(outputs, net.golden.outputs, strict=True):
            if not np.array_equal(got.reshape(expected.shape), expected):
                raise SystemExit(f"error: the RTL ({name}run) differs from the simulator")
        row[f"{name}words equal"] = sum(x.size for x in net.golden.outputs)
        row[f"{name}cycles/frame"] = float(timing.interval)
        if seed is None:
            row["stated cycles/frame"] = sizing.interval(net.netlist)
            row["latency"], row["stated latency"] = (
                timing.latency,
                sizing.first_latency(net.netlist),
            )
            row["simulated cycles/s"] = timing.cycles_per_second
    return row


def c_simulation(net: Compiled, folder: Path) -> dict[str, Any]:
    outputs = csim.run(csim.build(net.project(), folder), net.netlist, net.golden.inputs)
    for got, expected in zip(outputs, net.golden.outputs, strict=True):
        if not np.array_equal(got, expected):
            raise SystemExit("error: the C-simulation differs from the simulator")
    return {"C-simulation": "equal"}


def synthesis(net: Compiled) -> dict[str, Any]:
    """What Yosys counts, kernel by kernel, against the estimate of the same kernels."""
    total = synth_netlist.synthesise(net.netlist)["total"]
    row: dict[str, Any] = {}
    for key, found in total["yosys"].items():
        row[f"Yosys {key.upper()}"] = found
        row[f"estimate / Yosys {key.upper()}"] = total["estimate"][key] / max(found, 1)
    return row


def measure(case: Case, target: str, synth: bool) -> dict[str, Any]:
    """One column of the table."""
    seconds, net = timed(
        lambda: compile_network(
            case.model, target, calib=case.calibration, verify="none", frames=FRAMES, **case.options
        )
    )
    row: dict[str, Any] = {"compile s": seconds} | planning(net) | estimate(net)
    row |= utilisation(net)
    with tempfile.TemporaryDirectory(prefix="qfxc-bench-") as folder:
        row |= simulation(net, Path(folder)) | c_simulation(net, Path(folder))
    return row | (synthesis(net) if synth else {})


def utilisation(net: Compiled) -> dict[str, Any]:
    """Products per frame over products that all multipliers could do in the time of a frame."""
    found = net.report["plan"]["utilisation"]
    return {"busy at the bottleneck": found["busiest"], "busy on average": found["average"]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures real networks in RTL, one column each.")
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--board", default="ultra96", help="see `qfxc boards`")
    parser.add_argument("--mnist", type=Path, help="folder of the MNIST IDX files")
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--synth", action="store_true", help="synthesise every kernel with Yosys")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    args = parser.parse_args()
    errors, rows = Console(stderr=True), {}
    for case in cases(args.models, args.data, args.mnist):
        if args.only is None or case.name in args.only.split(","):
            errors.print(f"{case.name} ...")
            rows[case.name] = measure(case, args.board, args.synth)
    if not rows:
        raise SystemExit(f"error: no network is called {args.only}")
    if args.json:
        print(json.dumps(rows, indent=2))
    else:
        Console(width=40 + 18 * len(rows)).print(table(rows))


if __name__ == "__main__":
    main()
