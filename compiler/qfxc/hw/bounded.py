"""The first frame through empty FIFOs of given depths, cycle by cycle, without stepping cycles.

A word waits for its predecessors, never for its successors, so the first frame's times depend on no
other frame. They are the least solution of "not before" bounds (hw/timing.py): of the input words,
of the iteration before, and of room. Room: word n enters after word n - depth has left. While its
output has no room a pipeline of L stages takes L more iterations, then it waits as a whole:
iteration k fires when the word of iteration k - L leaves the pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qfxc.errors import InternalError
from qfxc.hw.timing import FAR, Flow, Times, earliest


def first_frame(flow: Flow, depths: Sequence[int], visible: Sequence[int]) -> int:
    """Cycles from the first word's way into the network to the last word's way out of it.

    Every input always has its next word. ``visible``: how many cycles after a word has entered a
    stream it can be read. The depths must admit a schedule: with others the network
    may stop, which is an InternalError here.
    """
    run = _Run(flow, depths, visible)
    run.settle()
    processes = list(enumerate(flow.processes))
    taken = min(int(run.leaves[n][0]) for n, p in processes if not p.reads and not p.ahead)
    return max(int(run.fires[n][-1]) for n, p in processes if not p.writes) - taken


class _Run:
    """``fires`` and ``leaves`` (latency not counted) of every iteration of every process."""

    def __init__(self, flow: Flow, depths: Sequence[int], late: Sequence[int]) -> None:
        self._flow, self._depths, self._late = flow, depths, late
        starts = [np.arange(p.schedule.iterations) for p in flow.processes]
        self.fires, self.leaves = list(starts), list(starts)
        # no chain of bounds visits an iteration twice
        self._end = sum(p.schedule.iterations * (p.latency + 3) for p in flow.processes)

    def settle(self) -> None:
        """Forward, backward, forward, .. over what changed, until nothing does."""
        order = list(range(len(self._flow.processes)))
        waiting = set(order)
        while waiting:
            for number in order:
                if number in waiting:
                    waiting.discard(number)
                    waiting |= self._update(number)
            order.reverse()

    def _update(self, number: int) -> set[int]:
        """Who must look again after this process did."""
        fires, leaves = self._solved(number)
        process, changed = self._flow.processes[number], set()
        if not np.array_equal(fires, self.fires[number]):
            changed |= {self._flow.writers[s][0] for s in process.reads}
        if not np.array_equal(leaves, self.leaves[number]):
            changed |= {self._flow.readers[s][0] for s in process.writes}
        if leaves[-1] > self._end:
            raise InternalError("FIFO depths for which the network stops")
        self.fires[number], self.leaves[number] = fires, leaves
        return changed

    def _solved(self, number: int) -> tuple[Times, Times]:
        process = self._flow.processes[number]
        ready = np.full(process.schedule.iterations, 0)
        for stream, at in zip(process.reads, process.schedule.reads, strict=True):
            ready[at] = np.maximum(ready[at], self._visible(stream))
        fires = earliest(ready, FAR)
        room = fires.copy()
        for stream, at in zip(process.writes, process.schedule.writes, strict=True):
            depth = self._depths[stream]
            late = at[depth:]
            # without a FIFO a word leaves the pipeline in the cycle in which it is read
            space = self._freed(stream)[: len(late)] + (depth > 0) - process.latency
            room[late] = np.maximum(room[late], space)
        leaves = earliest(room, FAR)
        stages = process.latency
        if not stages:
            return leaves, leaves
        fires[stages:] = np.maximum(fires[stages:], leaves[:-stages] + stages)
        return fires, leaves

    def _visible(self, stream: int) -> Times:
        """When the words of a stream can be read."""
        number, port = self._flow.writers[stream]
        process = self._flow.processes[number]
        entered = self.leaves[number][process.schedule.writes[port]] + process.latency
        return np.asarray(entered + self._late[stream])

    def _freed(self, stream: int) -> Times:
        """When the words of a stream are read."""
        number, port = self._flow.readers[stream]
        return self.fires[number][self._flow.processes[number].schedule.reads[port]]
