"""qfx_fifo keeps what docs/rtl.md promises: capacity, latency, order, one word per cycle."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from qfxc.share import folder
from qfxc.verify.verilator import verilator

SHAPES = (
    (4, 1, 0),  # a register
    *((5, 2, 0), (5, 3, 0), (23, 16, 0), (1, 17, 0), (9, 32, 0)),  # shift registers
    *((30, 2, 0), (24, 3, 0), (40, 16, 0), (24, 32, 0), (6, 33, 0), (8, 64, 0)),  # distributed
    *((3, 100, 0), (30, 128, 0), (5, 129, 0), (7, 256, 0), (5, 300, 0)),
    *((5, 3, 1), (30, 4, 1), (9, 17, 1), (24, 33, 1), (5, 34, 1), (5, 257, 1)),  # block memory
    *((36, 512, 1), (36, 513, 1), (36, 514, 1), (8, 1000, 1)),
)
MAIN = """#include "Vtop.h"
int main(int argc, char** argv) {
  Verilated::commandArgs(argc, argv);
  Vtop top;
  for (long i = 0; i < 80000; ++i) {
    top.clk_i = i & 1;
    top.rst_ni = i > 10;
    top.eval();
  }
  top.final();
}
"""


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[int, int, int], tuple[int, ...]]:
    """By shape: errors, the most words that it held, whether it kept the rate."""
    where = tmp_path_factory.mktemp("fifo")
    checks = [
        f"  fifo_check #({width}, {depth}, {block}) u{i} (.clk_i, .rst_ni);\n"
        for i, (width, depth, block) in enumerate(SHAPES)
    ]
    top = "module top (input logic clk_i, input logic rst_ni);\n" + "".join(checks) + "endmodule\n"
    (where / "top.sv").write_text(top)
    (where / "main.cpp").write_text(MAIN)
    rtl, found = folder("rtl_lib"), verilator()
    sources = [rtl / f"qfx_{name}.sv" for name in ("pkg", "counter", "fifo")]
    command = [
        *(str(found.binary), "--cc", "--exe", "--build", "--top", "top", f"-I{rtl}"),
        *("-CFLAGS", "-O1", "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include", "--Mdir", "obj"),
        *(*map(str, sources), str(Path(__file__).with_name("fifo_check.sv")), "top.sv", "main.cpp"),
    ]
    done = subprocess.run(command, cwd=where, env=found.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    run = subprocess.run([where / "obj" / "Vtop"], capture_output=True, text=True, check=True)
    rows = [tuple(map(int, line.split())) for line in run.stdout.splitlines()]
    return {(width, depth, block): tuple(rest) for width, depth, block, *rest in rows}


@pytest.mark.parametrize("shape", SHAPES)
def test_it_keeps_its_promises(
    results: dict[tuple[int, int, int], tuple[int, ...]], shape: tuple[int, int, int]
) -> None:
    assert results[shape] == (0, shape[1], 1)
