"""z = x * y."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, Variant
from qfxc.ir.types import Array, Int, Real, TensorType
from qfxc.ops._dot import as_carrier, carrier
from qfxc.ops._hardware import ChannelOp, operand_params, with_variants
from qfxc.ops._samples import INT8, UINT4, source


@dataclass(frozen=True)
class Mul(ChannelOp):
    """Product of two equal-shaped tensors; scales multiply."""

    def infer(self, *inputs: TensorType) -> TensorType:
        x, y = inputs
        if x.shape != y.shape:
            raise ValueError(f"shapes {x.shape} and {y.shape} differ")
        if not (x.is_int and y.is_int):
            return TensorType(x.shape, Real())
        a, b = x.int, y.int
        corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi]
        return TensorType(x.shape, Int(min(corners), max(corners), a.scale * b.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        x, y = arrays
        if not node.type.is_int:
            return np.asarray(x * y)
        kind = carrier(node.inputs[0].type.int.magnitude * node.inputs[1].type.int.magnitude)
        return np.asarray(as_carrier(x, kind) * as_carrier(y, kind))

    def folds(self, node: Node) -> tuple[Fold, ...]:
        a, b = (x.type.int.bits for x in node.inputs)
        return with_variants(a, b, super().folds(node))

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        fabric = int(fold.variant is Variant.LUT)
        return Kernel("mul", {**operand_params(node, fold.pe), "Fabric": fabric})

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        a, b = source((2, 6), INT8, "a"), source((2, 6), UINT4, "b")
        return (
            Node(cls(), (a, b), "mixed"),
            Node(cls(), (a, source((2, 6), INT8, "c")), "wide"),
            Node(cls(), (b, source((2, 6), UINT4, "c")), "unsigned"),
            Node(cls(), (a, source((2, 6), Int(-8, -1), "c")), "negative"),
        )
