"""y = clip((sum_i sign_i * (x << power_i) + b[c]) >> shift, lo, hi)."""

from __future__ import annotations

from dataclasses import dataclass

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._staircase import integer_kind, per_channel, result_type, saturate


@dataclass(frozen=True)
class Csd(Op):
    """A staircase by adders only: one multiplier for all channels, with few signed digits.

    ``digits`` holds (sign, power) pairs, sign +1 or -1; ``b`` is (1) or (C).
    """

    digits: tuple[tuple[int, int], ...]
    b: tuple[int, ...]
    shift: int
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        return result_type(inputs[0], self.elem, self.b)

    @property
    def factor(self) -> int:
        return sum(sign << power if sign > 0 else -(1 << power) for sign, power in self.digits)

    def wide(self, x: Int) -> Int:
        """A range that holds every partial sum, in any order."""
        most = sum(1 << power for _, power in self.digits) * x.magnitude
        return Int(-most + min(*self.b, 0), most + max(*self.b, 0))

    def run(self, node: Node, *arrays: Array) -> Array:
        kind = integer_kind(self.wide(node.inputs[0].type.int).magnitude)
        y = arrays[0].astype(kind) * kind(self.factor)
        y += per_channel(self.b, kind)
        return saturate(y >> kind(self.shift), self.elem)
