"""y[..., c] = x if x >= 0 else slope[c] * x."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType


@dataclass(frozen=True)
class PRelu(Op):
    """Also LeakyRelu. Inputs x and a real constant ``slope`` of shape () or (C,)."""

    data_inputs = 1

    def infer(self, *inputs: TensorType) -> TensorType:
        x, slope = inputs
        if slope.shape not in ((), (x.channels,)):
            raise ValueError(f"a slope of shape {slope.shape} is not per channel")
        return TensorType(x.shape, Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        x, slope = arrays
        return np.where(x >= 0, x, x * slope.astype(x.dtype))
