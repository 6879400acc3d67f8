"""FIFO depths from the stated schedules: proved to keep the rate of the slowest kernel.

1. The network runs as early as possible, one frame per T cycles, T the cycles of its slowest kernel
   or converter, with unbounded FIFOs: from that only the times at the outputs are kept.
2. Everything is moved as late as these allow, so that words wait in front of as few kernels as
   possible, then to where waiting takes the fewest bits (hw/waiting.py).
3. A stream in which no word ever waits is wires (hw/wires.py), any other one a FIFO, as deep as the
   most words that it holds in this schedule, its own rule of full and empty included (docs/rtl.md).
   One that may be block memory is so deep for the later words of that, whatever it becomes
   (hw/storage.py): depths do not depend on the board.

The schedule is admissible by construction for these depths, so hardware that does everything as
soon as it can keeps one frame per T cycles for ever and cannot stop (hw/timing.py has the reason).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qfxc.hw.bounded import first_frame
from qfxc.hw.glue import BLOCK_DEPTH
from qfxc.hw.latency import fifo_latency, latency
from qfxc.hw.netlist import Netlist, Stream
from qfxc.hw.schedule import every, schedule
from qfxc.hw.timing import Flow, Process, Timetable
from qfxc.hw.waiting import Waiting
from qfxc.hw.wires import joinable, joined


def size(netlist: Netlist) -> dict[str, int]:
    """The depth of every stream by name; depends on nothing but the netlist without its depths."""
    widths = [stream.bits for stream in netlist.streams]
    found = _depths(flow_of(netlist), interval(netlist), widths)
    return {s.name: depth for s, depth in zip(netlist.streams, found, strict=True)}


def interval(netlist: Netlist) -> int:
    """Cycles per frame in the steady state: those of the slowest instance, or a port's words."""
    kernels = (schedule(instance.kernel).iterations for instance in netlist.instances)
    ports = (stream.words for stream in (*netlist.inputs, *netlist.outputs))
    return max(*kernels, *ports)


def first_latency(netlist: Netlist) -> int:
    """Cycles from the first word of a frame entering an empty network to its last word leaving,
    both included, as a simulation measures them (``verify.rtlsim.Timing``).

    Every input always has its next word, every output is always taken; exact for the depths that
    ``size`` gave. Later frames share the network with those before them, so they may take longer.
    """
    depths = [stream.depth for stream in netlist.streams]
    visible = [fifo_latency(stream.depth, stream.block) for stream in netlist.streams]
    return first_frame(flow_of(netlist), depths, visible) + 1


def resized(netlist: Netlist, depths: Mapping[str, int]) -> Netlist:
    """The same netlist with other FIFOs, none of them block memory."""
    shallow = (replace(s, depth=depths[s.name], block=False) for s in netlist.streams)
    return with_streams(netlist, dict(zip(netlist.streams, shallow, strict=True)))


def with_streams(netlist: Netlist, new: Mapping[Stream, Stream]) -> Netlist:
    """The same netlist with other streams for all."""

    def all_of(streams: tuple[Stream, ...]) -> tuple[Stream, ...]:
        return tuple(new[s] for s in streams)

    instances = tuple(
        replace(i, inputs=all_of(i.inputs), outputs=all_of(i.outputs)) for i in netlist.instances
    )
    inputs, outputs = all_of(netlist.inputs), all_of(netlist.outputs)
    return replace(netlist, instances=instances, inputs=inputs, outputs=outputs)


def flow_of(netlist: Netlist) -> Flow:
    """The instances and the ports as processes, streams numbered as in ``netlist.streams``."""
    number = {stream.name: n for n, stream in enumerate(netlist.streams)}

    def of(streams: tuple[Stream, ...]) -> tuple[int, ...]:
        return tuple(number[stream.name] for stream in streams)

    sources = [Process(every(s.words, 0, 1), 0, (), of((s,))) for s in netlist.inputs]
    kernels = [
        Process(
            schedule(i.kernel),
            latency(i.kernel),
            of(i.inputs),
            of(i.outputs),
            ahead=i.kernel.name == "const",
        )
        for i in netlist.instances
    ]
    sinks = [Process(every(s.words, 1, 0), 0, of((s,)), ()) for s in netlist.outputs]
    return Flow((*sources, *kernels, *sinks), len(number))


def _depths(flow: Flow, period: int, widths: Sequence[int]) -> list[int]:
    """A stream in which words wait needs a FIFO, and one that may be block memory shows them later,
    which again decides where words wait: once so, a stream stays so."""
    visible = [0 if wire else 1 for wire in joinable(flow)]
    while True:
        table = Timetable(flow, period, visible)
        Waiting(table, widths).improve()
        depths = [table.depth(s) if visible[s] else 0 for s in range(flow.streams)]
        needed = [_visible(table, s, depth) for s, depth in enumerate(depths)]
        if needed == visible:
            wires = joined(flow, widths, [not depth for depth in depths])
            needed = [max(v, 1 - wire) for v, wire in zip(visible, wires, strict=True)]
            if needed == visible:
                return depths
        visible = needed


def _visible(table: Timetable, stream: int, depth: int) -> int:
    """When words are visible, given a timetable: never sooner than there."""
    if not depth:
        return int(not table.immediate(stream))
    shortest = int((table.read(stream) - table.written(stream)).min())
    return 2 if depth >= BLOCK_DEPTH and shortest < 2 else table.visible[stream]
