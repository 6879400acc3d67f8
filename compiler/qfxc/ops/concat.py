"""y = the inputs, one after the other along ``axis``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, Real, TensorType


@dataclass(frozen=True)
class Concat(Op):
    """Joins tensors along ``axis`` (a frame axis, >= 0). Integer inputs have one common scale."""

    axis: int

    def infer(self, *inputs: TensorType) -> TensorType:
        first = inputs[0].shape
        for other in inputs[1:]:
            same = [i for i in range(len(first)) if i != self.axis]
            if len(other.shape) != len(first) or any(other.shape[i] != first[i] for i in same):
                raise ValueError(f"shapes {first} and {other.shape} differ beside axis {self.axis}")
        total = sum(i.shape[self.axis] for i in inputs)
        shape = (*first[: self.axis], total, *first[self.axis + 1 :])
        if not all(i.is_int for i in inputs):
            return TensorType(shape, Real())
        if len({i.int.scale for i in inputs}) > 1:
            raise ValueError("the inputs have different scales")
        low, high = min(i.int.lo for i in inputs), max(i.int.hi for i in inputs)
        return TensorType(shape, Int(low, high, inputs[0].int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        full = [np.broadcast_to(a, (len(arrays[0]), *a.shape[-len(node.type.shape) :])) for a in arrays]
        return np.concatenate(full, axis=self.axis + 1)
