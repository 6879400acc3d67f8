"""x = scale * q."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType


@dataclass(frozen=True)
class Dequantize(Op):
    """Integer to real. In the QDQ stage only."""

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(inputs[0].shape, Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        return np.asarray(arrays[0] * node.inputs[0].type.int.scale.floats())
