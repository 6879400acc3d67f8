"""Every sample of every kernel operator: Python ``run`` == C++, bit for bit, frame after frame.

All cases are instances of one netlist, rendered and simulated as any network is, so g++ parses the
headers once per 24 cases. The test bench counts the words, so an instance that takes too much of
a frame or leaves some of it in the stream fails too.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from iterations import counting, counts
from kernel_cases import (
    FRAMES,
    Case,
    glue_cases,
    kernel_ops,
    netlist_of,
    sample_cases,
    widest_cases,
)
from qfxc.backends.hls import render
from qfxc.backends.names import identifiers
from qfxc.backends.vectors import Golden, golden_files
from qfxc.hw.cost import kernel_cost
from qfxc.hw.netlist import Netlist
from qfxc.ir.kernel import Cost
from qfxc.verify import csim

PART, CLOCK = "xczu3eg-sbva484-1-i", 5.0


class Simulated:
    """The built test bench of all cases."""

    def __init__(self, cases: list[Case]) -> None:
        self.cases = cases
        self.netlist, self.golden = netlist_of(cases)
        files = counting(render(self.netlist, PART, CLOCK))
        self.binary = csim.build(files, optimize="-O0")

    def check(self, folder: Path, golden: Golden) -> subprocess.CompletedProcess[str]:
        for name, content in golden_files(self.netlist, golden).items():
            assert isinstance(content, bytes)
            (folder / name).write_bytes(content)
        command = [str(self.binary), "check", str(folder)]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return Simulated([*sample_cases(), *widest_cases(), *glue_cases()])


def test_every_kernel_equals_its_definition(simulated: Simulated, tmp_path: Path) -> None:
    result = simulated.check(tmp_path, simulated.golden)
    assert result.returncode == 0, result.stdout
    assert "PASS: every word of 5 frames is equal" in result.stdout


def test_every_kernel_takes_the_cycles_that_it_states(simulated: Simulated, tmp_path: Path) -> None:
    """Iterations of the C++ loops == ``cycles`` of the operator, for every case."""
    written = tmp_path / "iterations.txt"
    written.touch()
    simulated.check(tmp_path, simulated.golden)
    counted = counts(written.read_text())
    names = identifiers([i.name for i in simulated.netlist.instances], "u_")
    for case in simulated.cases:
        assert counted[names[case.instance.name]] == FRAMES * case.cycles, case.name


def test_run_mode_gives_the_same_arrays(simulated: Simulated) -> None:
    steps: list[tuple[int, int]] = []
    outputs, timing = csim.run_timed(
        simulated.binary,
        simulated.netlist,
        simulated.golden.inputs,
        lambda done, total: steps.append((done, total)),
    )
    for expected, got in zip(simulated.golden.outputs, outputs, strict=True):
        assert np.array_equal(expected.reshape(got.shape), got)
    assert timing.frames == 5
    assert steps == [(i, 5) for i in range(1, 6)]


def test_one_wrong_bit_is_found(simulated: Simulated, tmp_path: Path) -> None:
    """The last element of the last frame of one case, one off: named, and exit code 1."""
    at = next(i for i, s in enumerate(simulated.netlist.outputs) if "matvec_signed" in s.name)
    stream = simulated.netlist.outputs[at]
    outputs = [x.copy() for x in simulated.golden.outputs]
    right = int(outputs[at].reshape(-1)[-1])
    outputs[at].reshape(-1)[-1] = right ^ 1
    result = simulated.check(tmp_path, Golden(simulated.golden.inputs, outputs))
    name = identifiers([s.name for s in simulated.netlist.streams], "s_")[stream.name]
    assert result.returncode == 1
    assert (
        f"MISMATCH output {name}, frame 4, word {stream.words - 1}, lane {stream.lanes - 1}: "
        f"expected {right ^ 1}, got {right}\n" in result.stdout
    )
    assert "FAIL: 1 mismatches" in result.stdout


def test_missing_golden_vectors_are_an_error(simulated: Simulated, tmp_path: Path) -> None:
    command = [str(simulated.binary), "check", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "error: cannot read" in result.stderr


@pytest.mark.parametrize("stem", sorted(kernel_ops()))
def test_folds_costs_and_cycles(stem: str) -> None:
    """Every legal fold has whole words and a sane cost; the narrowest is the slowest."""
    for node in kernel_ops()[stem].samples():
        op = node.op
        assert isinstance(op, kernel_ops()[stem])
        folds = op.folds(node)
        assert len(set(folds)) == len(folds) >= 1
        assert 0 <= op.lag(node) <= 1
        slowest = max(op.cycles(node, fold) for fold in folds)
        assert op.cycles(node, min(folds)) == slowest
        for fold in folds:
            assert node.type.size % fold.pe == 0
            assert all(x.type.size % fold.simd == 0 for x in node.streams)
            words = [node.type.size // fold.pe, *(x.type.size // fold.simd for x in node.streams)]
            # concat takes its inputs in turn, so the sum of their words is at most the output's
            assert op.cycles(node, fold) >= max(words)
            assert kernel_cost(op.kernel(node, fold)).fits(Cost(10**6, 10**6, 10**4, 10**4))


def test_a_netlist_is_rendered_the_same_twice() -> None:
    netlist, golden = netlist_of(sample_cases())
    assert render(netlist, PART, CLOCK, golden) == render(netlist, PART, CLOCK, golden)


def test_frames_are_independent_of_their_order(simulated: Simulated, tmp_path: Path) -> None:
    """Reversed frames give reversed results: nothing is kept from one frame to the next."""
    inputs = [x[::-1] for x in simulated.golden.inputs]
    outputs = [y[::-1] for y in simulated.golden.outputs]
    result = simulated.check(tmp_path, Golden(inputs, outputs))
    assert result.returncode == 0, result.stdout


def test_netlist_of_all_cases_is_complete() -> None:
    """Every kernel of the contract is among the cases."""
    netlist: Netlist = netlist_of([*sample_cases(), *glue_cases()])[0]
    made = {instance.kernel.name for instance in netlist.instances}
    assert made == {*kernel_ops(), "adders", "stencil", "fork", "width"}
