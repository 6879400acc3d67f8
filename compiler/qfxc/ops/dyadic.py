"""y = clip((a[s,c] * x + b[s,c]) >> shift, lo, hi), s = the segment of x."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._staircase import integer_kind, per_channel, result_type, saturate


@dataclass(frozen=True)
class Dyadic(Op):
    """A staircase by one multiplication; ``>>`` is floor.

    ``a`` and ``b`` hold one tuple per segment, each (1) or (C); ``starts`` the first x of every
    segment but the first, ascending (two segments make a PReLU).
    """

    a: tuple[tuple[int, ...], ...]
    b: tuple[tuple[int, ...], ...]
    starts: tuple[tuple[int, ...], ...]
    shift: int
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        if not len(self.a) == len(self.b) == len(self.starts) + 1:
            raise ValueError("segments and starts do not match")
        return result_type(inputs[0], self.elem, *self.a, *self.b, *self.starts)

    def product(self, x: Int) -> Int:
        """The range of ``a * x`` over all channels and segments (whole range of x in each)."""
        corners = [v * e for part in self.a for v in part for e in (x.lo, x.hi)]
        return Int(min(corners), max(corners))

    def wide(self, x: Int) -> Int:
        """The range of ``a * x + b`` over all channels and segments."""
        p = self.product(x)
        return Int(p.lo + min(map(min, self.b)), p.hi + max(map(max, self.b)))

    def run(self, node: Node, *arrays: Array) -> Array:
        source = node.inputs[0].type.int
        bound = max(self.wide(source).magnitude, self.product(source).magnitude)
        kind = integer_kind(max(bound, max(abs(v) for part in self.b for v in part)))
        x = arrays[0].astype(kind)
        y = self._segment(0, x, kind)
        for s, start in enumerate(self.starts, 1):
            y = np.where(x >= per_channel(start, np.int64), self._segment(s, x, kind), y)
        return saturate(y, self.elem)

    def _segment(self, s: int, x: Array, kind: type[np.integer]) -> Array:  # type: ignore[type-arg]
        y = x * per_channel(self.a[s], kind)
        y += per_channel(self.b[s], kind)
        return np.asarray(y >> kind(self.shift))
