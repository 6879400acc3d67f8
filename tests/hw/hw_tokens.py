"""A token-level simulation of a netlist: no values, only which word moves in which cycle.

The schedules are written from the loops in hls_lib, not from the operators or hw/schedule.py, so
that they check both. Time is stepped cycle by cycle through registers, as docs/rtl.md has them: an
iteration fires when all that it reads is there and the first stage of its pipeline moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from qfxc.hw.latency import latency
from qfxc.hw.netlist import Instance, Netlist, Stream

Step = tuple[tuple[int, ...], tuple[int, ...]]
"""Inputs read and outputs written in one iteration."""

R, W, RW, NONE = ((0,), ()), ((), (0,)), ((0,), (0,)), ((), ())
SETTLE = 4


def schedule(instance: Instance) -> Iterator[Step]:
    """The iterations of one frame."""
    p, name = instance.kernel.params, instance.kernel.name
    if name in SCHEDULES:
        return SCHEDULES[name](p)
    return iter([RW] * p["Words"])  # the staircases


def _pad(p: Mapping[str, int]) -> Iterator[Step]:
    words = p["Before"] + p["Words"] + p["After"]
    for h in range(p["Top"] + p["H"] + p["Bottom"]):
        for w in range(p["Left"] + p["W"] + p["Right"]):
            inside = 0 <= h - p["Top"] < p["H"] and 0 <= w - p["Left"] < p["W"]
            for c in range(words):
                yield RW if inside and 0 <= c - p["Before"] < p["Words"] else W


def _window(p: Mapping[str, int]) -> Iterator[Step]:
    span, row = (p["KH"] - 1) * p["DH"] + 1, p["W"] * p["Words"]
    emit, left = p["OW"] * p["KH"] * p["KW"] * p["Words"], p["H"] * row - span * row
    yield from [R] * (span * row) + [NONE] * SETTLE
    for oh in range(p["OH"]):
        last = oh == p["OH"] - 1
        takes = left if last else min(left, p["SH"] * row)
        length = max(left, emit) if last else max(p["SH"] * row + SETTLE, emit)
        left -= takes
        for n in range(length):
            yield ((0,) if n < takes else (), (0,) if n < emit else ())


def _stencil(p: Mapping[str, int]) -> Iterator[Step]:
    rows, cols = (p["KH"] - 1) * p["DH"], (p["KW"] - 1) * p["DW"]
    parts = p["KH"] * p["KW"] * p["Words"] * p["Simd"] // p["Pe"]
    for h in range(p["H"]):
        for w in range(p["W"]):
            whole = h >= rows and w >= cols
            whole = whole and (h - rows) % p["SH"] == 0 and (w - cols) % p["SW"] == 0
            yield from [R] * (p["Words"] - 1)
            yield from [RW] + [W] * (parts - 1) if whole else [R]


def _matvec(p: Mapping[str, int]) -> Iterator[Step]:
    for _ in range(p["Vectors"] * p["Groups"]):
        for t in range(p["Tiles"]):
            for k in range(p["Depth"]):
                yield ((0,) if t == 0 else (), (0,) if k == p["Depth"] - 1 else ())


def _reduce(p: Mapping[str, int]) -> Iterator[Step]:
    for _ in range(p["Positions"]):
        steps = p["Taps"] // p["PerWord"]
        for step in range(steps):
            yield from [RW if step == steps - 1 else R] * p["Chunks"]


def _concat(p: Mapping[str, int]) -> Iterator[Step]:
    for _ in range(p["Repeats"]):
        for i in range(p["N"]):
            yield from [((i,), (0,))] * p[f"Run{i}"]


def _slice(p: Mapping[str, int]) -> Iterator[Step]:
    for index in range(p["D0"] * p["D1"] * p["D2"] * p["D3"]):
        rest, kept = index, True
        for axis in (3, 2, 1, 0):
            rest, i = divmod(rest, p[f"D{axis}"])
            a, b, s = p[f"A{axis}"], p[f"B{axis}"], p[f"S{axis}"]
            kept = kept and a <= i < b and (i - a) % s == 0
        yield RW if kept else R


def _transpose(p: Mapping[str, int]) -> Iterator[Step]:
    words = p["D0"] * p["D1"] * p["D2"] * p["D3"]
    for _ in range(p["Blocks"]):
        yield from [R] * words + [NONE] * SETTLE + [W] * words


def _expand(p: Mapping[str, int]) -> Iterator[Step]:
    yield from [RW] * p["Words"] + [W] * (p["Words"] * (p["Repeats"] - 1))


def _argmax(p: Mapping[str, int]) -> Iterator[Step]:
    for _ in range(p["Vectors"]):
        yield from [R] * (p["Words"] - 1) + [RW]


def _width(p: Mapping[str, int]) -> Iterator[Step]:
    if p["InBits"] <= p["OutBits"]:
        ratio = p["OutBits"] // p["InBits"]
        for _ in range(p["InWords"] // ratio):
            yield from [R] * (ratio - 1) + [RW]
    else:
        for _ in range(p["InWords"]):
            yield from [RW] + [W] * (p["InBits"] // p["OutBits"] - 1)


SCHEDULES = {
    "pad": _pad,
    "window": _window,
    "stencil": _stencil,
    "matvec": _matvec,
    "depthwise": _reduce,
    "pool": _reduce,
    "add": lambda p: iter([((0, 1), (0,))] * p["Words"]),
    "mul": lambda p: iter([((0, 1), (0,))] * p["Words"]),
    "concat": _concat,
    "slice": _slice,
    "transpose": _transpose,
    "expand": _expand,
    "argmax": _argmax,
    "const": lambda p: iter([W] * p["Words"]),
    "fork": lambda p: iter([((0,), tuple(range(p["N"])))] * p["Words"]),
    "width": _width,
}


class Fifo:
    """Words are counted: ``visible[n]`` is the cycle from which the n-th oldest can be read."""

    def __init__(self, depth: int, block: bool = False) -> None:
        self.depth, self.late = depth, 2 if block else 1
        self.visible: deque[int] = deque()
        self.room = self.there = False

    def look(self, cycle: int) -> None:
        """What both sides see at the start of a cycle."""
        self.room = len(self.visible) < self.depth
        self.there = bool(self.visible) and self.visible[0] <= cycle

    def take(self) -> None:
        self.visible.popleft()

    def put(self, cycle: int) -> None:
        self.visible.append(cycle + self.late)


class Wire:
    """The last stage of its writer: its reader, which moves first in a cycle, makes the room."""

    def __init__(self) -> None:
        self.writer: tuple[Process, int] | None = None
        self.room = self.there = False

    def look(self, cycle: int) -> None:
        assert self.writer is not None
        process, port = self.writer
        self.room, self.there = False, port in (process.stages[-1] or ())

    def take(self) -> None:
        self.room = True

    def put(self, cycle: int) -> None:
        assert self.room


@dataclass
class Process:
    reads: tuple[Fifo | Wire, ...]
    writes: tuple[Fifo | Wire, ...]
    steps: list[Step]
    stages: list[tuple[int, ...] | None]
    """What the token in every pipeline stage will write; None: the stage is empty."""
    at: int = 0
    frames: int = 0
    """Frames whose last iteration has fired."""

    def cycle(self, now: int, frames: int) -> bool:
        """Whether anything moved; every FIFO has been looked at before."""
        ins, outs = self.steps[self.at]
        fires = self.frames < frames and all(self.reads[i].there for i in ins)
        if not self.stages:
            fires = fires and all(self.writes[o].room for o in outs)
            emitted: tuple[int, ...] | None = outs if fires else None
            moved = fires
        else:
            fires, emitted, moved = self._shift(outs, fires)
        for o in emitted or ():
            self.writes[o].put(now)
        if fires:
            for i in ins:
                self.reads[i].take()
            self.at += 1
            if self.at == len(self.steps):
                self.at, self.frames = 0, self.frames + 1
        return moved

    def _shift(
        self, outs: tuple[int, ...], ready: bool
    ) -> tuple[bool, tuple[int, ...] | None, bool]:
        """Stages move from the last to the first: each when it is empty or the next one moves."""
        moves = all(self.writes[o].room for o in self.stages[-1] or ())
        emitted = self.stages[-1] if moves else None
        moved = moves and self.stages[-1] is not None
        for k in range(len(self.stages) - 1, -1, -1):
            moves = moves or self.stages[k] is None
            if not moves:
                continue
            coming = self.stages[k - 1] if k else (outs if ready else None)
            moved = moved or coming is not None
            self.stages[k] = coming
        return moves and ready, emitted, moved


def _processes(
    net: Netlist, fifos: Mapping[str, Fifo | Wire]
) -> tuple[list[Process], list[Process]]:
    """Sources and kernels; sinks."""

    def of(streams: Iterable[Stream]) -> tuple[Fifo | Wire, ...]:
        return tuple(fifos[s.name] for s in streams)

    work = [
        Process(of(i.inputs), of(i.outputs), list(schedule(i)), [None] * latency(i.kernel))
        for i in net.instances
    ]
    for process in work:
        for port, stream in enumerate(process.writes):
            if isinstance(stream, Wire):
                stream.writer = (process, port)
    work += [Process((), of((s,)), [W] * s.words, []) for s in net.inputs]
    return work, [Process(of((s,)), (), [R] * s.words, []) for s in net.outputs]


def run(net: Netlist, frames: int, depths: Mapping[str, int] | None = None) -> list[int] | None:
    """The cycle in which every frame was complete at all outputs; None when the network stops.

    The first word comes in in cycle 0. ``depths`` replaces the depth of streams by name.
    """
    chosen = {s: (depths or {}).get(s.name, s.depth) for s in net.streams}
    fifos = {s.name: Fifo(depth, s.block) if depth else Wire() for s, depth in chosen.items()}
    work, sinks = _processes(net, fifos)
    done: list[int] = []
    cycle, idle = 0, 0
    while len(done) < frames:
        for fifo in fifos.values():
            fifo.look(cycle)
        moved = [process.cycle(cycle, frames) for process in (*sinks, *reversed(work))]
        idle = 0 if any(moved) else idle + 1
        if idle > 2:  # a word in a deep FIFO may still become visible
            return None
        while min(sink.frames for sink in sinks) > len(done):
            done.append(cycle)
        cycle += 1
    return done
