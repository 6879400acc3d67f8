"""Convolutions whose result is finer than their input, as convolutions on the input's own grid.

Output ``q * factor + a`` of an axis belongs to *phase* ``a``. Every tap of the kernel works in one
phase: there it reads input ``q + offset``. So each phase is an ordinary convolution, and the result
is all phases, interleaved. Columns of one row become the channels of one convolution (the same
order of elements); rows are joined by a concatenation, which stores no more than one row of each.
No multiplication is spent on inserted zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qfxc.frontend.call import Call
from qfxc.frontend.take import interleaved
from qfxc.ir.graph import Node
from qfxc.ops.conv import Conv
from qfxc.ops.pad import Pad
from qfxc.ops.slice import Slice

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Finer:
    """One axis: ``out`` elements, ``factor`` per input element; (phase, offset) of every tap."""

    factor: int
    out: int
    taps: tuple[tuple[int, int], ...]

    @property
    def positions(self) -> int:
        """Input positions that the result covers, the last one perhaps in part."""
        return -(-self.out // self.factor)

    def offsets(self, phases: Sequence[int]) -> range:
        """The offsets that the taps of some phases read; one that is not needed where none do."""
        used = [offset for phase, offset in self.taps if phase in phases] or [0]
        return range(min(used), max(used) + 1)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Weights (taps of rows, taps of columns, C / groups, M), a bias (M) or None.

    ``split``: the columns of a row stay convolutions of their own. ``input``: the ONNX input that
    the weights come from, if one does.
    """

    weights: Floats
    bias: Floats | None
    groups: int = 1
    split: bool = False
    input: int | None = None


def finer(call: Call, image: Node, kernel: Kernel, rows: Finer, columns: Finer) -> Node:
    """The convolution of ``image`` (H,W,C): (rows.out, columns.out, M)."""
    strips = [_strip(call, image, kernel, rows, columns, a) for a in range(rows.factor)]
    node = interleaved(call, strips, 0)
    if node.type.shape[:2] == (rows.out, columns.out):
        return node
    stops = (rows.out, columns.out, node.type.channels)
    return call.make(Slice((0, 0, 0), stops, (1, 1, 1)), node, suffix="whole")


def _strip(call: Call, image: Node, k: Kernel, rows: Finer, columns: Finer, a: int) -> Node:
    """One phase of rows, with all columns: (positions, columns.positions * factor, M)."""
    every = range(columns.factor)
    if k.split or k.groups > 1:
        parts = [_phase(call, image, k, rows, columns, a, [b]) for b in every]
        return interleaved(call, parts, 1)
    node = _phase(call, image, k, rows, columns, a, [*every])
    height, width, channels = node.type.shape
    return call.reshape(node, (height, width * columns.factor, channels // columns.factor))


def _phase(
    call: Call, image: Node, k: Kernel, rows: Finer, columns: Finer, a: int, phases: list[int]
) -> Node:
    """The convolution of row phase ``a`` and some column phases, those innermost but one."""
    below, right = rows.offsets([a]), columns.offsets(phases)
    count = rows.positions, columns.positions
    spans = zip(image.type.shape[:2], (below, right), count, strict=True)
    if not all(_meets(*span) for span in spans):  # nothing but the bias
        below = right = range(1)
        rows, columns = replace(rows, taps=()), replace(columns, taps=())
    inner, outs = k.weights.shape[2:]
    dense = np.zeros((len(below), len(right), inner, len(phases), outs))
    for i, (phase, row) in enumerate(rows.taps):
        for j, (column_phase, column) in enumerate(columns.taps):
            if phase == a and column_phase in phases:
                at = phases.index(column_phase)
                dense[row - below.start, column - right.start, :, at] = k.weights[i, j]
    x = fitted(call, image, (below, right), count)
    w = dense.reshape(*dense.shape[:3], -1)
    weights = call.const(w, "w") if k.input is None else call.weights(w, k.input, "w")
    bias = () if k.bias is None else (call.const(np.tile(k.bias, len(phases)), "b"),)
    return call.make(Conv((1, 1), (1, 1), k.groups), x, weights, *bias, suffix="phase")


def _meets(size: int, offsets: range, positions: int) -> bool:
    """Whether any position reads an element of an axis."""
    return offsets.start < size and positions - 1 + offsets.stop > 0


def fitted(call: Call, image: Node, offsets: tuple[range, range], count: tuple[int, int]) -> Node:
    """The image cut and padded with zeros so that the window's first position is at its corner."""
    cuts, borders = [], []
    for size, span, positions in zip(image.type.shape[:2], offsets, count, strict=True):
        first, last = span.start, positions - 1 + span.stop - 1
        cuts.append((max(first, 0), min(last + 1, size)))
        borders.append((max(-first, 0), max(last + 1 - size, 0)))
    channels = image.type.channels
    starts, stops = zip(*cuts, (0, channels), strict=True)
    if (*stops, *starts) != (*image.type.shape, 0, 0, 0):
        image = call.make(Slice(starts, stops, (1, 1, 1)), image, suffix="cut")
    before, after = zip(*borders, (0, 0), strict=True)
    return call.make(Pad(before, after), image, suffix="pad") if any((*before, *after)) else image
