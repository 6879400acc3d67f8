"""Schedules as arrays equal the loops, iteration by iteration, and take what operators state."""

import pytest
from hw_tokens import Step
from hw_tokens import schedule as stepped

from kernel_cases import Case, glue_cases, kernel_ops
from qfxc.hw.netlist import Instance
from qfxc.hw.schedule import Schedule, schedule
from qfxc.ir.kernel import Kernel, KernelOp


def steps(found: Schedule) -> list[Step]:
    """The iterations of a schedule: what each reads and writes."""
    reads: list[tuple[int, ...]] = [()] * found.iterations
    writes: list[tuple[int, ...]] = [()] * found.iterations
    for into, ports in ((reads, found.reads), (writes, found.writes)):
        for port, at in enumerate(ports):
            for k in at:
                into[k] = (*into[k], port)
    return list(zip(reads, writes, strict=True))


def check(kernel: Kernel) -> None:
    assert steps(schedule(kernel)) == list(stepped(Instance("u", kernel, (), ())))


@pytest.mark.parametrize("stem", sorted(kernel_ops()))
def test_every_sample_at_every_fold(stem: str) -> None:
    for node in kernel_ops()[stem].samples():
        assert isinstance(node.op, KernelOp)
        for fold in node.op.folds(node):
            kernel = node.op.kernel(node, fold)
            check(kernel)
            assert schedule(kernel).iterations == node.op.cycles(node, fold)


@pytest.mark.parametrize("case", glue_cases(), ids=lambda case: case.name)
def test_glue(case: Case) -> None:
    check(case.instance.kernel)


def test_equal_parameters_share_a_schedule() -> None:
    a, b = (Kernel("table", {"Words": 5, "Lanes": lanes}) for lanes in (1, 1))
    assert schedule(a) is schedule(b)
