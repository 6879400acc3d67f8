"""y = the same elements in the same order, in another shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType


@dataclass(frozen=True)
class Reshape(Op):
    """Free in hardware: a stream has no shape."""

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if prod(self.shape) != x.size:
            raise ValueError(f"{x.shape} has not the size of {self.shape}")
        last = self.shape[-1] if self.shape else 1
        if isinstance(x.elem, Int) and not x.elem.scale.per_tensor and last != x.channels:
            raise ValueError("a reshape of the channel axis needs a per-tensor scale")
        return TensorType(self.shape, x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        return arrays[0].reshape(-1, *self.shape)
