"""A token-level simulation of a netlist: no values, only which word moves in which cycle.

The schedules are written from the loops in hls_lib, not from the operators, so that they check
what ``lag`` and the FIFO depths promise. An iteration happens when all that it reads is there and
all that it writes has room; real pipelines hold a few words more, never less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qfxc.hw.netlist import Instance, Netlist

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
    yield from [R] * words + [W] * words


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


@dataclass
class Process:
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    steps: list[Step]
    at: int = 0
    frames: int = 0

    def move(self, level: dict[str, int], room: dict[str, int], frames: int) -> bool:
        """One cycle: an iteration, if the words at its start allow it."""
        if self.frames == frames:
            return False
        ins, outs = self.steps[self.at]
        if any(level[self.reads[i]] == 0 for i in ins):
            return False
        if any(room[self.writes[o]] == 0 for o in outs):
            return False
        for i in ins:
            level[self.reads[i]] -= 1
        for o in outs:
            room[self.writes[o]] -= 1
        self.at += 1
        if self.at == len(self.steps):
            self.at, self.frames = 0, self.frames + 1
        return True


def run(net: Netlist, frames: int, depths: Mapping[str, int] | None = None) -> list[int] | None:
    """The cycle in which every frame was complete at all outputs; None when the network stops.

    ``depths`` replaces the depth of streams by name.
    """
    depth = {s.name: s.depth for s in net.streams} | dict(depths or {})
    level = dict.fromkeys(depth, 0)
    work = [
        Process(
            tuple(s.name for s in i.inputs), tuple(s.name for s in i.outputs), list(schedule(i))
        )
        for i in net.instances
    ]
    work += [Process((), (s.name,), [W] * s.words) for s in net.inputs]
    sinks = [Process((s.name,), (), [R] * s.words) for s in net.outputs]
    done: list[int] = []
    cycle = 0
    while len(done) < frames:
        cycle += 1
        # what is there and what has room at the start of the cycle, as registers do
        here, room = dict(level), {name: depth[name] - n for name, n in level.items()}
        before, space = dict(here), dict(room)
        moved = [process.move(here, room, frames) for process in work + sinks]
        if not any(moved):
            return None
        for name in level:
            level[name] += (space[name] - room[name]) - (before[name] - here[name])
        if min(sink.frames for sink in sinks) > len(done):
            done.append(cycle)
    return done
