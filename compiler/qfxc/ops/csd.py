"""y = clip((sum_i sign_i * (x << power_i) + b[c]) >> shift, lo, hi)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, stream_params
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._behind import Rescale, followed
from qfxc.ops._hardware import (
    ChannelOp,
    channel_memory,
    io_params,
    saturation,
    signed_bits,
)
from qfxc.ops._samples import INT8, UINT4, source
from qfxc.ops._staircase import (
    integer_kind,
    per_channel,
    positions,
    result_type,
    saturate,
    widened,
)


@dataclass(frozen=True)
class Csd(ChannelOp):
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
        return self.bind(node)(*arrays)

    def bind(self, node: Node) -> Callable[..., Array]:
        kind: Any = integer_kind(self.wide(node.inputs[0].type.int).magnitude)
        count = positions(node.type)
        b = per_channel(self.b, kind, count)

        def apply(x: Array) -> Array:
            y = widened(x, kind, count * node.type.channels)
            y *= kind(self.factor)
            y += b
            y >>= kind(self.shift)
            return saturate(y, self.elem).reshape(x.shape)

        return apply

    def behind(self, node: Node, fold: Fold, kernel: Kernel) -> Kernel | None:
        return followed(kernel, node, Rescale((self.factor,), self.b, self.shift, False, self.elem))

    def _wide_bits(self, x: Int) -> int:
        return signed_bits(self.wide(x), x)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        x = node.inputs[0].type
        rom = channel_memory((self.b,), node.type.channels, fold.simd)
        params = {
            **saturation(x, self.elem, fold.simd),
            "Plus": sum(1 << power for sign, power in self.digits if sign > 0),
            "Minus": sum(1 << power for sign, power in self.digits if sign < 0),
            "Shift": self.shift,
            "WideBits": self._wide_bits(x.int),
            **stream_params("B", rom.elem),
            "BPeriod": rom.depth,
            **io_params(node),
        }
        return Kernel("csd", params, {"b": rom})

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((3, 6), Int(-500, 400)), source((2, 4), UINT4)
        wide = source((4,), Int(-(1 << 24), 1 << 24))
        digits = ((1, 7), (-1, 4), (1, 0))
        return (
            Node(cls(digits, (77,), 8, INT8), (x,), "per_tensor"),
            Node(cls(digits, (9, -900, 30, 0, 5, 60), 6, UINT4), (x,), "per_channel"),
            Node(cls(((-1, 1),), (0,), 0, Int(-20, -3)), (u,), "negative"),
            Node(cls(((1, 33), (-1, 2)), (1 << 30,), 50, INT8), (wide,), "wide"),
        )
