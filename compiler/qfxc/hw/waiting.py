"""Where words wait: moves what FIFOs hold to where it takes the fewest bits.

A timetable that is as late as possible stores as far up as possible, which may be in front of a
kernel that narrows what it reads: 84 bits of an accumulator instead of 32 of the activation. Moving
a kernel to its earliest possible time moves the words that wait in front of it to the stream behind
it, and with further kernels behind that further down; the reverse moves them up. Every step leaves
an admissible timetable, so the search may stop anywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from qfxc.hw.glue import SRL_DEPTH
from qfxc.hw.timing import Times, Timetable

LONGEST_RUN = 12
"""Kernels that move together; chains between two buffers are shorter."""
SWEEPS = 3
"""Sweeps after which nothing moved any more in all networks tried, and one more."""


@dataclass
class Waiting:
    """Improves ``table`` in place; ``bits`` are the widths of the streams."""

    table: Timetable
    bits: Sequence[int]
    _prices: dict[int, int] = field(default_factory=dict)
    _settled: set[tuple[int, bool]] = field(default_factory=set)
    """Moves that gain nothing until something around them changes."""
    _around: dict[int, set[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(set))
    """Moves to try again after a process has changed."""

    def improve(self) -> None:
        """Moves every deep FIFO's words down or up while that saves bits."""
        for _ in range(SWEEPS):
            streams = range(self.table.flow.streams)
            moved = [self._move(s, down=True) for s in streams if self._deep(s)]
            moved += [self._move(s, down=False) for s in reversed(streams) if self._deep(s)]
            if not any(moved):
                return

    def _deep(self, stream: int) -> bool:
        return self._price(stream) > SRL_DEPTH * self.bits[stream]

    def _price(self, stream: int) -> int:
        """Bits of a FIFO; up to the depth of a shift register all cost the same, wires nothing."""
        if stream not in self._prices:
            if not self.table.visible[stream] and self.table.immediate(stream):
                self._prices[stream] = 0
                return 0
            shallow = self.table.within(stream, SRL_DEPTH)
            depth = SRL_DEPTH if shallow else self.table.depth(stream)
            self._prices[stream] = depth * self.bits[stream]
        return self._prices[stream]

    def _move(self, stream: int, *, down: bool) -> bool:
        """Tries 1, 2, .. kernels from the stream on and keeps the best; whether that is any."""
        if (stream, down) in self._settled:
            return False
        table = self.table
        run = (table.flow.behind(stream) if down else table.flow.before(stream))[:LONGEST_RUN]
        retime: Callable[[int], Times] = table.soonest if down else table.last
        old, best, total, kept = {}, 0, 0, 0
        for count, number in enumerate(run, 1):
            times = retime(number)
            if np.array_equal(times, table.times[number]):
                break  # nothing waits further on
            old[number] = table.times[number]
            total += self._set(number, times)
            if total < best:
                best, kept = total, count
        for number in run[kept : len(old)]:
            self._set(number, old[number])
        self._remember(stream, down, run, kept)
        return kept > 0

    def _remember(self, stream: int, down: bool, run: Sequence[int], kept: int) -> None:
        """What was tried need not be again; what lies around the moved processes must."""
        flow = self.table.flow
        for number in run[:kept]:
            self._settled -= self._around.pop(number, set())
        self._settled.add((stream, down))
        for number in run:
            process = flow.processes[number]
            ends = (
                (flow.writers[s][0] for s in process.reads),
                (flow.readers[s][0] for s in process.writes),
            )
            for near in (number, *ends[0], *ends[1]):
                self._around[near].add((stream, down))

    def _set(self, number: int, times: Times) -> int:
        """The bits that new times of a process add."""
        process = self.table.flow.processes[number]
        touched = (*process.reads, *process.writes)
        before = sum(self._price(s) for s in touched)
        self.table.times[number] = times
        for stream in touched:
            self._prices.pop(stream, None)
        return sum(self._price(s) for s in touched) - before
