"""y[..., c] = how many k have x[..., c] >= t[c, k]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType


@dataclass(frozen=True)
class Thresholds(Op):
    """A staircase with steps anywhere, in any order. Inputs x and real constant t (C, K), (1, K).

    Real stages only: the integer stage has it inside a staircase.
    """

    data_inputs = 1

    def infer(self, *inputs: TensorType) -> TensorType:
        x, t = inputs
        if len(t.shape) != 2 or t.shape[0] not in (1, x.channels):
            raise ValueError(f"thresholds {t.shape} for {x.channels} channels")
        return TensorType(x.shape, Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        x, t = arrays
        return np.asarray((x[..., None] >= t).sum(axis=-1), dtype=x.dtype)
