"""y = clip((a[s,c] * x + b[s,c]) >> shift, lo, hi), s = the segment of x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, Rom, Variant, stream_params
from qfxc.ir.powers import Powers
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._behind import Rescale, followed
from qfxc.ops._hardware import (
    ChannelOp,
    channel_memory,
    io_params,
    saturation,
    signed_bits,
    with_variants,
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
from qfxc.ops._weights import FABRICS, MOST_TERMS, coded, powers_of

MOST_SHIFTED = 60
"""Bits of x moved by a factor's highest power of two: sums of them are computed in 64 bits."""


@dataclass(frozen=True)
class Dyadic(ChannelOp):
    """A staircase by one multiplication; ``>>`` is floor.

    ``a`` and ``b`` hold one tuple per segment, each (1) or (C); ``starts`` the first x of every
    segment but the first, ascending (two segments make a PReLU).
    """

    a: tuple[tuple[int, ...], ...]
    b: tuple[tuple[int, ...], ...]
    starts: tuple[tuple[int, ...], ...]
    shift: int
    elem: Int

    def infer(self, *inputs: TensorType) -> TensorType:
        if not len(self.a) == len(self.b) == len(self.starts) + 1:
            raise ValueError("segments and starts do not match")
        return result_type(inputs[0], self.elem, *self.a, *self.b, *self.starts)

    @property
    def powers(self) -> Powers:
        """The signed powers of two of which every factor is a sum."""
        return powers_of(tuple(sorted({factor for part in self.a for factor in part})))

    def product(self, x: Int) -> Int:
        """The range of ``a * x`` over all channels and segments (whole range of x in each)."""
        ends = (min(map(min, self.a)), max(map(max, self.a)))
        corners = [v * e for v in ends for e in (x.lo, x.hi)]
        return Int(min(corners), max(corners))

    def wide(self, x: Int) -> Int:
        """The range of ``a * x + b`` over all channels and segments."""
        p = self.product(x)
        return Int(p.lo + min(map(min, self.b)), p.hi + max(map(max, self.b)))

    def run(self, node: Node, *arrays: Array) -> Array:
        return self.bind(node)(*arrays)

    def bind(self, node: Node) -> Callable[..., Array]:
        source = node.inputs[0].type.int
        bound = max(self.wide(source).magnitude, self.product(source).magnitude)
        kind: Any = integer_kind(max(bound, max(abs(v) for part in self.b for v in part)))
        count = positions(node.type)
        a, b = ([per_channel(part, kind, count) for part in v] for v in (self.a, self.b))
        starts = [per_channel(start, np.int64, count) for start in self.starts]
        shift = kind(self.shift)

        def apply(array: Array) -> Array:
            x = widened(array, kind, count * node.type.channels)
            y = x * a[0] if starts else np.multiply(x, a[0], out=x)
            y += b[0]
            y >>= shift
            for start, u, v in zip(starts, a[1:], b[1:], strict=True):
                y = np.where(x >= start, (x * u + v) >> shift, y)
            return saturate(y, self.elem).reshape(array.shape)

        return apply

    def _roms(self, node: Node, fold: Fold) -> dict[str, Rom]:
        channels, lanes = node.type.channels, fold.simd
        parts = {"a": self.a, "b": self.b} | ({"start": self.starts} if self.starts else {})
        roms = {name: channel_memory(p, channels, lanes) for name, p in parts.items()}
        if fold.variant is Variant.SHIFT:
            a, powers = roms["a"], self.powers
            elem = Int.of_bits(powers.bits, signed=False)
            roms["a"] = Rom(a.depth, a.lanes, elem, lambda: coded(a.values, powers))
        return roms

    def _wide_bits(self, x: Int) -> int:
        offsets = Int(min(map(min, self.b)), max(map(max, self.b)))
        return signed_bits(self.product(x), self.wide(x), offsets)

    def folds(self, node: Node) -> tuple[Fold, ...]:
        factors = channel_memory(self.a, node.type.channels, 1).elem
        bits, powers = node.inputs[0].type.int.bits, self.powers
        few = 0 < powers.terms <= MOST_TERMS and bits + powers.shifts <= MOST_SHIFTED
        return with_variants(bits, factors.bits, super().folds(node), few)

    def behind(self, node: Node, fold: Fold, kernel: Kernel) -> Kernel | None:
        """Not where a plan has DSPs for the products, nor for several segments."""
        if fold.variant is Variant.DSP or self.starts:
            return None
        (a,), (b,) = self.a, self.b
        return followed(kernel, node, Rescale(a, b, self.shift, False, self.elem))

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        source_type = node.inputs[0].type
        roms, shifted = self._roms(node, fold), fold.variant is Variant.SHIFT
        start = roms.get("start", Rom.of(np.zeros((1, 1), dtype=np.int64), Int(0, 0)))
        params = {
            **saturation(source_type, self.elem, fold.simd),
            "Segments": len(self.a),
            "Shift": self.shift,
            "WideBits": self._wide_bits(source_type.int),
            **io_params(node),
            "Fabric": FABRICS[fold.variant],
            "Terms": self.powers.terms if shifted else 0,
            "Shifts": self.powers.shifts if shifted else 0,
        }
        for prefix, rom in (("A", roms["a"]), ("B", roms["b"]), ("S", start)):
            params |= {**stream_params(prefix, rom.elem), f"{prefix}Period": rom.depth}
        return Kernel("dyadic", params, roms)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, narrow = source((3, 4), Int(-900, 1000)), source((2, 6), UINT4)
        wide = source((2, 3), Int(-(1 << 30), 1 << 30))
        slopes = ((3, -5, 7, 1), (11, 12, 13, -14))
        offsets = ((40, -41, 42, 0), (-7, 8, 9, 10))
        return (
            Node(cls(((77,),), ((128,),), (), 8, INT8), (x,), "per_tensor"),
            Node(cls(slopes[:1], offsets[:1], (), 3, UINT4), (x,), "per_channel"),
            Node(cls(slopes, offsets, ((0, -10, 5, 300),), 4, INT8), (x,), "segments"),
            Node(
                cls(((1,), (2,), (-3,)), ((0,), (5,), (1,)), ((4,), (9,)), 0, INT8),
                (narrow,),
                "three",
            ),
            Node(cls(((-1,),), (tuple(range(6)),), (), 1, Int(-3, -1)), (narrow,), "negative"),
            Node(cls(((77777,),), ((1 << 20,),), (), 38, INT8), (wide,), "wide"),
        )
