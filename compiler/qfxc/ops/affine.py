"""y[..., c] = a[c] * x[..., c] + b[c]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType


@dataclass(frozen=True)
class Affine(Op):
    """BatchNormalization, and multiplication and addition of constants, per channel.

    Inputs x, a, b; ``a`` and ``b`` are real constants of shape () or (C,). Real stages only: the
    integer stage has it inside a staircase.
    """

    data_inputs = 1

    def infer(self, *inputs: TensorType) -> TensorType:
        x, a, b = inputs
        for constant in (a, b):
            if constant.shape not in ((), (x.channels,)):
                raise ValueError(f"a constant of shape {constant.shape} is not per channel")
        return TensorType(x.shape, Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        x, a, b = arrays
        return np.asarray(x * a.astype(x.dtype) + b.astype(x.dtype))
