"""y[p, c] = max_t x[p, (t,c)], or factor[p] * sum_t x[p, (t,c)]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._dot import as_carrier, carrier


@dataclass(frozen=True)
class Pool(Op):
    """Reduces the taps of x (.., T*C) to (.., C).

    ``kind`` is "max" or "sum". A sum may have one positive integer factor per position: the
    divisors of an average whose windows count different numbers of positions, made integer.
    """

    kind: str
    taps: int
    factors: tuple[int, ...] = (1,)

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if x.channels % self.taps:
            raise ValueError(f"{x.channels} elements are not {self.taps} taps")
        shape = (*x.shape[:-1], x.channels // self.taps)
        if self.kind == "max":
            return TensorType(shape, x.elem)
        most = self.taps * max(self.factors)
        low, high = (min(x.int.lo, 0) * most, max(x.int.hi, 0) * most)
        return TensorType(shape, Int(low, high, x.int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        x = arrays[0]
        split = x.reshape(*x.shape[:-1], self.taps, -1)
        if self.kind == "max":
            return np.asarray(split.max(axis=-2))
        kind = carrier(node.type.int.magnitude)
        total = as_carrier(split, kind).sum(axis=-2, dtype=kind)
        if self.factors == (1,):
            return np.asarray(total)
        factor = np.asarray(self.factors).reshape(*node.type.shape[:-1], 1)
        return np.asarray(total * factor.astype(kind))
