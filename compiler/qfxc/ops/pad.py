"""y = x with a border of ``value`` (per channel, or the lowest value of the type)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Rom, divisors
from qfxc.ir.types import Array, Int, Real, TensorType, exact
from qfxc.ops._hardware import channel_memory, io_params, legal
from qfxc.ops._samples import INT8, UINT4, source

Axes = tuple[int, int, int]


@dataclass(frozen=True)
class Pad(KernelOp):
    """Constant border: ``before`` and ``after`` elements on every frame axis.

    ``value`` is real in the real stages, integer codes in the integer ones: one number, or one
    per channel (then the channel axis itself has no border). ``lowest`` pads with what no maximum
    ever picks: -inf, or the ``lo`` of the type.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: tuple[float | int, ...] = (0,)
    lowest: bool = False

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if len(self.value) not in (1, x.channels):
            raise ValueError(f"{len(self.value)} pad values for {x.channels} channels")
        if len(self.value) > 1 and (self.before[-1] or self.after[-1]):
            raise ValueError("a per-channel value cannot pad the channel axis")
        spans = zip(x.shape, self.before, self.after, strict=True)
        shape = tuple(size + a + b for size, a, b in spans)
        if isinstance(x.elem, Real):
            return TensorType(shape, Real())
        codes = self.codes(x.int)
        low, high = min(x.int.lo, *codes), max(x.int.hi, *codes)
        return TensorType(shape, Int(low, high, x.int.scale))

    def codes(self, elem: Int) -> tuple[int, ...]:
        """The border's integer codes."""
        if self.lowest:
            return (elem.lo,)
        if any(exact(v).denominator != 1 for v in self.value):
            raise ValueError(f"pad value {self.value} is not an integer code")
        return tuple(int(v) for v in self.value)

    def run(self, node: Node, *arrays: Array) -> Array:
        """Arrays are filled with a scalar where one will do: that is many times faster."""
        x, elem = arrays[0], node.inputs[0].type.elem
        if isinstance(elem, Int):
            fill = np.asarray(self.codes(elem), dtype=np.int64)
            limits = (np.min_scalar_type(int(v)) for v in (fill.min(), fill.max()))
            kind = np.result_type(x.dtype, *limits)
        else:
            fill = np.asarray([-np.inf] if self.lowest else self.value)
            kind = x.dtype
        y = np.empty((len(x), *node.type.shape), dtype=kind)
        if len(fill) == 1:
            y.fill(fill[0])
        else:
            y[...] = fill.astype(kind)
        inside = (slice(b, b + n) for b, n in zip(self.before, x.shape[1:], strict=True))
        y[(slice(None), *inside)] = x
        return y

    def _image(self, node: Node) -> tuple[Axes, Axes, Axes]:
        """(before, size, after) of the row, pixel and channel axes.

        Axes without a border join the one before them, whose border they multiply.
        """
        axes = list(zip(self.before, node.inputs[0].type.shape, self.after, strict=True))
        inner, outer = axes[-1], axes[:-1]
        joined: list[Axes] = []
        for before, size, after in outer:
            if joined and not before and not after:
                b, n, a = joined.pop()
                joined.append((b * size, n * size, a * size))
            else:
                joined.append((before, size, after))
        if len(joined) > 2:
            raise UserError("borders on more than three axes", where=node.name)
        row, pixel = [(0, 1, 0)] * (2 - len(joined)) + joined
        return row, pixel, inner

    def folds(self, node: Node) -> tuple[Fold, ...]:
        lanes = divisors(gcd(node.inputs[0].type.channels, self.before[-1], self.after[-1]))
        return legal(node, (Fold(n, n) for n in lanes))

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.type.size // fold.pe

    def _rom(self, node: Node, lanes: int) -> Rom:
        codes = self.codes(node.inputs[0].type.int)
        rom = channel_memory((codes,), node.inputs[0].type.channels, lanes)
        return replace(rom, elem=node.type.int)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        row, pixel, inner = self._image(node)
        rom, lanes = self._rom(node, fold.pe), fold.pe
        params = {
            "Lanes": lanes,
            "H": row[1],
            "W": pixel[1],
            "Words": inner[1] // lanes,
            "Top": row[0],
            "Left": pixel[0],
            "Bottom": row[2],
            "Right": pixel[2],
            "Before": inner[0] // lanes,
            "After": inner[2] // lanes,
            "VPeriod": rom.depth,
            **io_params(node),
        }
        return Kernel("pad", params, {"value": rom})

    def pause(self, node: Node) -> Fraction:
        """The border behind the last element of a frame and before the first of the next one."""
        shape, between = node.type.shape, 0
        for size, before, after in zip(shape, self.before, self.after, strict=True):
            between = between * size + before + after
        return min(Fraction(between, node.type.size), Fraction(1))

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((3, 2, 4), INT8), source((2, 4), UINT4)
        deep = source((2, 2, 1, 3, 2), UINT4)
        return (
            Node(cls((1, 1, 0), (2, 0, 0)), (x,), "image"),
            Node(cls((0, 1, 0), (0, 1, 0), (1, -2, 3, 300)), (x,), "per_channel"),
            Node(cls((1, 0), (0, 0), (-1,)), (u,), "wider"),
            Node(cls((0, 2), (1, 4)), (u,), "channels"),
            Node(cls((3,), (0,), lowest=True), (source((5,), INT8),), "vector"),
            Node(cls((1, 0, 0, 0, 0), (0, 0, 2, 0, 0)), (deep,), "joined"),
        )
