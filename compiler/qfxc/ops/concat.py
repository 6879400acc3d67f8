"""y = the inputs, one after the other along ``axis``."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, prod

import numpy as np

from qfxc.errors import InternalError
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, divisors, stream_params
from qfxc.ir.types import Array, Int, Real, TensorType
from qfxc.ops._hardware import legal
from qfxc.ops._samples import INT8, UINT4, source, weights

MOST_INPUTS = 8
"""Inputs of one kernel; longer ones are chained before they become one."""


@dataclass(frozen=True)
class Concat(KernelOp):
    """Joins tensors along ``axis`` (a frame axis, >= 0). Integer inputs have one common scale."""

    axis: int

    def infer(self, *inputs: TensorType) -> TensorType:
        first = inputs[0].shape
        for other in inputs[1:]:
            same = [i for i in range(len(first)) if i != self.axis]
            if len(other.shape) != len(first) or any(other.shape[i] != first[i] for i in same):
                raise ValueError(f"shapes {first} and {other.shape} differ beside axis {self.axis}")
        total = sum(i.shape[self.axis] for i in inputs)
        shape = (*first[: self.axis], total, *first[self.axis + 1 :])
        if not all(i.is_int for i in inputs):
            return TensorType(shape, Real())
        if len({i.int.scale for i in inputs}) > 1:
            raise ValueError("the inputs have different scales")
        low, high = min(i.int.lo for i in inputs), max(i.int.hi for i in inputs)
        return TensorType(shape, Int(low, high, inputs[0].int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        rank = len(node.type.shape)
        batch = max((len(a) for a in arrays if a.ndim > rank), default=1)  # constants have none
        full = [np.broadcast_to(a, (batch, *a.shape[-rank:])) for a in arrays]
        return np.concatenate(full, axis=self.axis + 1)

    def folds(self, node: Node) -> tuple[Fold, ...]:
        lanes = divisors(gcd(*(i.type.channels for i in node.inputs)))
        return legal(node, (Fold(n, n) for n in lanes))

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.type.size // fold.pe

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        if len(node.inputs) > MOST_INPUTS:
            raise InternalError(f"{node.name}: a concat of more than {MOST_INPUTS} inputs")
        params = {
            "Lanes": fold.pe,
            "N": len(node.inputs),
            "Repeats": prod(node.type.shape[: self.axis]),
        }
        for i, x in enumerate(node.inputs):
            params[f"Run{i}"] = prod(x.type.shape[self.axis :]) // fold.pe
            params |= stream_params(f"X{i}", x.type.int)
        return Kernel("concat", {**params, **stream_params("Y", node.type.int)})

    def lag(self, node: Node) -> Fraction:
        """Joined channels: one position of an input is read before those of the next inputs."""
        last = self.axis == len(node.type.shape) - 1
        return Fraction(node.type.channels, node.type.size) if last else Fraction(1)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        a, b = source((2, 3, 4), INT8, "a"), source((2, 3, 6), UINT4, "b")
        rows = source((1, 3, 4), Int(0, 1), "c")
        many = tuple(source((2, 2), Int(-i, i + 1), f"x{i}") for i in range(MOST_INPUTS))
        return (
            Node(cls(2), (a, b), "channels"),
            Node(cls(2), (b, b, a), "three"),
            Node(cls(0), (rows, a), "rows"),
            Node(cls(1), (a, weights((2, 1, 4), INT8, 1)), "constant"),
            Node(cls(1), many, "many"),
        )
