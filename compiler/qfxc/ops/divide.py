"""y[..., c] = x[..., c] / d[c]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType


@dataclass(frozen=True)
class Divide(Op):
    """Division by a real constant of shape () or (C,), where its reciprocal must not be rounded.

    In models with quantizers of their own: rounding 1/3 would move ties. Others have an affine.
    """

    data_inputs = 1

    def infer(self, *inputs: TensorType) -> TensorType:
        x, d = inputs
        if d.shape not in ((), (x.channels,)):
            raise ValueError(f"a divisor of shape {d.shape} is not per channel")
        return TensorType(x.shape, Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        x, d = arrays
        return np.asarray(x / d.astype(x.dtype))
