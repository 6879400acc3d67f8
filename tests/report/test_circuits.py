"""The report on circuits of adders: how large they are, and what they contain."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

import onnx_nets as nets
import qfxc
from kernel_cases import case_of, netlist_of
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Variant
from qfxc.ir.types import Int
from qfxc.ops._samples import source
from qfxc.ops.const import int_const
from qfxc.ops.matvec import MatVec
from qfxc.report.circuits import circuit_lines, circuits, inside
from qfxc.report.screen import show


def test_size_of_a_circuit() -> None:
    """y0 = 5 a + 3 b takes three adders, two behind each other; y1 = -a one more; y2 = 8 b none."""
    const = int_const(np.array([[[5, -1, 0], [3, 0, 8]]]), Int(-1, 8), "w")
    node = Node(MatVec(), (source((1, 2), Int(-8, 7)), const), "fc")
    fold = next(f for f in MatVec().folds(node) if f.variant is Variant.TREE)
    netlist, _ = netlist_of([case_of("fc", node, fold)])
    (found,) = circuits(netlist).values()
    assert (found["adders"], found["depth"]) == (4, 2)
    assert found["stages"] >= 1
    rows = [{"circuit": found}, {"circuit": None}, {"circuit": {**found, "nodes": ["a", "b"]}}]
    assert circuit_lines(rows) == [
        "circuits of adders: 2 layers, 8 adders, at most 2 behind each other and "
        f"{found['stages']} register stages"
    ]
    assert inside(rows) == {"b"}
    assert circuit_lines([{"circuit": None}]) == []


def test_every_tree_of_a_design_has_one(capsys: pytest.CaptureFixture[str]) -> None:
    net = qfxc.compile(
        nets.residual(), calib=nets.pixels(), input="uint8", max_dsp=0, verify="none"
    )
    layers = net.report["layers"]
    trees = [row for row in layers if row["variant"] == "tree"]
    assert trees
    assert [row for row in layers if row["circuit"]] == trees
    assert all(row["circuit"]["nodes"][0] == row["name"] for row in trees)
    show(Console(width=200), net.report)
    text = capsys.readouterr().out
    assert f"circuits of adders: {len(trees)} layers" in text
    assert text.count("in the tree") == len(inside(layers))
