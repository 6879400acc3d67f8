"""Streams without a FIFO: wires from the last register of a kernel to the next kernel.

A FIFO between two kernels is of use where a word may wait in it, and it ends the paths of `ready`.
Where a schedule reads every word in the cycle in which it leaves the pipeline, no word waits: there
the pipelines are joined, and become one elastic pipeline (docs/rtl.md). That needs a writer with a
register (`valid` then depends on no `ready`, so there is no loop of gates), and paths of `ready`
that stay short: they run through all kernels between two FIFOs.
"""

from __future__ import annotations

from collections.abc import Sequence

from qfxc.hw.timing import Flow, Process

LEVELS = 6
"""LUTs in a row of which `ready` paths consist at most: a choice, two thirds of a cycle at 200 MHz.
Few enough that kernels alone, with up to two, are no exception."""

SHORT = 4
"""Stages of a pipeline whose `ready` is one LUT: of `valid`, `ready` behind, a condition."""


def joinable(flow: Flow) -> list[bool]:
    """Streams between two kernels whose words come out of a register."""
    ends = zip(flow.writers, flow.readers, strict=True)
    return [
        flow.processes[writer].latency > 0 and bool(flow.processes[reader].writes)
        for (writer, _), (reader, _) in ends
    ]


def joined(flow: Flow, bits: Sequence[int], wires: Sequence[bool]) -> list[bool]:
    """Those of ``wires`` that can be, the widest first, so that no path of `ready` is too long."""
    kept = [False] * flow.streams
    order = [stream for stream, wire in enumerate(wires) if wire]
    for stream in sorted(order, key=lambda s: (-bits[s], s)):
        kept[stream] = True
        if _longest(flow, kept) > LEVELS:
            kept[stream] = False
    return kept


def _longest(flow: Flow, wires: Sequence[bool]) -> int:
    """LUTs of the longest path of `ready`."""
    reached: list[int] = []
    for process in flow.processes:
        before = [reached[flow.writers[s][0]] for s in process.reads if wires[s]]
        reached.append(_levels(process) + max(before, default=0))
    return max(reached, default=0)


def _levels(process: Process) -> int:
    return 1 if process.latency <= SHORT else 2
