"""The stated schedules: which iteration of a kernel reads and writes which word (docs/kernels.md).

A frame takes a kernel a fixed number of iterations, in an order that depends on its parameters
only; in hardware an iteration takes one cycle, and the next frame follows without a gap. This is
all that FIFO depths and latencies depend on, so nothing here knows a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.kernel import Kernel

Indices = NDArray[np.int64]
Params = Mapping[str, int]

SETTLE = 4
"""Iterations that keep the newest word of a buffer away from its first read (docs/kernels.md)."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """One frame: ``reads[i][n]`` is the iteration that reads word n of input i, ``writes`` alike.

    Indices ascend strictly: an iteration moves at most one word of a stream.
    """

    iterations: int
    reads: tuple[Indices, ...]
    writes: tuple[Indices, ...]


def schedule(kernel: Kernel) -> Schedule:
    """The iterations of one frame of ``kernel``; equal parameters share one result."""
    return _cached(kernel.name, tuple(sorted(kernel.params.items())))


@lru_cache(maxsize=256)
def _cached(name: str, params: tuple[tuple[str, int], ...]) -> Schedule:
    return SCHEDULES.get(name, _elementwise)(dict(params))


def every(iterations: int, inputs: int, outputs: int) -> Schedule:
    """One word of every stream in every iteration."""
    each = np.arange(iterations, dtype=np.int64)
    return Schedule(iterations, (each,) * inputs, (each,) * outputs)


def _grid(*axes: Indices) -> Indices:
    """All sums of one entry per axis, the last axis innermost."""
    total = np.zeros((), dtype=np.int64)
    for axis in axes:
        total = np.add.outer(total, axis)
    return total.reshape(-1)


def _steps(count: int, stride: int = 1, start: int = 0) -> Indices:
    return start + stride * np.arange(count, dtype=np.int64)


def _elementwise(p: Params) -> Schedule:
    return every(p["Words"], 1, 1)


def _pad(p: Params) -> Schedule:
    words = p["Before"] + p["Words"] + p["After"]
    row = (p["Left"] + p["W"] + p["Right"]) * words
    total = (p["Top"] + p["H"] + p["Bottom"]) * row
    reads = _grid(
        _steps(p["H"], row, p["Top"] * row),
        _steps(p["W"], words, p["Left"] * words),
        _steps(p["Words"], 1, p["Before"]),
    )
    return Schedule(total, (reads,), (_steps(total),))


def _window(p: Params) -> Schedule:
    row = p["W"] * p["Words"]
    span = ((p["KH"] - 1) * p["DH"] + 1) * row
    emit = p["OW"] * p["KH"] * p["KW"] * p["Words"]
    phase = max(p["SH"] * row + SETTLE, emit)
    rest = p["H"] * row - span - (p["OH"] - 1) * p["SH"] * row
    starts = _steps(p["OH"], phase, span + SETTLE)
    during = _grid(starts, _steps(p["SH"] * row))[: p["H"] * row - span]
    total = span + SETTLE + (p["OH"] - 1) * phase + max(rest, emit)
    reads = np.concatenate([_steps(span), during])
    return Schedule(total, (reads,), (_grid(starts, _steps(emit)),))


def _stencil(p: Params) -> Schedule:
    rows, cols = (p["KH"] - 1) * p["DH"], (p["KW"] - 1) * p["DW"]
    parts = p["KH"] * p["KW"] * p["Words"] * p["Simd"] // p["Pe"]
    last = np.zeros((p["H"], p["W"], p["Words"]), dtype=bool)  # of a window
    last[rows :: p["SH"], cols :: p["SW"], -1] = True
    whole = last.reshape(-1)
    before = np.cumsum(whole) - whole
    reads = np.arange(whole.size) + (parts - 1) * before
    writes = _grid(reads[whole], _steps(parts))
    total = whole.size + (parts - 1) * p["OH"] * p["OW"]
    return Schedule(total, (reads,), (writes,))


def _matvec(p: Params) -> Schedule:
    vectors, pass_ = p["Vectors"] * p["Groups"], p["Tiles"] * p["Depth"]
    reads = _grid(_steps(vectors, pass_), _steps(p["Depth"]))
    writes = _steps(vectors * p["Tiles"], p["Depth"], p["Depth"] - 1)
    return Schedule(vectors * pass_, (reads,), (writes,))


def _reduce(p: Params) -> Schedule:
    position, chunks = p["Taps"] // p["PerWord"] * p["Chunks"], p["Chunks"]
    total = p["Positions"] * position
    writes = _grid(_steps(p["Positions"], position, position - chunks), _steps(chunks))
    return Schedule(total, (_steps(total),), (writes,))


def _concat(p: Params) -> Schedule:
    runs = [p[f"Run{i}"] for i in range(p["N"])]
    rounds = _steps(p["Repeats"], sum(runs))
    starts = np.cumsum([0, *runs[:-1]])
    reads = tuple(
        _grid(rounds, _steps(run, 1, int(at))) for run, at in zip(runs, starts, strict=True)
    )
    total = p["Repeats"] * sum(runs)
    return Schedule(total, reads, (_steps(total),))


def _slice(p: Params) -> Schedule:
    sizes = [p[f"D{axis}"] for axis in range(4)]
    kept = [
        np.arange(p[f"A{axis}"], min(p[f"B{axis}"], p[f"D{axis}"]), p[f"S{axis}"])
        for axis in range(4)
    ]
    strides = [int(np.prod(sizes[axis + 1 :])) for axis in range(4)]
    writes = _grid(*(k * s for k, s in zip(kept, strides, strict=True)))
    total = int(np.prod(sizes))
    return Schedule(total, (_steps(total),), (writes,))


def _transpose(p: Params) -> Schedule:
    words = p["D0"] * p["D1"] * p["D2"] * p["D3"]
    block = 2 * words + SETTLE
    blocks = _steps(p["Blocks"], block)
    emitted = _grid(blocks, _steps(words, 1, words + SETTLE))
    return Schedule(p["Blocks"] * block, (_grid(blocks, _steps(words)),), (emitted,))


def _expand(p: Params) -> Schedule:
    total = p["Words"] * p["Repeats"]
    return Schedule(total, (_steps(p["Words"]),), (_steps(total),))


def _argmax(p: Params) -> Schedule:
    total = p["Vectors"] * p["Words"]
    return Schedule(total, (_steps(total),), (_steps(p["Vectors"], p["Words"], p["Words"] - 1),))


def _width(p: Params) -> Schedule:
    if p["InBits"] <= p["OutBits"]:
        ratio = p["OutBits"] // p["InBits"]
        writes = _steps(p["InWords"] // ratio, ratio, ratio - 1)
        return Schedule(p["InWords"], (_steps(p["InWords"]),), (writes,))
    ratio = p["InBits"] // p["OutBits"]
    total = p["InWords"] * ratio
    return Schedule(total, (_steps(p["InWords"], ratio),), (_steps(total),))


SCHEDULES: Mapping[str, Callable[[Params], Schedule]] = {
    "pad": _pad,
    "window": _window,
    "stencil": _stencil,
    "matvec": _matvec,
    "depthwise": _reduce,
    "pool": _reduce,
    "add": lambda p: every(p["Words"], 2, 1),
    "mul": lambda p: every(p["Words"], 2, 1),
    "concat": _concat,
    "slice": _slice,
    "transpose": _transpose,
    "expand": _expand,
    "argmax": _argmax,
    "const": lambda p: every(p["Words"], 0, 1),
    "fork": lambda p: every(p["Words"], 1, p["N"]),
    "width": _width,
}
"""Those that are not one word in, one word out."""
