"""Adder graphs of random matrices beside those of alkaid and da4ml: adders, LUT bits, LUTs, depth.

One command: ``python bench/adders.py --peers PYTHON [--sizes 16,32] [--bits 4,6,8] [--seeds 20]
[--luts 3] [--pipelined] [--depth]``, where PYTHON is an interpreter with alkaid and da4ml
(``pip install alkaid da4ml``; LGPL, used as programs only). Signed weights drawn uniformly, 8-bit
signed inputs. The peers run with default options, and qfxc within the depth of alkaid's graph of
the same matrix; ``--depth`` compares at the least depth (``hard_dc=0``). Every graph is checked
against its matrix and priced and written as Verilog by the same code. ``--luts N`` synthesises the
first N matrices with Yosys for xcup: combinational between a register at either end, or with
``--pipelined`` with a register behind every adder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.build import library
from qfxc.adders.graph import Adder, AdderGraph, Range, Term
from qfxc.adders.solve import solve
from qfxc.ir.types import Int
from qfxc.verify.synth import resources

Matrix = NDArray[np.int64]
PEERS = ("alkaid", "da4ml")
INPUT = Int(-128, 127)
YOSYS = """import sys; from pyosys import libyosys as y; d = y.Design()
for c in sys.argv[1].split(';'): y.run_pass(c, d)"""


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


def verilog(graph: AdderGraph, pipelined: bool) -> str:
    """A module with registered inputs and outputs; every node a signed wire as wide as proven.

    Pipelined, a register follows every adder, and values wait in registers for later levels;
    otherwise Yosys also turns private trees of adders into carry-save adders.
    """
    nodes, inputs = graph.ranges(), len(graph.inputs)
    levels = graph.depth() if pipelined else (0,) * len(nodes)
    wires = Wires(nodes, levels)
    for i in range(inputs):
        wires.lines.append(f"wire signed [7:0] n{i} = r[{8 * i} +: 8];")
    for i, adder in enumerate(graph.adders, inputs):
        adder_text(i, adder, wires)
    at = 0
    for term in graph.outputs:
        if term is not None:
            width = nodes[term.node].signed_bits + term.negative
            value = wires.at(term.node, max(levels))
            sign = "-" if term.negative else ""
            wires.lines.append(f"wire signed [{width - 1}:0] o{at} = {sign}{value};")
            wires.lines.append(f"always @(posedge clk) y[{at} +: {width}] <= o{at};")
            at += width
    head = f"module top(input clk, input [{8 * inputs - 1}:0] x, output reg [{at - 1}:0] y);"
    head += f" reg [{8 * inputs - 1}:0] r; always @(posedge clk) r <= x;"
    return "\n".join([head, *wires.lines, "endmodule"])


class Wires:
    """Node ``i`` is ``n<i>`` at its level; at later ones a chain of registers behind it."""

    def __init__(self, nodes: Sequence[Range], levels: Sequence[int]) -> None:
        self.nodes, self.levels = nodes, levels
        self.lines: list[str] = []
        self.made: set[str] = set()

    def at(self, node: int, level: int) -> str:
        if level <= self.levels[node]:
            return f"n{node}"
        name, before = f"n{node}_{level}", self.at(node, level - 1)
        if name not in self.made:
            self.made.add(name)
            self.lines.append(f"reg signed [{self.nodes[node].signed_bits - 1}:0] {name};")
            self.lines.append(f"always @(posedge clk) {name} <= {before};")
        return name


def adder_text(i: int, adder: Adder, wires: Wires) -> None:
    """The bits below both operands pass through, where the lower one is not negated."""
    nodes, level = wires.nodes, wires.levels[i]
    low, high = sorted((adder.a, adder.b), key=lambda t: nodes[t.node].zeros + t.shift)
    cut = (low if low.negative else high).shift
    cut += nodes[(low if low.negative else high).node].zeros
    width = nodes[i].signed_bits
    plus, minus = (high, low) if low.negative else (low, high)
    sign = "-" if low.negative or high.negative else "+"
    names = {t: wires.at(t.node, level - 1) for t in (low, high)}
    text = f"{above(plus, names, cut)} {sign} {above(minus, names, cut)}"
    wires.lines.append(f"wire signed [{width - 1}:0] s{i};")
    wires.lines.append(f"assign s{i}[{width - 1}:{cut}] = {text};")
    if cut:
        below = "0" if low.negative else f"{names[low]} <<< {low.shift}"
        wires.lines.append(f"assign s{i}[{cut - 1}:0] = {below};")
    kind = f"reg signed [{width - 1}:0] n{i}; always @(posedge clk) n{i} <= s{i};"
    wire = f"wire signed [{width - 1}:0] n{i} = s{i};"
    wires.lines.append(kind if level else wire)


def above(term: Term, names: dict[Term, str], cut: int) -> str:
    """The bits of a term from ``cut`` on."""
    by = cut - term.shift
    return f"({names[term]} {'>>>' if by > 0 else '<<<'} {abs(by)})"


def luts(graph: AdderGraph, pipelined: bool) -> int:
    """LUTs that Yosys needs for UltraScale+, inverters in front of carry chains included."""
    with tempfile.TemporaryDirectory() as folder:
        source, stat = Path(folder) / "top.v", Path(folder) / "stat.json"
        source.write_text(verilog(graph, pipelined))
        steps = f"read_verilog -sv {source};synth_xilinx -family xcup -noiopad -noclkbuf"
        steps += f" -nosrl -top top;tee -q -o {stat} stat -json"
        subprocess.run([sys.executable, "-c", YOSYS, steps], check=True, stdout=subprocess.DEVNULL)
        cells = json.loads(stat.read_text())["modules"]["\\top"]["num_cells_by_type"]
    return round(resources(cells).lut) + cells.get("INV", 0)


def spread(values: Sequence[float], digits: int) -> str:
    """Least, median, most."""
    three = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{v:,.{digits}f}" for v in three)


def compare(data: Sequence[Matrix], options: argparse.Namespace) -> None:
    levels = 0 if options.depth else -1
    runs = {name: peer(options.peers, name, data, levels) for name in PEERS}
    depths = [max(graph.depth()) for graph, _ in runs["alkaid"]]
    runs["qfxc"] = [ours(w, depth) for w, depth in zip(data, depths, strict=True)]
    counted: dict[str, list[float]] = {}
    for name, found in runs.items():
        assert all((g.matrix() == w).all() for (g, _), w in zip(found, data, strict=True)), name
        cost = [g.cost for g, _ in found]
        share = [c / g.cost for c, (g, _) in zip(cost, runs["alkaid"], strict=True)]
        counted[name] = [luts(g, options.pipelined) for g, _ in found[: options.luts]]
        cells = [
            name,
            spread([len(g.adders) for g, _ in found], 0),
            spread(cost, 0),
            spread(share, 3),
            spread([max(g.depth()) for g, _ in found], 0),
            spread([t for _, t in found], 3),
        ]
        if options.luts:
            ratio = [a / b for a, b in zip(counted[name], counted["alkaid"], strict=True)]
            cells += [spread(counted[name], 0), spread(ratio, 3)]
        print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--sizes", default="16,32")
    parser.add_argument("--bits", default="4,6,8")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--luts", type=int, default=0)
    parser.add_argument("--pipelined", action="store_true")
    parser.add_argument("--depth", action="store_true")
    options = parser.parse_args()
    library()
    for size in map(int, options.sizes.split(",")):
        for bits in map(int, options.bits.split(",")):
            print(f"\n{size}x{size}, {bits}-bit weights, {options.seeds} matrices: min/median/max")
            print(
                "| | adders | LUT bits | of alkaid's | depth | CPU seconds | LUTs | of alkaid's |"
            )
            compare(matrices(size, bits, options.seeds), options)


if __name__ == "__main__":
    main()
