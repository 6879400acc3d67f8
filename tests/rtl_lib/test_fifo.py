"""qfx_fifo keeps what docs/rtl.md promises: capacity, latency, order, one word per cycle."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from qfxc.share import folder
from qfxc.verify.verilator import verilator

SHAPES = (
    *((4, 1), (5, 2), (30, 2)),  # registers
    *((5, 3), (23, 16), (1, 17), (9, 32)),  # shift registers
    *((24, 3), (40, 16), (24, 32), (6, 33), (8, 64), (3, 100), (30, 128), (5, 129), (7, 256)),
    *((5, 257), (36, 512), (36, 513), (8, 1000)),  # block memory
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
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], tuple[int, ...]]:
    """By shape: errors, the most words that it held, whether it kept the rate."""
    where = tmp_path_factory.mktemp("fifo")
    checks = [
        f"  fifo_check #({width}, {depth}) u{i} (.clk_i, .rst_ni);\n"
        for i, (width, depth) in enumerate(SHAPES)
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
    return {(width, depth): tuple(rest) for width, depth, *rest in rows}


@pytest.mark.parametrize("shape", SHAPES)
def test_it_keeps_its_promises(
    results: dict[tuple[int, int], tuple[int, ...]], shape: tuple[int, int]
) -> None:
    assert results[shape] == (0, shape[1], 1)
