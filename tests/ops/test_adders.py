"""Dot products as circuits of adders: exact, pipelined as stated, and legal for every tool."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from kernel_cases import case_of, frames_of, netlist_of
from qfxc.backends import hls, rtl
from qfxc.ir.circuit import Circuit, Lane, Register, operands
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, KernelOp, Variant
from qfxc.ir.types import Int
from qfxc.ops._samples import source
from qfxc.ops.const import int_const
from qfxc.ops.depthwise import Depthwise
from qfxc.ops.matvec import MatVec

INT6, UINT3 = Int(-32, 31), Int(0, 7)


def node_of(op: KernelOp, shape: tuple[int, ...], w: Int, x: Int, seed: int) -> Node:
    rng = np.random.default_rng(seed)
    codes = rng.integers(w.lo, w.hi + 1, shape) * rng.integers(0, 2, shape)
    codes.flat[0] = w.lo
    vector = shape[0] * shape[1]
    return Node(op, (source((3, vector), x), int_const(codes, w, "w")), f"n{seed}")


NODES = [
    node_of(MatVec(), (1, 7, 5), INT6, Int(-128, 127), 1),
    node_of(MatVec(), (3, 4, 2), INT6, UINT3, 2),
    node_of(MatVec(), (1, 16, 9), Int(-1, 1), Int(-3, 4), 3),
    node_of(Depthwise(), (9, 4), INT6, UINT3, 4),
    node_of(MatVec(), (1, 2, 3), Int(-1, 0), Int(2, 5), 5),
    node_of(MatVec(), (1, 3, 2), Int(0, 0), INT6, 6),
]


def tree(node: Node) -> Fold:
    assert isinstance(node.op, KernelOp)
    return next(f for f in node.op.folds(node) if f.variant is Variant.TREE)


def circuit(node: Node, levels: int = 0) -> Circuit:
    assert isinstance(node.op, KernelOp)
    body = node.op.kernel(node, replace(tree(node), levels=levels)).body
    assert body is not None
    return body.circuit


@pytest.mark.parametrize("levels", [0, 1, 3])
@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_a_circuit_computes_its_node(node: Node, levels: int) -> None:
    frames = frames_of(node.inputs[0], np.random.default_rng(9))
    expected = node.op.run(node, frames, node.inputs[1].op.run(node.inputs[1]))
    got = circuit(node, levels).run(frames.reshape(-1, frames.shape[-1]))
    assert np.array_equal(got.reshape(expected.shape), expected)


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_stages(node: Node, levels: int) -> None:
    """Operands lie in the stage of their sum, at most ``levels`` sums follow each other in one."""
    made = circuit(node, levels)
    stages: list[int] = []
    depths: list[int] = []
    for wire in made.wires:
        before = [o.wire for o in operands(wire)]
        match wire:
            case Lane():
                stages.append(0)
                depths.append(0)
            case Register():
                assert stages[wire.wire] == wire.stage
                stages.append(wire.stage + 1)
                depths.append(0)
            case _:
                assert len({stages[n] for n in before}) == 1
                stages.append(stages[before[0]])
                depths.append(1 + max(depths[n] for n in before))
    assert max(depths, default=0) <= levels
    assert all(o is None or stages[o.wire] == made.stages for o in made.outputs)
    assert made.stages == made.counts["Stages"]


def test_written_sources_multiply_nothing() -> None:
    """No ``*`` outside comments, neither in SystemVerilog nor in C++."""
    netlist, _ = netlist_of([case_of(node.name, node, tree(node)) for node in NODES])
    files = {**rtl.render(netlist), **hls.render(netlist, "xczu3eg-sbva484-1-i", 5.0)}
    written = [str(text) for path, text in files.items() if "/u_" in path or "_u_" in path]
    assert len(written) == 2 * len(NODES)
    assert not any("*" in re.sub(r"//.*|@\(posedge|#pragma.*", "", text) for text in written)


def test_equal_layers_are_written_alike() -> None:
    texts = {rtl.module_text(NODES[0].op.kernel(NODES[0], tree(NODES[0])), "m", "t") for _ in "ab"}
    assert len(texts) == 1


def test_too_large_words_are_no_trees() -> None:
    node = node_of(MatVec(), (1, 600, 2), INT6, Int(-128, 127), 7)  # 4800 bits
    assert Variant.TREE not in {fold.variant for fold in node.op.folds(node)}
