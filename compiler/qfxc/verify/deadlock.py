"""From what the FIFOs of a blocked design tell to the streams that block each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qfxc.backends.names import stream_names
from qfxc.hw.netlist import Netlist, Stream
from qfxc.hw.schedule import schedule

LINE = re.compile(r"qfx-stream \S*\.f_(\w+)\S*\s+(\d+)\s")


MARGIN = 4096
"""Cycles for FIFOs, register stages and stalls of the ports, far more than they take."""


def longest_wait(netlist: Netlist) -> int:
    """Cycles in which no word moves at any port although nothing is blocked: never more than this.

    A kernel that has its input delivers a frame within its iterations, so what entered the design
    leaves it after those of the longest path; a port that waits longer waits for ever.
    """
    reached = {stream.name: 0 for stream in netlist.inputs}
    for instance in netlist.instances:
        before = max((reached[s.name] for s in instance.inputs), default=0)
        after = before + schedule(instance.kernel).iterations
        reached |= {s.name: after for s in instance.outputs}
    return 2 * max(reached.values(), default=0) + MARGIN


@dataclass(frozen=True, slots=True)
class _State:
    stream: Stream
    count: int

    @property
    def full(self) -> bool:
        """No more words fit. (A fork offers none where another branch is full: do not ask it.)"""
        return self.count >= self.stream.depth


def explain(netlist: Netlist, lines: Sequence[str]) -> str:
    """The message for a deadlock: full streams in front of a reader that waits for an empty one.

    ``lines`` is what the test bench printed; every FIFO has told how many words it holds.
    """
    states = _states(netlist, lines)
    found = next((line.strip() for line in lines if line.startswith("DEADLOCK")), "DEADLOCK")
    text = found.replace("DEADLOCK: ", "RTL simulation: deadlock: ")
    causes = [
        f"stream {full.stream.name} is full ({full.stream.depth} words) while its reader "
        f"{instance.name} waits for {empty.stream.name}, which is empty"
        for instance in netlist.instances
        for full in (states[s.name] for s in instance.inputs if s.name in states)
        for empty in (states[s.name] for s in instance.inputs if s.name in states)
        if full.full and not empty.count
    ]
    if not causes:
        causes = [
            f"stream {state.stream.name} is full ({state.stream.depth} words)"
            for state in states.values()
            if state.full
        ]
    return "; ".join([text, *causes])


def _states(netlist: Netlist, lines: Sequence[str]) -> dict[str, _State]:
    names = {identifier: name for name, identifier in stream_names(netlist).items()}
    streams = {stream.name: stream for stream in netlist.streams}
    states: dict[str, _State] = {}
    for match in filter(None, map(LINE.search, lines)):
        stream = streams[names[match[1]]]
        states[stream.name] = _State(stream, int(match[2]))
    return states
