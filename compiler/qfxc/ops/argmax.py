"""y = the index of the largest element of the last axis, the first one at a tie."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, divisors
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._hardware import io_params, legal
from qfxc.ops._samples import INT8, UINT4, source


@dataclass(frozen=True)
class ArgMax(KernelOp):
    """Keeps the reduced axis with size 1; the result is an integer in every stage."""

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        return TensorType((*x.shape[:-1], 1), Int(0, max(x.channels - 1, 0)))

    def run(self, node: Node, *arrays: Array) -> Array:
        return np.asarray(np.argmax(arrays[0], axis=-1, keepdims=True))

    def folds(self, node: Node) -> tuple[Fold, ...]:
        return legal(node, (Fold(n, 1) for n in divisors(node.inputs[0].type.channels)))

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.inputs[0].type.size // fold.simd

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        params = {
            "Lanes": fold.simd,
            "Words": node.inputs[0].type.channels // fold.simd,
            "Vectors": node.type.size,
            **io_params(node),
        }
        return Kernel("argmax", params)

    def lag(self, node: Node) -> Fraction:
        """One vector."""
        return Fraction(1, node.type.size)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        return (
            Node(cls(), (source((3, 10), INT8),), "signed"),
            Node(cls(), (source((4, 6), Int(0, 2)),), "ties"),
            Node(cls(), (source((2, 8), Int(-9, -7)),), "negative"),
            Node(cls(), (source((2, 1), UINT4),), "single"),
        )
