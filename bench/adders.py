"""Adder graphs of random matrices beside those of alkaid and da4ml: adders, LUT bits, LUTs, depth.

One command: ``python bench/adders.py --peers PYTHON [--sizes 16,32] [--bits 4,6,8] [--seeds 20]
[--levels N] [--luts 5] [--modes whole,kept,stages] [--full]``, where PYTHON is an interpreter with
alkaid and da4ml (``pip install alkaid da4ml``; LGPL, used as programs only). Signed weights drawn
uniformly, 8-bit signed inputs. The peers run with default options, and qfxc within the depth of
alkaid's graph of the same matrix; ``--levels N`` limits alkaid's to N levels beyond the least
(``hard_dc``). Every graph is checked against its matrix and priced by the same code. ``--luts N``
synthesises alkaid's and qfxc's graphs of the first N matrices with Yosys for xcup in the ways of
``--modes`` (adder_luts.py), with ``--full`` by its whole script; counts are kept, so a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from adder_luts import MODES, luts
from numpy.typing import NDArray

from qfxc.adders.build import library
from qfxc.adders.graph import Adder, AdderGraph, Term
from qfxc.adders.solve import solve
from qfxc.ir.types import Int

Matrix = NDArray[np.int64]
PEERS = ("alkaid", "da4ml")
INPUT = Int(-128, 127)


def matrices(size: int, bits: int, seeds: int) -> list[Matrix]:
    """One matrix per seed."""
    edge = 2 ** (bits - 1)
    return [np.random.default_rng(s).integers(-edge, edge, (size, size)) for s in range(seeds)]


def peer(
    python: str, name: str, data: Sequence[Matrix], levels: int
) -> list[tuple[AdderGraph, float]]:
    """What a peer makes of the matrices, and its processor seconds for each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "matrices.npy"
        np.save(path, np.stack(data))
        script = Path(__file__).with_name("adders_peers.py")
        command = [python, str(script), name, str(path), str(levels)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in lines.splitlines()]
    return [(read(row, w.shape[0]), row["seconds"]) for row, w in zip(rows, data, strict=True)]


def read(row: dict[str, Any], count: int) -> AdderGraph:
    adders = tuple(Adder(Term(*a), Term(*b)) for a, b in row["adders"])
    outputs = tuple(None if t is None else Term(*t) for t in row["outputs"])
    return AdderGraph((INPUT,) * count, adders, outputs)


def ours(matrix: Matrix, depth: int) -> tuple[AdderGraph, float]:
    start = time.process_time()
    graph = solve(matrix, [INPUT] * len(matrix), depth=depth)
    return graph, time.process_time() - start


def spread(values: Sequence[float], digits: int) -> str:
    """Least, median, most."""
    three = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{v:,.{digits}f}" for v in three)


Found = list[tuple[AdderGraph, float]]


def solved(data: Sequence[Matrix], options: argparse.Namespace) -> dict[str, Found]:
    """Every solver's graphs; qfxc's within the depth of alkaid's."""
    runs = {name: peer(options.peers, name, data, options.levels) for name in PEERS}
    depths = [max(graph.depth()) for graph, _ in runs["alkaid"]]
    runs["qfxc"] = [ours(w, depth) for w, depth in zip(data, depths, strict=True)]
    for name, found in runs.items():
        assert all((g.matrix() == w).all() for (g, _), w in zip(found, data, strict=True)), name
    return runs


def compare(runs: dict[str, Found]) -> None:
    for name, found in runs.items():
        cost = [g.cost for g, _ in found]
        cells = [
            name,
            spread([len(g.adders) for g, _ in found], 0),
            spread(cost, 0),
            spread([c / g.cost for c, (g, _) in zip(cost, runs["alkaid"], strict=True)], 3),
            spread([max(g.depth()) for g, _ in found], 0),
            spread([t for _, t in found], 3),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


def synthesised(runs: dict[str, Found], options: argparse.Namespace) -> None:
    """Yosys counts of the first matrices, a pair of graphs at a time."""
    script = "full" if options.full else "quick"
    for mode in options.modes.split(","):
        pairs = [
            luts([runs[name][seed][0] for name in ("alkaid", "qfxc")], mode, script)
            for seed in range(options.luts)
        ]
        ratios = [mine / theirs for theirs, mine in pairs]
        theirs, mine = (spread(list(column), 0) for column in zip(*pairs, strict=True))
        print(f"{mode}, {options.luts} matrices: LUTs of alkaid {theirs}, of qfxc {mine}", end=", ")
        print(f"ratio {spread(ratios, 3)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--sizes", default="16,32")
    parser.add_argument("--bits", default="4,6,8")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--luts", type=int, default=0)
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--levels", type=int, default=-1)
    options = parser.parse_args()
    library()
    for size in map(int, options.sizes.split(",")):
        for bits in map(int, options.bits.split(",")):
            print(f"\n{size}x{size}, {bits}-bit weights, {options.seeds} matrices: min/median/max")
            print("| | adders | LUT bits | of alkaid's | depth | CPU seconds |")
            runs = solved(matrices(size, bits, options.seeds), options)
            compare(runs)
            if options.luts:
                synthesised(runs, options)


if __name__ == "__main__":
    main()
