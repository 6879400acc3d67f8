"""Windows of many shapes at every fold: Python ``run`` == C++, and as many iterations as stated."""

from __future__ import annotations

import subprocess
from pathlib import Path

from iterations import counting, counts
from kernel_cases import FRAMES, Case, case_of, netlist_of
from qfxc.backends.hls import render
from qfxc.backends.names import identifiers
from qfxc.backends.vectors import golden_files
from qfxc.ir.graph import Node
from qfxc.ir.types import Int
from qfxc.ops._samples import weights
from qfxc.ops.depthwise import Depthwise
from qfxc.ops.input import Input
from qfxc.ops.pool import Pool
from qfxc.ops.window import Window
from qfxc.verify import csim

INT5, UINT3 = Int(-16, 15), Int(0, 7)

WINDOWS = {
    "square": ((7, 7, 1), Window((3, 3))),
    "tall": ((9, 5, 2), Window((4, 1), (2, 1))),
    "flat": ((3, 17, 2), Window((1, 4), (1, 2))),
    "stride_beyond_the_kernel": ((11, 11, 1), Window((2, 2), (4, 3))),
    "surplus": ((10, 9, 1), Window((3, 2), (4, 3))),
    "dilated": ((9, 10, 1), Window((3, 2), (1, 1), (2, 3))),
    "dilated_and_strided": ((12, 12, 1), Window((3, 3), (2, 3), (2, 2))),
    "one_position": ((5, 4, 1), Window((4, 4), (2, 2))),
    "one_row_of_positions": ((4, 9, 1), Window((4, 2), (1, 2))),
    "wider_than_half": ((6, 20, 1), Window((2, 13), (3, 1))),
    "whole_width": ((6, 18, 1), Window((2, 18), (2, 1))),
    "memories": ((6, 24, 2), Window((2, 2))),
}
"""Shapes (H, W, C) and windows; lines of 16 words and more are memories, shorter ones registers."""


def window_cases() -> list[Case]:
    cases = []
    for i, (name, (shape, op)) in enumerate(WINDOWS.items()):
        node = Node(op, (Node(Input(shape, (INT5, UINT3)[i % 2]), (), "x"),), name)
        for fold in op.folds(node):
            if fold.pe != fold.simd:
                cases.append(case_of(f"{name}_{fold.simd}_{fold.pe}", node, fold))
    return cases


def reducer_cases() -> list[Case]:
    """Depthwise products and pooling with several taps per word, of wide and of many taps."""
    x = Node(Input((3, 24), Int.of_bits(25, signed=True)), (), "x")
    many = Node(Input((2, 75), UINT3), (), "x")
    nodes = (
        Node(Depthwise(), (x, weights((8, 3), Int.of_bits(16, signed=True), 1)), "wide"),
        Node(Depthwise(), (many, weights((25, 3), INT5, 2)), "many"),
        Node(Pool("max", 8), (x,), "max"),
        Node(Pool("sum", 25, (3, 1)), (many,), "sum"),
    )
    cases = []
    for node in nodes:
        assert isinstance(node.op, (Depthwise, Pool))
        for fold in node.op.folds(node):
            if fold.pe != fold.simd:
                stem = node.op.stem
                name = f"{stem}_{node.name}_{fold.simd}_{fold.variant.label}"
                cases.append(case_of(name, node, fold))
    return cases


def test_several_taps_per_word(tmp_path: Path) -> None:
    cases = [*window_cases(), *reducer_cases()]
    netlist, golden = netlist_of(cases)
    for name, content in golden_files(netlist, golden).items():
        assert isinstance(content, bytes)
        (tmp_path / name).write_bytes(content)
    written = tmp_path / "iterations.txt"
    written.touch()
    files = counting(render(netlist, "xczu3eg-sbva484-1-i", 5.0))
    binary = csim.build(files, optimize="-O0")
    command = [str(binary), "check", str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    counted = counts(written.read_text())
    names = identifiers([i.name for i in netlist.instances], "u_")
    for case in cases:
        assert counted[names[case.instance.name]] == FRAMES * case.cycles, case.name
