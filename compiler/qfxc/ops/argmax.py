"""y = the index of the largest element of the last axis, the first one at a tie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType


@dataclass(frozen=True)
class ArgMax(Op):
    """Keeps the reduced axis with size 1; the result is an integer in every stage."""

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        return TensorType((*x.shape[:-1], 1), Int(0, max(x.channels - 1, 0)))

    def run(self, node: Node, *arrays: Array) -> Array:
        return np.argmax(arrays[0], axis=-1, keepdims=True)
