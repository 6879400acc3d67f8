"""y = lo + the number of thresholds t[k,c] with x >= t[k,c]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._staircase import per_channel, result_type, saturate


@dataclass(frozen=True)
class Compare(Op):
    """A staircase by comparators, for few output levels.

    ``thresholds`` holds ``hi - lo`` tuples, ascending, each (1) or (C).
    """

    thresholds: tuple[tuple[int, ...], ...]
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        if len(self.thresholds) != self.elem.hi - self.elem.lo:
            raise ValueError("thresholds and output range do not match")
        return result_type(inputs[0], self.elem, *self.thresholds)

    def run(self, node: Node, *arrays: Array) -> Array:
        x = arrays[0]
        y = np.full(x.shape, self.elem.lo, dtype=np.int64)
        for threshold in self.thresholds:
            y += x >= per_channel(threshold, np.int64)
        return saturate(y, self.elem)
