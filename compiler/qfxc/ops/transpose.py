"""y axis i = x axis perm[i]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType


@dataclass(frozen=True)
class Transpose(Op):
    """A permutation of the frame axes; in hardware a buffer of one frame."""

    perm: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if isinstance(x.elem, Int) and not x.elem.scale.per_tensor:
            raise ValueError("a transposition needs a per-tensor scale")
        return TensorType(tuple(x.shape[i] for i in self.perm), x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        return np.ascontiguousarray(arrays[0].transpose(0, *(i + 1 for i in self.perm)))
