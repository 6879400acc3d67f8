"""What ``--no-dsp`` promises, counted by synthesis: no variant but ``dsp`` takes a DSP."""

from __future__ import annotations

import pytest

from kernel_cases import kernel_ops
from qfxc.hw.cost import kernel_cost
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Variant
from qfxc.verify import synth
from qfxc.verify.synth_source import kernel_module


def nodes() -> list[Node]:
    """Samples whose products a DSP would take, at least one of every such operator."""
    every = (node for op in kernel_ops().values() for node in op.samples())
    return [node for node in every if Variant.DSP in offered(node)]


def offered(node: Node) -> set[Variant]:
    """The variants of an operator that has a choice."""
    assert isinstance(node.op, KernelOp)
    kinds = {fold.variant for fold in node.op.folds(node)}
    return kinds if len(kinds) > 1 else set()


def least(node: Node, variant: Variant) -> Kernel:
    """The smallest kernel of a variant."""
    assert isinstance(node.op, KernelOp)
    folds: list[Fold] = [fold for fold in node.op.folds(node) if fold.variant is variant]
    return node.op.kernel(node, min(folds, key=lambda fold: (fold.simd * fold.pe, fold)))


def first_of_every_operator(variant: Variant) -> list[Kernel]:
    found: dict[str, Kernel] = {}
    for node in nodes():
        if variant in offered(node):
            found.setdefault(node.op.stem, least(node, variant))
    return list(found.values())


def test_every_operator_with_dsps_can_do_without() -> None:
    stems = {node.op.stem for node in nodes()}
    assert {"matvec", "depthwise", "mul", "dyadic", "pool"} <= stems
    assert all(offered(node) & {Variant.LUT, Variant.SHIFT, Variant.TREE} for node in nodes())


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
