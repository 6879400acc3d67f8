"""y = lo + the number of thresholds t[k,c] with x >= t[k,c]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, Rom, stream_params
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._hardware import (
    ChannelOp,
    channel_memory,
    io_params,
    saturation,
)
from qfxc.ops._samples import UINT4, source
from qfxc.ops._staircase import per_channel, result_type, saturate


@dataclass(frozen=True)
class Compare(ChannelOp):
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

    def _rom(self, node: Node, lanes: int) -> Rom:
        return channel_memory(self.thresholds or ((0,),), node.type.channels, lanes)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        rom = self._rom(node, fold.simd)
        params = saturation(node.inputs[0].type, self.elem, fold.simd)
        del params["Hi"]
        params |= {
            "Steps": len(self.thresholds),
            **stream_params("T", rom.elem),
            "TPeriod": rom.depth,
            **io_params(node),
        }
        return Kernel("compare", params, {"t": rom})

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((3, 4), Int(-60, 70)), source((2, 4), UINT4)
        channel = ((-9, -8, 5, 100), (-3, -8, 6, 100), (60, 60, 60, 100))
        return (
            Node(cls(channel, Int(0, 3)), (x,), "per_channel"),
            Node(cls(((0,),), Int(-1, 0)), (x,), "sign"),
            Node(cls(((3,), (7,), (9,)), Int(-5, -2)), (u,), "negative"),
            Node(cls((), Int(2, 2)), (u,), "constant"),
            Node(cls(tuple((k,) for k in range(-16, 15)), Int(-16, 15)), (x,), "many"),
        )
