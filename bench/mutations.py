"""Breaks one thing at a time in a copy of the repository and shows which tests notice.

One command: ``python bench/mutations.py [--only TEXT]``. Every mutation is one replacement in one
file of the library or of the compiler, with the tests that must fail for it. Exit code 1 if a
mutation survives, or if the tests fail without one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from qfxc.report.screen import simple_table

ROOT = Path(__file__).resolve().parents[1]
TREES = ("compiler", "hls_lib", "rtl_lib", "templates", "boards", "tests", "docs", "examples")
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "Makefile")
RTL = "tests/ops/test_rtl_kernels.py"
HLS = "tests/ops/test_kernels.py"


@dataclass(frozen=True)
class Mutation:
    """``old`` occurs once in ``file``; ``tests`` are pytest's arguments."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def rtl(kernel: str) -> tuple[str, ...]:
    return (RTL, "-k", kernel)


MUTATIONS = (
    Mutation(
        "rescale: the rounding constant is one too low",
        "rtl_lib/qfx_dyadic.sv", "assign sum = WideBits'($signed(product)) + bias;",
        "assign sum = WideBits'($signed(product)) + bias - 1;", rtl("dyadic"),
    ),
    Mutation(
        "saturation: the upper limit is one too high",
        "rtl_lib/qfx_saturate.sv", "above ? YBits'(Hi)", "above ? YBits'(Hi + 1)", rtl("shift"),
    ),
    Mutation(
        "packed products: the borrow is not given back",
        "rtl_lib/qfx_product_dsp.sv",
        "assign carry_o[j] = g_lane[Slots-1].sum_q[j*Field-1];", "assign carry_o[j] = 1'b0;",
        rtl("matvec"),
    ),
    Mutation(
        "packed products: weights are read as unsigned",
        "rtl_lib/qfx_product_dsp.sv",
        "logic signed [WBits-1:0] own;", "logic [WBits-1:0] own;", rtl("matvec"),
    ),
    Mutation(
        "Booth products: the multiple is not negated",
        "rtl_lib/qfx_product_lut.sv", "assign neg = digit[2];", "assign neg = 1'b0;", rtl("matvec"),
    ),
    Mutation(
        "accumulator: the first sum is added to the vector before",
        "rtl_lib/qfx_accumulate.sv", "assign kept = first_i ? '0 :", "assign kept = 0 ? '0 :",
        rtl("depthwise"),
    ),
    Mutation(
        "window: rows are one pixel too far apart",
        "rtl_lib/qfx_window.sv", "NextRow = DH * Row -", "NextRow = DH * Row + Words -",
        rtl("window"),
    ),
    Mutation(
        "stencil lines: one word too short",
        "rtl_lib/qfx_lines.sv", ".Last(Depth - 1)\n    ) u_at", ".Last(Depth - 2)\n    ) u_at",
        rtl("stencil"),
    ),
    Mutation(
        "pad: the border comes a word late",
        "rtl_lib/qfx_pad.sv", ".First(Left),", ".First(Left + 1),", rtl("pad"),
    ),
    Mutation(
        "pipeline: back-pressure is dropped",
        "rtl_lib/qfx_pipe.sv",
        "assign en_o[k] = ready_i || !(&valid_q[Stages-1:k]);", "assign en_o[k] = 1'b1;",
        rtl("shift"),
    ),
    Mutation(
        "fork: a branch need not be ready",
        "rtl_lib/qfx_fork.sv", "assign all = &y_ready_i;", "assign all = y_ready_i[0];",
        rtl("fork"),
    ),
    Mutation(
        "FIFO: takes a word when it is full",
        "rtl_lib/qfx_fifo.sv",
        "!push || oldest_q != (SlotBits + 1)'(Slots - 2);", "1'b1;", rtl("add"),
    ),
    Mutation(
        "width: a narrow word out of turn",
        "rtl_lib/qfx_width.sv", "word_q  <= {x_data_i, word_q[OutBits-1:InBits]};",
        "word_q  <= {word_q[OutBits-InBits-1:0], x_data_i};", rtl("width"),
    ),
    Mutation(
        "latency: stated one too short",
        "compiler/qfxc/hw/latency.py", "    return LATENCIES[kernel.name](kernel.params)\n",
        "    return LATENCIES[kernel.name](kernel.params) - 1\n", rtl("matvec"),
    ),
    Mutation(
        "schedule: a window settles one iteration less",
        "compiler/qfxc/hw/schedule.py", "SETTLE = 4", "SETTLE = 3", ("tests/hw/test_schedule.py",),
    ),
    Mutation(
        "sizing: every FIFO is half as deep",
        "compiler/qfxc/hw/build.py", "    return resized(netlist, size(netlist))\n",
        "    sizes = {name: max(depth // 2, 1) for name, depth in size(netlist).items()}\n"
        "    return resized(netlist, sizes)\n",
        ("tests/hw/test_tokens.py",),
    ),
    Mutation(
        "HLS rescale: rounding constant left out",
        "hls_lib/include/qfx/dyadic.hpp", "wide = a * x + b;", "wide = a * x;", (HLS,),
    ),
    Mutation(
        "HLS packed products: fields are not signed",
        "hls_lib/include/qfx/dot.hpp", "decode<P::Field, true>(total)",
        "decode<P::Field, false>(total)", (HLS,),
    ),
)  # fmt: skip


def copy(folder: Path) -> None:
    for name in TREES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)


def passes(folder: Path, tests: tuple[str, ...]) -> tuple[bool, str]:
    """Whether the tests pass on the copy, and the first one that does not."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "compiler")}
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"error: {' '.join(tests)} did not run:\n{done.stdout}{done.stderr}")
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode == 0, failed[0].split(" - ")[0] if failed else ""


def mutated(folder: Path, mutation: Mutation) -> str:
    """The test that notices; empty if none does."""
    path = folder / mutation.file
    text = path.read_text()
    if text.count(mutation.old) != 1:
        raise SystemExit(f"error: {mutation.what}: {mutation.file} has no such place any more")
    path.write_text(text.replace(mutation.old, mutation.new))
    try:
        return passes(folder, mutation.tests)[1]
    finally:
        path.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows that the tests notice what is broken.")
    parser.add_argument("--only", default="", help="mutations whose text holds this")
    args = parser.parse_args()
    console = Console(width=150)
    chosen = [m for m in MUTATIONS if args.only in m.what]
    rows = []
    with tempfile.TemporaryDirectory(prefix="qfxc-mutations-") as name:
        folder = Path(name)
        copy(folder)
        for tests in dict.fromkeys(m.tests for m in chosen):
            good, failed = passes(folder, tests)
            if not good:
                raise SystemExit(f"error: {failed} without any mutation")
        for mutation in chosen:
            start = time.perf_counter()
            found = mutated(folder, mutation)
            seconds = f"{time.perf_counter() - start:.0f}"
            rows.append((mutation.what, mutation.file, found or "SURVIVES", seconds))
            console.print(f"{mutation.what}: {found or 'SURVIVES'}")
    console.print(simple_table(("mutation", "file", "noticed by", "s"), rows))
    survivors = [row for row in rows if row[2] == "SURVIVES"]
    if survivors:
        raise SystemExit(f"error: {len(survivors)} of {len(rows)} mutations survive")
    console.print(f"all {len(rows)} mutations are noticed")


if __name__ == "__main__":
    main()
