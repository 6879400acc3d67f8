"""y = values[c][x - lo(x)]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._staircase import saturate


@dataclass(frozen=True)
class Table(Op):
    """Any function of a narrow integer: ``values`` holds (1) or (C) tuples, one entry per code."""

    values: tuple[tuple[int, ...], ...]
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        size = x.int.hi - x.int.lo + 1
        if len(self.values) not in (1, x.channels) or any(len(v) != size for v in self.values):
            raise ValueError(f"the table does not have {size} entries per channel")
        return TensorType(x.shape, self.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        index = arrays[0].astype(np.int64) - node.inputs[0].type.int.lo
        table = np.asarray(self.values, dtype=np.int64)
        channel = np.arange(len(table)) if len(table) > 1 else 0
        return saturate(table[channel, index], self.elem)
