"""y = x with a border of ``value`` (per channel, or the lowest value of the type)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, Real, TensorType, exact


@dataclass(frozen=True)
class Pad(Op):
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
        x, elem = arrays[0], node.inputs[0].type.elem
        if isinstance(elem, Int):
            fill = np.asarray(self.codes(elem), dtype=np.int64)
            kind = np.result_type(x.dtype, np.min_scalar_type(int(np.abs(fill).max()) * 2))
        else:
            fill = np.asarray([-np.inf] if self.lowest else self.value)
            kind = x.dtype
        y = np.empty((len(x), *node.type.shape), dtype=kind)
        y[...] = fill
        inside = (slice(b, b + n) for b, n in zip(self.before, x.shape[1:], strict=True))
        y[(slice(None), *inside)] = x
        return y
