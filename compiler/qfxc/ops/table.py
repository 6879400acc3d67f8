"""y = values[c][x - lo(x)]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, Rom
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._hardware import ChannelOp, io_params
from qfxc.ops._samples import INT8, UINT4, source
from qfxc.ops._staircase import saturate


@dataclass(frozen=True)
class Table(ChannelOp):
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

    def _rom(self, node: Node, lanes: int) -> Rom:
        depth = max(len(self.values) // lanes, 1) * len(self.values[0])
        return Rom(depth, lanes, self.elem, lambda: self._words(lanes), per_lane=True)

    def _words(self, lanes: int) -> Array:
        table = saturate(np.asarray(self.values, dtype=np.int64), self.elem)
        if len(table) == 1:
            table = np.repeat(table, lanes, axis=0)
        return table.reshape(-1, lanes, table.shape[1]).transpose(0, 2, 1)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        x, rom = node.inputs[0].type, self._rom(node, fold.simd)
        size = len(self.values[0])
        params = {
            "Lanes": fold.simd,
            "Words": x.size // fold.simd,
            "Size": size,
            "XLo": x.int.lo,
            "VPeriod": rom.depth // size,
            **io_params(node),
        }
        return Kernel("table", params, {"values": rom})

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((3, 4), Int(-5, 9)), source((2, 6), UINT4)
        square = tuple(v * v for v in range(-5, 10))
        channels = tuple(tuple((c * v) % 7 - 3 for v in range(16)) for c in range(6))
        return (
            Node(cls((square,), Int(0, 60)), (x,), "per_tensor"),
            Node(cls(channels, Int(-3, 3)), (u,), "per_channel"),
            Node(cls((tuple(range(100, 116)),), INT8), (u,), "shared"),
        )
