"""LUTs of adder graphs in Yosys: one emitter and one script for all solvers, counts kept.

All modes have registers at the inputs and the outputs. They differ in what lies between:

- ``whole``: nothing; Yosys may rebuild it all. Its ``alumacc`` turns trees of adders whose sums
  nobody else reads into carry-save adders with one carry chain at their end.
- ``kept``: nothing, but every adder of the graph stays one (it is mapped to a carry chain first).
- ``stages``: a register behind every adder, as a pipeline for the highest clock has them; values
  that wait for later levels are registered too. No two adders can be merged.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from qfxc.adders.graph import Adder, AdderGraph, Range, Term
from qfxc.cache import cache_folder
from qfxc.verify.synth import resources
from qfxc.verify.synth_source import version

MODES = ("whole", "kept", "stages")
XILINX = "synth_xilinx -family xcup -noiopad -noclkbuf -nosrl -top top"
SYNTHESIS = {
    "full": (XILINX,),
    "quick": (
        f"{XILINX} -run begin:map_luts",
        "opt_expr -mux_undef -noclkinv",
        "abc -script +strash;dc2;strash;if;mfs2 -luts 2:2,3,6:5,10,20",
        "clean",
        "techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6",
        "xilinx_dffopt",
        "opt_lut_ins -tech xilinx",
        "clean",
    ),
}
"""``quick``: ABC without its searches for equivalent nodes, which take most of the time."""
RUN = (
    "import sys; from pyosys import libyosys as y; y.run_pass('script ' + sys.argv[1], y.Design())"
)

CHAINS = r"""(* techmap_celltype = "$add $sub" *)
module chain #(parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1)
  (input [A_WIDTH-1:0] A, input [B_WIDTH-1:0] B, output [Y_WIDTH-1:0] Y);
  parameter _TECHMAP_CELLTYPE_ = "";
  wire minus = _TECHMAP_CELLTYPE_ == "$sub";
  wire [Y_WIDTH-1:0] x, co;
  \$alu #(.A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED), .A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH),
    .Y_WIDTH(Y_WIDTH)) _TECHMAP_REPLACE_ (.A, .B, .BI(minus), .CI(minus), .X(x), .Y, .CO(co));
endmodule
"""
"""What ``alumacc`` makes of a single adder, before it could merge two."""
BEFORE = ("proc", "opt_expr", "opt_clean", "techmap -map chains.v")


def luts(graphs: Sequence[AdderGraph], mode: str, synthesis: str = "quick") -> list[int]:
    """LUTs of every graph, inverters in front of carry chains included.

    Kept in the user's cache folder by the text that they depend on, so a run can be continued.
    """
    texts = [verilog(graph, mode == "stages") for graph in graphs]
    script = [*(BEFORE if mode == "kept" else ()), *SYNTHESIS[synthesis]]
    places = {text: _place(text, script) for text in texts}
    missing = [text for text, place in places.items() if not place.exists()]
    for text, count in zip(missing, _synthesised(missing, script), strict=True):
        places[text].parent.mkdir(parents=True, exist_ok=True)
        places[text].write_text(str(count))
    return [int(places[text].read_text()) for text in texts]


def _place(text: str, script: Sequence[str]) -> Path:
    lines = "\n".join([version(), CHAINS, *script, text])
    key = hashlib.sha256(lines.encode()).hexdigest()
    return cache_folder() / "bench-adders" / f"{key[:24]}.json"


def _synthesised(texts: Sequence[str], script: Sequence[str]) -> list[int]:
    """Modules that share a run of Yosys and nothing else: hierarchy is kept."""
    if not texts:
        return []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        modules = [t.replace("module top(", f"module g{i}(", 1) for i, t in enumerate(texts)]
        tops = [f"(* keep *) g{i} u{i} ();" for i in range(len(texts))]
        (work / "top.v").write_text("\n".join([*modules, "module top;", *tops, "endmodule", ""]))
        (work / "chains.v").write_text(CHAINS)
        steps = ["read_verilog -sv top.v", "hierarchy -top top", *script]
        steps += ["tee -q -o stat.json stat -json", ""]
        (work / "run.ys").write_text("\n".join(steps))
        command = [sys.executable, "-c", RUN, "run.ys"]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
        stat = json.loads((work / "stat.json").read_text())["modules"]
    cells = [stat[f"\\g{i}"]["num_cells_by_type"] for i in range(len(texts))]
    return [round(resources(c).lut) + c.get("INV", 0) for c in cells]


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
