"""y = clip(((x << left[c]) + b[c]) >> right, lo, hi)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._staircase import integer_kind, per_channel, result_type, saturate


@dataclass(frozen=True)
class Shift(Op):
    """A staircase whose slopes are powers of two; ``>>`` is floor. ``left``, ``b``: (1) or (C)."""

    left: tuple[int, ...]
    b: tuple[int, ...]
    right: int
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        return result_type(inputs[0], self.elem, self.left, self.b)

    def wide(self, x: Int) -> Int:
        """The range of ``(x << left) + b`` over all channels."""
        low = min(min(x.lo << k, 0) for k in self.left) + min(self.b)
        high = max(max(x.hi << k, 0) for k in self.left) + max(self.b)
        return Int(low, high)

    def run(self, node: Node, *arrays: Array) -> Array:
        kind = integer_kind(self.wide(node.inputs[0].type.int).magnitude)
        y = arrays[0].astype(kind) << per_channel(self.left, kind)
        y += per_channel(self.b, kind)
        return saturate(y >> kind(self.right), self.elem)
