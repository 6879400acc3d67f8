"""y = f[c](x)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir import function
from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType


@dataclass(frozen=True)
class Unary(Op):
    """Any function of one number, as a program; becomes an exact table of its quantized input."""

    program: function.Program

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if function.channels(self.program) not in (1, x.channels):
            raise ValueError(f"a function of {function.channels(self.program)} channels")
        return TensorType(x.shape, Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        return np.asarray(function.run(self.program, arrays[0]).astype(arrays[0].dtype))
