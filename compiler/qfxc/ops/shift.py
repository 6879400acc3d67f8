"""y = clip(((x << left[c]) + b[c]) >> right, lo, hi)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._hardware import (
    io_params,
    saturation,
)
from qfxc.ops._samples import INT8, UINT4, source
from qfxc.ops._shifted import ShiftedOp, memory_params
from qfxc.ops._staircase import (
    integer_kind,
    per_channel,
    positions,
    result_type,
    saturate,
    widened,
)


@dataclass(frozen=True)
class Shift(ShiftedOp):
    """A staircase whose slopes are powers of two; ``>>`` is floor. ``left``, ``b``: (1) or (C)."""

    left: tuple[int, ...]
    b: tuple[int, ...]
    right: int
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        return result_type(inputs[0], self.elem, self.left, self.b)

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

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        x, roms = node.inputs[0].type, self.memories(node, fold.simd)
        params = {
            **saturation(x, self.elem, fold.simd),
            "Right": self.right,
            "WideBits": self.wide_bits(x.int),
            **memory_params(roms),
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
