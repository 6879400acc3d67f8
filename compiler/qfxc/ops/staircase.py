"""y = overflow(round(f[c](x))) with f[c] an exact piecewise linear function."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, lcm

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Node, Op
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._staircase import saturate

MOST_THRESHOLDS = 1 << 14
"""More steps than this are not worth finding to run one batch: every code is computed instead."""


@dataclass(frozen=True)
class Staircase(Op):
    """Bias, BatchNorm, activation and requantization in one: integers to integers, exactly.

    ``pieces``: one function per channel, or one for all, from input codes to output codes;
    of any direction. ``overflow`` takes what is outside of ``elem`` into it; the result type is
    narrowed to the codes that the input range reaches. The rescale pass picks an implementation.
    """

    pieces: tuple[Piecewise, ...]
    rounding: Rounding
    elem: Int
    overflow: Overflow = Overflow.SAT

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if len(self.pieces) not in (1, x.channels):
            raise ValueError(f"{len(self.pieces)} functions for {x.channels} channels")
        return TensorType(x.shape, self.overflow.reached(*self.reach(x.int), self.elem))

    def reach(self, x: Int) -> tuple[int, int]:
        """The least and the largest integer before overflow."""
        ends = [self.rounding.round(f.at(v)) for f in self.pieces for v in self._corners(f, x)]
        return min(ends), max(ends)

    def _corners(self, f: Piecewise, x: Int) -> list[int]:
        """The ends of the range and both sides of every kink: where a function is extreme."""
        kinks = [ceil(s.start) for s in f.segments[1:] if s.start is not None]
        points = (x.lo, x.hi, *kinks, *(k - 1 for k in kinks))
        return [p for p in points if x.lo <= p <= x.hi]

    def thresholds(self, x: Int, out: Int) -> NDArray[np.int64]:
        """T[c, k] = min{x : y >= out.lo + 1 + k} in [x.lo, x.hi + 1]; rising pieces only."""
        return _thresholds(self, x, out)

    def run(self, node: Node, *arrays: Array) -> Array:
        source, out = node.inputs[0].type.int, node.type.int
        rises = all(f.direction == 1 for f in self.pieces)
        many = len(self.pieces) * (out.hi - out.lo) > MOST_THRESHOLDS
        if not rises or many or self.overflow is not Overflow.SAT:
            return self._evaluate(arrays[0], out)
        steps = self.thresholds(source, out)
        x = arrays[0]
        if len(steps) == 1:
            return saturate(out.lo + np.searchsorted(steps[0], x, side="right"), out)
        y = np.empty(x.shape, dtype=np.int64)
        for c, row in enumerate(steps):
            y[..., c] = out.lo + np.searchsorted(row, x[..., c], side="right")
        return saturate(y, out)

    def _evaluate(self, x: Array, out: Int) -> Array:
        x = x.astype(np.int64)
        if len(self.pieces) == 1:
            return saturate(self._codes(self.pieces[0], x), out)
        columns = [self._codes(f, x[..., c]) for c, f in enumerate(self.pieces)]
        return saturate(np.stack(columns, axis=-1), out)

    def _codes(self, f: Piecewise, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """``overflow(round(f(x)))`` of many codes, in integers of any size."""
        codes, index = np.unique(x, return_inverse=True)
        y = np.empty(len(codes), dtype=object)
        starts = [ceil(s.start) for s in f.segments[1:] if s.start is not None]
        cuts = [0, *np.searchsorted(codes, starts), len(codes)]
        for segment, a, b in zip(f.segments, cuts[:-1], cuts[1:], strict=True):
            slope, intercept = segment.slope, segment.intercept
            den = lcm(slope.denominator, intercept.denominator)
            num = codes[a:b].astype(object) * int(slope * den) + int(intercept * den)
            y[a:b] = self.overflow.apply_all(self.rounding.divide(num, den), self.elem)
        return np.asarray(y.astype(np.int64)[index].reshape(x.shape))

    def table(self, source: Int) -> tuple[tuple[int, ...], ...]:
        """Every value of every function over the input range."""
        codes = np.arange(source.lo, source.hi + 1, dtype=np.int64)
        return tuple(tuple(self._codes(f, codes).tolist()) for f in self.pieces)


@lru_cache(maxsize=256)
def _thresholds(op: Staircase, x: Int, out: Int) -> NDArray[np.int64]:
    ks = range(out.lo + 1, out.hi + 1)
    rows = [f.thresholds(op.rounding, ks, x.lo, x.hi) for f in op.pieces]
    return np.asarray(rows, dtype=np.int64).reshape(len(rows), len(ks))
