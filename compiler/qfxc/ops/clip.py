"""y = min(max(x, lo), hi)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType


@dataclass(frozen=True)
class Clip(Op):
    """Relu is ``Clip(0, inf)``, ReLU6 ``Clip(0, 6)``. Real stages only."""

    lo: float = -inf
    hi: float = inf

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(inputs[0].shape, Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        x = arrays[0]
        return np.clip(x, x.dtype.type(self.lo), x.dtype.type(self.hi))
