"""y = fn(x)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Real, TensorType

FUNCTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Fraction], Fraction]]] = {
    "reciprocal": (np.reciprocal, lambda x: 1 / x),
}
"""Per function: on float arrays, and on exact rationals (what its table is computed from)."""


@dataclass(frozen=True)
class Unary(Op):
    """Any function of one number; becomes an exact table of its quantized input."""

    fn: str

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(inputs[0].shape, Real())

    def run(self, node: Node, *arrays: Array) -> Array:
        with np.errstate(divide="ignore"):  # a pole gives infinity, which a quantizer saturates
            return FUNCTIONS[self.fn][0](arrays[0])
