"""Networks trained in fixed point: elements in which PyTorch, simulator, C++ and RTL differ.

One command: ``python bench/fixed_point.py [--frames N] [--rtl-frames N] [--only TEXT] [--json]``.
Three networks in three modes, with and without weights of two ones. PyTorch and simulator are
compared as real numbers, C++ and RTL with the simulator as codes; all must be equal, else exit
code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import nn_nets  # noqa: E402
import qfxc  # noqa: E402
from qfxc import nn as qnn  # noqa: E402
from qfxc.report.screen import simple_table  # noqa: E402
from qfxc.run import Loaded, load_project  # noqa: E402

BOARD = "ultra96"
CALIBRATION = 64
MODES = (("RND_CONV", "SAT"), ("TRN", "WRAP"), ("RND", "SAT_ZERO"))
ONES = (None, 2)
ENGINES = ("hls", "rtl")


@dataclass(frozen=True)
class Case:
    network: str
    rounding: str
    overflow: str
    ones: int | None

    @property
    def label(self) -> str:
        ones = "all" if self.ones is None else self.ones
        return f"{self.network} {self.rounding}/{self.overflow} ones {ones}"

    def model(self) -> torch.fx.GraphModule:
        config = qnn.Config(
            weight_bits=6,
            activation_bits=7,
            rounding=self.rounding,
            overflow=self.overflow,
            k_ones=self.ones,
        )
        made = qnn.prepare(nn_nets.network(self.network), config)
        qnn.calibrate(made, [nn_nets.frames(self.network, CALIBRATION)])
        return made.eval()


def cases() -> Iterator[Case]:
    for network, mode, ones in product(nn_nets.MAKERS, MODES, ONES):
        yield Case(network, *mode, ones)


def measured(case: Case, frames: int, rtl_frames: int) -> dict[str, Any]:
    """Differing elements of every pair, and what they are out of."""
    model, x = case.model(), nn_nets.frames(case.network, frames, seed=7)
    with torch.no_grad():
        expected = model(x).double().numpy()
    start = time.perf_counter()
    net = qfxc.compile(qnn.export(model, x[:1]), BOARD, verify="none")
    row: dict[str, Any] = {"case": case.label, "elements": expected.size}
    row["distinct"] = len(np.unique(expected))
    (real,) = net.simulate(x.numpy()).real.values()
    row["torch != sim"] = int((real != expected).sum())
    with tempfile.TemporaryDirectory() as folder:
        project = load_project(net.write(Path(folder) / "out"))
        for engine, count in zip(ENGINES, (frames, min(frames, rtl_frames)), strict=True):
            row |= against_simulator(project, engine, x[:count].numpy())
    return row | {"s": round(time.perf_counter() - start, 1)}


def against_simulator(project: Loaded, engine: str, x: Any) -> dict[str, int]:
    if not len(x):
        return {}
    (expected,) = project.run(x).codes.values()
    (got,) = project.run(x, engine).codes.values()
    return {f"{engine} != sim": int((got != expected).sum()), f"{engine} elements": got.size}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--rtl-frames", type=int, default=1000)
    parser.add_argument("--only", default="", help="cases whose label has this text")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for case in cases():
        if options.only in case.label:
            rows.append(measured(case, options.frames, options.rtl_frames))
            print(rows[-1], file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        lines = [[str(value) for value in row.values()] for row in rows]
        Console(width=140).print(simple_table([*rows[0]], lines))
    return int(any(v for row in rows for k, v in row.items() if "!=" in k))


if __name__ == "__main__":
    sys.exit(main())
