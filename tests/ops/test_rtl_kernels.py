"""Every sample of every kernel operator: Python ``run`` == SystemVerilog, at the stated speed.

The cases of a kernel are instances of one netlist, rendered, compiled by Verilator and simulated as
any network is: at full speed, and with random stalls at every port. `-k matvec` runs one kernel.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from kernel_cases import (
    FRAMES,
    Case,
    deep_cases,
    glue_cases,
    netlist_of,
    sample_cases,
    widest_cases,
)
from qfxc.backends import rtl
from qfxc.hw.latency import fifo_latency, latency
from qfxc.hw.schedule import schedule
from qfxc.verify import rtlsim
from qfxc.verify.rtlsim import Timing

SEEDS = (1, 2)
PATIENCE = 20_000


@cache
def cases() -> dict[str, list[Case]]:
    """All cases by the kernel that they instantiate."""
    found: dict[str, list[Case]] = {}
    for case in [*sample_cases(), *deep_cases(), *widest_cases(), *glue_cases()]:
        found.setdefault(case.instance.kernel.name, []).append(case)
    return found


class Simulated:
    """All cases of one kernel, built."""

    def __init__(self, kernel: str) -> None:
        self.cases = cases()[kernel]
        self.netlist, self.golden = netlist_of(self.cases)
        self.binary = rtlsim.build(rtl.render(self.netlist), optimize="-O0", jobs=2)
        self.outputs, self.timing = self.run(None)

    def run(self, seed: int | None) -> tuple[list[NDArray[np.int64]], Timing]:
        return rtlsim.run(
            self.binary,
            self.netlist,
            self.golden.inputs,
            seed=seed,
            patience=PATIENCE,
            frames=FRAMES,
        )

    def require_golden(self, outputs: list[NDArray[np.int64]]) -> None:
        for stream, expected, got in zip(
            self.netlist.outputs, self.golden.outputs, outputs, strict=True
        ):
            assert np.array_equal(expected.reshape(got.shape), got), stream.name


@pytest.fixture(scope="module", params=sorted(cases()))
def simulated(request: pytest.FixtureRequest) -> Simulated:
    return Simulated(request.param)


def test_it_equals_its_definition(simulated: Simulated) -> None:
    simulated.require_golden(simulated.outputs)


@pytest.mark.parametrize("seed", SEEDS)
def test_stalls_change_nothing(simulated: Simulated, seed: int) -> None:
    simulated.require_golden(simulated.run(seed)[0])


def test_it_takes_the_cycles_that_it_states(simulated: Simulated) -> None:
    """Frames end exactly ``cycles`` apart where the source and the sink are fast."""
    ends = iter(simulated.timing.out_last)
    for case in simulated.cases:
        for _ in case.instance.outputs:
            assert list(np.diff(next(ends))) == [case.cycles] * (FRAMES - 1), case.name


def test_every_word_leaves_when_it_is_stated(simulated: Simulated) -> None:
    """Schedule, latency and FIFOs give the cycle of the first and the last word of every frame."""
    ends = zip(simulated.timing.out_first, simulated.timing.out_last, strict=True)
    for case in simulated.cases:
        for expected in stated(case):
            first, last = next(ends)
            assert (first, last) == expected, case.name


def stated(case: Case) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Per output, when the first and the last word of every frame leave.

    Word n is at the port in cycle n and behind its FIFO one cycle later; iterations follow each
    other as soon as their words are there; results go through one more FIFO. The shell is wires.
    """
    kernel = case.instance.kernel
    plan = schedule(kernel)
    frames = np.arange(FRAMES)[:, None]
    numbers = np.arange(FRAMES * plan.iterations)
    there = np.zeros_like(numbers)
    for reads, stream in zip(plan.reads, case.instance.inputs, strict=True):
        at = (frames * plan.iterations + reads).reshape(-1)
        there[at] = np.maximum(
            there[at], np.arange(at.size) + fifo_latency(stream.depth, stream.block)
        )
    fires = np.maximum.accumulate(there - numbers) + numbers
    leaves = [
        fires[frames * plan.iterations + writes]
        + latency(kernel)
        + fifo_latency(stream.depth, stream.block)
        for writes, stream in zip(plan.writes, case.instance.outputs, strict=True)
    ]
    return [(tuple(x[:, 0].tolist()), tuple(x[:, -1].tolist())) for x in leaves]
