"""What ``--no-dsp`` builds: every kernel that it may choose, and whole small designs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from kernel_cases import Case, case_of, kernel_ops
from networks import NETWORKS
from qfxc.hw.board import load
from qfxc.hw.design import design
from qfxc.hw.netlist import Netlist
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, KernelOp, Variant
from qfxc.passes.base import override, run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize
from qfxc.quantize.recipes import recipe_passes


def offered(node: Node) -> set[Variant]:
    """The variants of an operator that has a choice."""
    assert isinstance(node.op, KernelOp)
    kinds = {fold.variant for fold in node.op.folds(node)}
    return kinds if len(kinds) > 1 else set()


def without_dsps(node: Node) -> list[Fold]:
    """The narrowest fold and one in the middle, of every variant that takes no DSP."""
    assert isinstance(node.op, KernelOp)
    folds = node.op.folds(node)
    choice = {fold.variant for fold in folds} - {Variant.DSP} or {Variant.DSP}
    found = []
    for variant in sorted(choice):
        own = sorted((f for f in folds if f.variant is variant), key=lambda f: (f.simd * f.pe, f))
        found += dict.fromkeys((own[0], own[len(own) // 2]))
    return found


def kernel_cases() -> list[Case]:
    """Every sample of every operator at those folds."""
    return [
        case_of(f"{stem}_{node.name}_{fold.simd}_{fold.pe}_{fold.variant.label}", node, fold)
        for stem, op in kernel_ops().items()
        for node in op.samples()
        for fold in without_dsps(node)
    ]


@cache
def netlist(network: str, recipe: str = "dyadic") -> Netlist:
    """A small network as ``--no-dsp`` plans it for the Ultra96."""
    graph, frames = NETWORKS[network]()
    steps = (
        replace(s, frames=(frames,), method="minmax") if isinstance(s, Quantize) else s
        for s in override(pipeline(), recipe_passes(recipe))
    )
    board = replace(load("ultra96"), max_dsp=0)
    made = design(run_passes(graph, tuple(steps)), board, board.clock_mhz, name=network)
    assert made.plan.cost.dsp == 0
    return made.netlist
