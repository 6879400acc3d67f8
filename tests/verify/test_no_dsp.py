"""What ``--no-dsp`` promises: no ``*`` between signals in RTL, no DSP that synthesis counts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import no_dsp
from kernel_cases import kernel_ops
from networks import NETWORKS
from qfxc.hw.cost import fifo_kernel, kernel_cost
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Variant
from qfxc.verify import synth
from qfxc.verify.synth_source import Module, kernel_module, mem_file, script_text, top_text

YOSYS = "import sys; from pyosys import libyosys as y; y.run_pass('script run.ys', y.Design())"

PRODUCTS = {"$mul", "$macc", "$macc_v2", "$div", "$mod", "$divfloor", "$modfloor", "$pow"}
"""Cells of Yosys that synthesis may build of DSPs, or of arrays of adders."""


def products(kernels: Sequence[Kernel], work: Path) -> list[str]:
    """Where a product, quotient or remainder of two signals is left after ``proc; opt``.

    A constant factor is none: it is shifts and additions. Parameters are constants, inputs of a
    module are signals, whatever is connected to them.
    """
    modules = list({m.digest: m for m in map(kernel_module, kernels)}.values())
    _elaborate(modules, work)
    net = json.loads((work / "net.json").read_text())["modules"]
    return sorted(
        {
            f"{cell['type']} {cell['attributes'].get('src', '?').split('/')[-1]}"
            for module in net.values()
            for cell in module["cells"].values()
            if cell["type"] in PRODUCTS and all(_varies(cell["connections"][p]) for p in "AB")
        }
    )


def _varies(bits: Sequence[int | str]) -> bool:
    """Whether any bit is a wire: constants are strings."""
    return any(isinstance(bit, int) for bit in bits)


def _elaborate(modules: Sequence[Module], work: Path) -> None:
    (work / "top.v").write_text(top_text(modules))
    for number, module in enumerate(modules):
        for name, text in module.memories.items():
            (work / mem_file(number, name)).write_text(text)
    script = script_text(modules).splitlines()
    read = [line for line in script if line.startswith(("read_verilog", "hierarchy"))]
    (work / "run.ys").write_text("\n".join([*read, "proc", "opt", "write_json net.json", ""]))
    command = [sys.executable, "-c", YOSYS]
    run = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]


def nodes() -> list[Node]:
    """Samples whose products a DSP would take, at least one of every such operator."""
    every = (node for op in kernel_ops().values() for node in op.samples())
    return [node for node in every if Variant.DSP in no_dsp.offered(node)]


def least(node: Node, variant: Variant) -> Kernel:
    """The smallest kernel of a variant."""
    assert isinstance(node.op, KernelOp)
    folds: list[Fold] = [fold for fold in node.op.folds(node) if fold.variant is variant]
    return node.op.kernel(node, min(folds, key=lambda fold: (fold.simd * fold.pe, fold)))


def first_of_every_operator(variant: Variant) -> list[Kernel]:
    found: dict[str, Kernel] = {}
    for node in nodes():
        if variant in no_dsp.offered(node):
            found.setdefault(node.op.stem, least(node, variant))
    return list(found.values())


def test_every_operator_with_dsps_can_do_without() -> None:
    stems = {node.op.stem for node in nodes()}
    assert {"matvec", "depthwise", "mul", "dyadic", "pool"} <= stems
    others = {Variant.LUT, Variant.SHIFT, Variant.TREE}
    assert all(no_dsp.offered(node) & others for node in nodes())


def test_no_kernel_multiplies_signals(tmp_path: Path) -> None:
    assert products([case.instance.kernel for case in no_dsp.kernel_cases()], tmp_path) == []


@pytest.mark.parametrize(
    ("network", "recipe"),
    [*((name, "dyadic") for name in NETWORKS), ("preactivation", "shift{k=2}")],
)
def test_no_design_multiplies_signals(network: str, recipe: str, tmp_path: Path) -> None:
    netlist = no_dsp.netlist(network, recipe)
    fifos = [fifo_kernel(s.depth, s.bits) for s in netlist.streams if s.depth]
    assert products([*(i.kernel for i in netlist.instances), *fifos], tmp_path) == []


def test_a_product_of_signals_is_found(tmp_path: Path) -> None:
    kernels = first_of_every_operator(Variant.DSP)
    assert {k.name for k in kernels} == {"matvec", "depthwise", "mul", "dyadic", "pool"}
    for kernel in kernels:
        folder = tmp_path / kernel.name
        folder.mkdir()
        (found,) = products([kernel], folder)
        assert found.startswith("$mul qfx_product_dsp.sv:")


@pytest.mark.slow
def test_synthesis_counts_none() -> None:
    plain = first_of_every_operator(Variant.LUT)
    kernels = [*plain, *first_of_every_operator(Variant.TREE)]
    found = synth.measure([kernel_module(kernel) for kernel in kernels])
    assert [cost.dsp for cost in found if cost is not None] == [0] * len(kernels)
    assert [kernel_cost(kernel).dsp for kernel in kernels] == [0] * len(kernels)


def test_synthesis_counts_those_of_dsps() -> None:
    """The same count sees a DSP where there is one."""
    kernel = next(k for k in first_of_every_operator(Variant.DSP) if k.name == "mul")
    (found,) = synth.measure([kernel_module(kernel)])
    assert found is not None
    assert found.dsp == kernel_cost(kernel).dsp > 0
