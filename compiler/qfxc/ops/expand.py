"""y[h, w, c] = x[0, 0, c]: broadcasts one pixel over an image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, TensorType


@dataclass(frozen=True)
class Expand(Op):
    """Repeats the channels of x (1, .., 1, C) at every position of ``shape`` (.., C)."""

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if prod(x.shape[:-1]) != 1 or self.shape[-1] != x.channels:
            raise ValueError(f"{x.shape} does not broadcast over the positions of {self.shape}")
        return TensorType(self.shape, x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        x = arrays[0].reshape(-1, *([1] * (len(self.shape) - 1)), self.shape[-1])
        return np.ascontiguousarray(np.broadcast_to(x, (len(x), *self.shape)))
