"""y = kx * x + ky * y."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel
from qfxc.ir.types import Array, Int, Real, Scale, TensorType
from qfxc.ops._dot import as_carrier, carrier
from qfxc.ops._hardware import ChannelOp, operand_params
from qfxc.ops._samples import INT8, UINT4, source, weights


@dataclass(frozen=True)
class Add(ChannelOp):
    """Sum of two equal-shaped tensors. Integer factors align the scales of a residual join.

    In the integer stage ``kx * scale_out == scale_x`` and ``ky * scale_out == scale_y`` hold
    exactly, so the sum is exact and its scale is ``scale_x / |kx|``. A factor may be negative
    (subtraction) in every stage. With ``aligned`` off the factors are any that serve the
    staircase behind the sum, which alone knows what it means: its scale is 1.
    """

    kx: int = 1
    ky: int = 1
    aligned: bool = True

    def infer(self, *inputs: TensorType) -> TensorType:
        x, y = inputs
        if x.shape != y.shape:
            raise ValueError(f"shapes {x.shape} and {y.shape} differ")
        if not (x.is_int and y.is_int):
            return TensorType(x.shape, Real())
        a, b = x.int, y.int
        low = min(self.kx * a.lo, self.kx * a.hi) + min(self.ky * b.lo, self.ky * b.hi)
        high = max(self.kx * a.lo, self.kx * a.hi) + max(self.ky * b.lo, self.ky * b.hi)
        if not self.aligned:
            return TensorType(x.shape, Int(low, high))
        scale = Scale(tuple(v / abs(self.kx) for v in a.scale.values))
        if scale != Scale(tuple(v / abs(self.ky) for v in b.scale.values)):
            raise ValueError(f"scales {a.scale} and {b.scale} are not {self.kx} : {self.ky}")
        return TensorType(x.shape, Int(low, high, scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        x, y = arrays
        if not node.type.is_int:
            return np.asarray(self.kx * x + self.ky * y)
        a, b = node.inputs[0].type.int, node.inputs[1].type.int
        kind = carrier(abs(self.kx) * a.magnitude + abs(self.ky) * b.magnitude)
        return np.asarray(as_carrier(x, kind) * kind(self.kx) + as_carrier(y, kind) * kind(self.ky))

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        params = {**operand_params(node, fold.pe), "KA": self.kx, "KB": self.ky}
        return Kernel("add", params)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        third = Scale.of(Fraction(1, 3))
        a, b = source((2, 6), INT8, "a"), source((2, 6), UINT4, "b")
        c = source((2, 6), INT8.scaled(third), "c")
        return (
            Node(cls(), (a, b), "plain"),
            Node(cls(1, -1), (b, source((2, 6), UINT4, "c")), "difference"),
            Node(cls(3, 1), (a, c), "factors"),
            Node(cls(), (a, weights((2, 6), UINT4, 1)), "constant"),
        )
