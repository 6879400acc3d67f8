"""When every iteration of a network happens: periodic schedules as arrays.

**Model.** An iteration fires in cycle t, at least one cycle after the one before it; its word
enters the stream in cycle t + latency, and can be read ``visible`` cycles later (docs/rtl.md). In a
schedule of period T, frame f does everything f * T cycles after frame 0, so one frame of times
describes it; the first iteration of a frame follows the last one of the frame before.

**Why this proves rates.** Iterations, words and places in FIFOs wait for each other only by "not
before" (a timed event graph): firing as soon as possible is the earliest of all schedules that
respect the same bounds, starting empty included. So a schedule of period T that fits into given
FIFO depths proves that hardware with these FIFOs keeps that rate and never stops.

Both directions of the recurrence ``t[k] >= t[k-1] + 1`` are a running maximum or minimum, so a pass
over a network costs a few array operations per kernel, however long its frame is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qfxc.hw.schedule import Schedule

Times = NDArray[np.int64]

FAR = 1 << 50
"""Later than any cycle; minus it, earlier."""


@dataclass(frozen=True, eq=False)
class Process:
    """What moves words: a kernel, or an end of the network (no inputs, or no outputs).

    ``reads`` and ``writes`` number streams, in the order of the schedule's ports; ``latency`` is
    what lies between an iteration and its word. ``ahead``: it could have begun a frame earlier
    (constants).
    """

    schedule: Schedule
    latency: int
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    ahead: bool = False


@dataclass(frozen=True, eq=False)
class Flow:
    """Processes, producers first; every stream has one writer and one reader."""

    processes: tuple[Process, ...]
    streams: int

    @cached_property
    def writers(self) -> list[tuple[int, int]]:
        """For every stream its writer, as (process, port)."""
        return self._ends([process.writes for process in self.processes])

    @cached_property
    def readers(self) -> list[tuple[int, int]]:
        """For every stream its reader, as (process, port)."""
        return self._ends([process.reads for process in self.processes])

    def _ends(self, ports: list[tuple[int, ...]]) -> list[tuple[int, int]]:
        found = [(-1, -1)] * self.streams
        for number, streams in enumerate(ports):
            for port, stream in enumerate(streams):
                found[stream] = (number, port)
        return found

    def behind(self, stream: int) -> list[int]:
        """The reader of a stream, and what follows it up to a fork or an output, first to last."""
        return self._run(stream, self.readers, lambda p: p.writes)

    def before(self, stream: int) -> list[int]:
        """The writer of a stream, and what comes before it up to a join or an input."""
        return self._run(stream, self.writers, lambda p: p.reads)

    def _run(
        self,
        stream: int,
        ends: list[tuple[int, int]],
        onward: Callable[[Process], tuple[int, ...]],
    ) -> list[int]:
        found: list[int] = []
        while following := onward(self.processes[ends[stream][0]]):
            found.append(ends[stream][0])
            if len(following) > 1:
                break
            stream = following[0]
        return found


def earliest(bound: Times, period: int) -> Times:
    """The earliest periodic times that are not below ``bound`` (one entry per iteration)."""
    each = np.arange(len(bound))
    free = bound - each
    np.maximum.accumulate(free, out=free)
    np.maximum(free, free[-1] + len(bound) - period, out=free)
    free += each
    return free


def latest(bound: Times, period: int) -> Times:
    """The latest periodic times that are not above ``bound``."""
    each = np.arange(len(bound))
    free = bound - each
    np.minimum.accumulate(free[::-1], out=free[::-1])
    np.minimum(free, free[0] + period - len(bound), out=free)
    free += each
    return free


def depth(written: Times, read: Times, period: int) -> int:
    """The least depth with which a FIFO admits these times of a frame's words, at least 2.

    Word n enters in its cycle if fewer than ``depth`` words were there at its start; a word read in
    cycle r makes room from r + 1 on.
    """
    before = written - 1
    frames = (before - read[0]) // period
    gone = frames * len(read) + np.searchsorted(read, before - frames * period, side="right")
    return max(2, int((np.arange(1, len(written) + 1) - gone).max()))


def within(written: Times, read: Times, period: int, depth: int) -> bool:
    """Whether a FIFO of that depth admits these times: word n - depth leaves before n enters."""
    whole, part = divmod(depth, len(read))
    left = read - whole * period
    kept = len(read) - part
    here, before = written[part:] > left[:kept], written[:part] > left[kept:] - period
    return bool(here.all() and before.all())


class Timetable:
    """One frame of times per process, for a flow at a period; ``visible`` per stream."""

    def __init__(self, flow: Flow, period: int, visible: Sequence[int]) -> None:
        self.flow, self.period, self.visible = flow, period, visible
        self.times = [np.empty(0, dtype=np.int64)] * len(flow.processes)
        for number in range(len(flow.processes)):
            self.times[number] = self.soonest(number)
        for number in reversed(range(len(flow.processes))):
            if flow.processes[number].writes:
                self.times[number] = self.last(number)

    def written(self, stream: int) -> Times:
        """When the words of a frame enter a stream."""
        number, port = self.flow.writers[stream]
        process = self.flow.processes[number]
        return self.times[number][process.schedule.writes[port]] + process.latency

    def read(self, stream: int) -> Times:
        """When the words of a frame leave a stream."""
        number, port = self.flow.readers[stream]
        return self.times[number][self.flow.processes[number].schedule.reads[port]]

    def depth(self, stream: int) -> int:
        """What a stream must hold in this timetable."""
        return depth(self.written(stream), self.read(stream), self.period)

    def immediate(self, stream: int) -> bool:
        """Whether every word is read in the cycle in which it enters."""
        return bool(np.array_equal(self.read(stream), self.written(stream)))

    def within(self, stream: int, depth: int) -> bool:
        """Whether a stream never holds more than that."""
        return within(self.written(stream), self.read(stream), self.period, depth)

    def soonest(self, number: int) -> Times:
        """As early as what a process reads is there; what reads nothing is paced evenly."""
        process = self.flow.processes[number]
        count = process.schedule.iterations
        if not process.reads:
            return np.arange(count) * self.period // count - process.ahead * self.period
        bound = np.full(count, -FAR)
        for stream, at in zip(process.reads, process.schedule.reads, strict=True):
            bound[at] = np.maximum(bound[at], self.written(stream) + self.visible[stream])
        return earliest(bound, self.period)

    def last(self, number: int) -> Times:
        """As late as the readers of a process allow."""
        process = self.flow.processes[number]
        bound = np.full(process.schedule.iterations, FAR)
        for stream, at in zip(process.writes, process.schedule.writes, strict=True):
            late = self.read(stream) - self.visible[stream] - process.latency
            bound[at] = np.minimum(bound[at], late)
        return latest(bound, self.period)
