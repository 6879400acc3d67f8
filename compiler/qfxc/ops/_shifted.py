"""What operators share that begin with ``(x << left[c]) + b[c]`` and end with a saturation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, Rom, stream_params
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._behind import Rescale, followed
from qfxc.ops._hardware import ChannelOp, channel_memory, io_params, saturation, signed_bits
from qfxc.ops._staircase import (
    integer_kind,
    per_channel,
    positions,
    result_type,
    saturate,
    widened,
)


class ShiftedOp(ChannelOp):
    """``left``, ``b``: (1) or (C); ``right``: bits that are cut off afterwards."""

    left: tuple[int, ...]
    b: tuple[int, ...]
    right: int
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        return result_type(inputs[0], self.elem, self.left, self.b)

    def run(self, node: Node, *arrays: Array) -> Array:
        return self.bind(node)(*arrays)

    def bind(self, node: Node) -> Callable[..., Array]:
        bound = self.wide(node.inputs[0].type.int).magnitude
        kind = integer_kind(bound + (1 << self.right))
        count = positions(node.type)
        left, b = (per_channel(v, kind, count) for v in (self.left, self.b))

        def apply(x: Array) -> Array:
            y = widened(x, kind, count * node.type.channels)
            y <<= left
            y += b
            return saturate(self.cut(y, kind), self.elem).reshape(x.shape)

        return apply

    def cut(self, y: Array, kind: Any) -> Array:
        """``y / 2**right`` as integers of type ``kind``; ``y`` may be overwritten."""
        raise NotImplementedError

    def modes(self) -> dict[str, int]:
        """What the kernel is told of the cut."""
        return {"Right": self.right}

    def behind(self, node: Node, fold: Fold, kernel: Kernel) -> Kernel | None:
        half = self.half()
        if half is None:
            return None
        factors = tuple(1 << left for left in self.left)
        b = tuple(b + half[0] for b in self.b)
        return followed(kernel, node, Rescale(factors, b, self.right, half[1], self.elem))

    def half(self) -> tuple[int, bool] | None:
        """What makes the rounding a floor: a number to add, and whether results that are exact
        then become even; None where that depends on more."""
        return 0, False

    def wide(self, x: Int) -> Int:
        """The range of ``(x << left) + b`` over all channels."""
        most = max(self.left)
        return Int(min(x.lo << most, 0) + min(self.b), max(x.hi << most, 0) + max(self.b))

    def wide_bits(self, x: Int) -> int:
        """Of a signed number that holds every intermediate value and a sign above ``right``."""
        ends = (min(self.left), max(self.left))
        shifted = Int(min(x.lo << k for k in ends), max(x.hi << k for k in ends))
        values = signed_bits(x, shifted, Int(min(self.b), max(self.b)), self.wide(x))
        return max(values, self.right + 1)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        x, roms = node.inputs[0].type, self._memories(node, fold.simd)
        params = {
            **saturation(x, self.elem, fold.simd),
            **self.modes(),
            "WideBits": self.wide_bits(x.int),
            "LBits": roms["left"].elem.bits,
            "LPeriod": roms["left"].depth,
            **stream_params("B", roms["b"].elem),
            "BPeriod": roms["b"].depth,
            **io_params(node),
        }
        return Kernel(self.stem, params, roms)

    def _memories(self, node: Node, lanes: int) -> dict[str, Rom]:
        values = {"left": self.left, "b": self.b}
        return {k: channel_memory((v,), node.type.channels, lanes) for k, v in values.items()}
