"""y = clip(round(f[c](x)), lo, hi) with f[c] an exact piecewise linear function."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Node, Op
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._staircase import saturate


@dataclass(frozen=True)
class Staircase(Op):
    """Bias, BatchNorm, activation and requantization in one: integers to integers, exactly.

    ``pieces``: one function per channel, or one for all, from input codes to output codes;
    each rises or falls monotonically. ``elem`` saturates; the result type is narrowed to the
    codes that the input range reaches. The rescale pass picks an implementation.
    """

    pieces: tuple[Piecewise, ...]
    rounding: Rounding
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if len(self.pieces) not in (1, x.channels):
            raise ValueError(f"{len(self.pieces)} functions for {x.channels} channels")
        ends = [self._code(f, v) for f in self.pieces for v in self._corners(f, x.int)]
        return TensorType(x.shape, Int(min(ends), max(ends), self.elem.scale))

    def _corners(self, f: Piecewise, x: Int) -> list[int]:
        if f.direction:
            return [x.lo, x.hi]
        return list(range(x.lo, x.hi + 1))

    def _code(self, f: Piecewise, x: int) -> int:
        return min(max(self.rounding.round(f.at(x)), self.elem.lo), self.elem.hi)

    def thresholds(self, x: Int, out: Int) -> NDArray[np.int64]:
        """T[c, k] = min{x : y >= out.lo + 1 + k} in [x.lo, x.hi + 1]; rising pieces only."""
        return _thresholds(self, x, out)

    def run(self, node: Node, *arrays: Array) -> Array:
        source, out = node.inputs[0].type.int, node.type.int
        if not all(f.direction == 1 for f in self.pieces):
            return self._look_up(arrays[0], source, out)
        steps = self.thresholds(source, out)
        x = arrays[0]
        if len(steps) == 1:
            return saturate(out.lo + np.searchsorted(steps[0], x, side="right"), out)
        y = np.empty(x.shape, dtype=np.int64)
        for c, row in enumerate(steps):
            y[..., c] = out.lo + np.searchsorted(row, x[..., c], side="right")
        return saturate(y, out)

    def _look_up(self, x: Array, source: Int, out: Int) -> Array:
        table = np.asarray(self.table(source))
        channel = np.arange(len(table)) if len(table) > 1 else 0
        return saturate(table[channel, x.astype(np.int64) - source.lo], out)

    def table(self, source: Int) -> tuple[tuple[int, ...], ...]:
        """Every value of every function over the input range."""
        codes = range(source.lo, source.hi + 1)
        return tuple(tuple(self._code(f, x) for x in codes) for f in self.pieces)


@lru_cache(maxsize=256)
def _thresholds(op: Staircase, x: Int, out: Int) -> NDArray[np.int64]:
    ks = range(out.lo + 1, out.hi + 1)
    rows = [f.thresholds(op.rounding, ks, x.lo, x.hi) for f in op.pieces]
    return np.asarray(rows, dtype=np.int64).reshape(len(rows), len(ks))
