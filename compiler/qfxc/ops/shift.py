"""y = clip(((x << left[c]) + b[c]) >> right, lo, hi)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, Rom, stream_params
from qfxc.ir.types import Array, Int, TensorType
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
class Shift(ChannelOp):
    """A staircase whose slopes are powers of two; ``>>`` is floor. ``left``, ``b``: (1) or (C)."""

    left: tuple[int, ...]
    b: tuple[int, ...]
    right: int
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        return result_type(inputs[0], self.elem, self.left, self.b)

    def wide(self, x: Int) -> Int:
        """The range of ``(x << left) + b`` over all channels."""
        most = max(self.left)
        return Int(min(x.lo << most, 0) + min(self.b), max(x.hi << most, 0) + max(self.b))

    def run(self, node: Node, *arrays: Array) -> Array:
        return self.bind(node)(*arrays)

    def bind(self, node: Node) -> Callable[..., Array]:
        kind = integer_kind(self.wide(node.inputs[0].type.int).magnitude)
        count = positions(node.type)
        left, b = (per_channel(v, kind, count) for v in (self.left, self.b))

        def apply(x: Array) -> Array:
            y = widened(x, kind, count * node.type.channels)
            y <<= left
            y += b
            y >>= kind(self.right)
            return saturate(y, self.elem).reshape(x.shape)

        return apply

    def _roms(self, node: Node, lanes: int) -> dict[str, Rom]:
        channels = node.type.channels
        return {
            "left": channel_memory((self.left,), channels, lanes),
            "b": channel_memory((self.b,), channels, lanes),
        }

    def _wide_bits(self, x: Int) -> int:
        ends = (min(self.left), max(self.left))
        shifted = Int(min(x.lo << k for k in ends), max(x.hi << k for k in ends))
        return signed_bits(x, shifted, Int(min(self.b), max(self.b)), self.wide(x))

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        x, roms = node.inputs[0].type, self._roms(node, fold.simd)
        params = {
            **saturation(x, self.elem, fold.simd),
            "Right": self.right,
            "WideBits": self._wide_bits(x.int),
            "LBits": roms["left"].elem.bits,
            "LPeriod": roms["left"].depth,
            **stream_params("B", roms["b"].elem),
            "BPeriod": roms["b"].depth,
            **io_params(node),
        }
        return Kernel("shift", params, roms)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((3, 6), Int(-500, 400)), source((2, 4), UINT4)
        return (
            Node(cls((0,), (4,), 3, INT8), (x,), "per_tensor"),
            Node(cls((0, 1, 2, 3, 4, 5), (1, -2, 3, -4, 5, -600), 4, INT8), (x,), "per_channel"),
            Node(cls((2,), (1, 2, 3, 4), 0, UINT4), (u,), "left_only"),
            Node(cls((0,), (-40,), 2, Int(-9, -2)), (u,), "negative"),
        )
