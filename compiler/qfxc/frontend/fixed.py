"""``Fixed`` of the domain ``qfxc.nn``: casts to ap_fixed, of activations, weights and biases.

    y = 2**-fbit * overflow(round(x * 2**fbit)), in wbit bits

Attributes: ``wbit`` (int), ``fbit`` (ints: one, or one per index of ``axis``), ``axis`` (int),
``signed`` (int), ``rounding`` and ``overflow`` (the names of ap_fixed without ``AP_``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import onnx
from onnx import helper

from qfxc.errors import UserError
from qfxc.frontend.broadcast import channel_last
from qfxc.frontend.call import Call, converts
from qfxc.frontend.qdq_constants import on_grid
from qfxc.frontend.qonnx_quantizer import given
from qfxc.frontend.value import Shared, Value
from qfxc.ir.overflow import Overflow
from qfxc.ir.rounding import AP_ROUNDING, Rounding
from qfxc.ir.types import Array, Int, Scale, exact
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.quantize import Quantize

OVERFLOWS = {
    "SAT": Overflow.SAT,
    "SAT_SYM": Overflow.SAT,
    "SAT_ZERO": Overflow.ZERO,
    "WRAP": Overflow.WRAP,
}
SYMMETRIC = "SAT_SYM"
"""Saturates at minus the largest code, where the type has one less."""

MOST_BITS = 32
MOST_FRACTION = 100
"""Of the magnitude of ``fbit``."""

Mode = TypeVar("Mode")


@dataclass(frozen=True)
class Format:
    """What a Fixed node says. ``axis``: that of ``fbit``, where there are several."""

    fbit: tuple[int, ...]
    axis: int
    low: int
    high: int
    rounding: Rounding
    overflow: Overflow

    @staticmethod
    def of(node: onnx.NodeProto, shape: Sequence[int]) -> Format:
        """The attributes of a node whose input has ``shape``. Raises UserError for unknown ones."""
        found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if unknown := sorted(found.keys() - _ATTRIBUTES):
            raise UserError(f"the attribute {unknown[0]} is unknown", hint=f"known: {_KNOWN}")
        if missing := sorted({"wbit", "fbit"} - found.keys()):
            raise UserError(f"the attribute {missing[0]} is missing")
        bits, signed = _integer(found, "wbit", 0), bool(_integer(found, "signed", 1))
        if not 1 <= bits <= MOST_BITS:
            raise UserError(f"{bits} bits", hint=f"1 to {MOST_BITS} bits are supported")
        fbit, axis = _fractions(found, shape)
        rounding = _mode(found, "rounding", "TRN", AP_ROUNDING)
        overflow = _mode(found, "overflow", "WRAP", OVERFLOWS)
        elem = Int.of_bits(bits, signed)
        narrow = signed and bits > 1 and _text(found, "overflow", "WRAP") == SYMMETRIC
        return Format(fbit, axis, elem.lo + narrow, elem.hi, rounding, overflow)

    def steps(self, rank: int) -> Array:
        """``2**-fbit`` in float64, exactly; broadcasts to a tensor of ``rank`` axes."""
        steps = np.ldexp(1.0, [-f for f in self.fbit])
        shape = [-1 if a == self.axis else 1 for a in range(rank)]
        return steps.reshape(() if len(steps) == 1 else shape)

    def codes(self, x: Array) -> Array:
        """The codes of real constants, exactly."""
        elem, steps = Int(self.low, self.high), np.broadcast_to(self.steps(x.ndim), x.shape)
        pairs = zip(x.reshape(-1), steps.reshape(-1), strict=True)
        codes = (self.rounding.round(exact(v) / exact(s)) for v, s in pairs)
        flat = [self.overflow.apply(q, elem) for q in codes]
        return np.array(flat, dtype=np.int64).reshape(x.shape)


_ATTRIBUTES = {"wbit", "fbit", "axis", "signed", "rounding", "overflow"}
_KNOWN = ", ".join(sorted(_ATTRIBUTES))


def _integer(found: Mapping[str, Any], name: str, default: int) -> int:
    value = found.get(name, default)
    if not isinstance(value, int):
        raise UserError(f"its {name} is no integer")
    return value


def _fractions(found: Mapping[str, Any], shape: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """``fbit`` and its axis, counted from the front."""
    given = found["fbit"]
    fbit = (given,) if isinstance(given, int) else tuple(given)
    if not fbit or not all(isinstance(f, int) for f in fbit):
        raise UserError("its fbit is no list of integers")
    if max(map(abs, fbit)) > MOST_FRACTION:
        raise UserError(f"fbit {max(fbit, key=abs)}", hint=f"up to {MOST_FRACTION} are supported")
    if len(set(fbit)) == 1:
        return fbit[:1], 0
    axis = _integer(found, "axis", 0)
    if not -len(shape) <= axis < len(shape) or shape[axis] != len(fbit):
        raise UserError(f"{len(fbit)} fbit along axis {axis} of the shape {list(shape)}")
    return fbit, axis % len(shape)


def _text(found: Mapping[str, Any], name: str, default: str) -> str:
    value = found.get(name, default)
    return (value.decode() if isinstance(value, bytes) else str(value)).removeprefix("AP_")


def _mode(found: Mapping[str, Any], name: str, default: str, known: Mapping[str, Mode]) -> Mode:
    text = _text(found, name, default)
    if text not in known:
        raise UserError(f"the {name} {text} is not supported", hint=f"known: {', '.join(known)}")
    return known[text]


@converts("Fixed", notes="qfxc.nn: casts to ap_fixed, 1 to 32 bits, all its modes")
def fixed(call: Call) -> Value:
    """A quantizer and the real numbers behind it."""
    x = call.value(0)
    form = Format.of(call.node, x.shape)
    x, steps = channel_last(call, x, form.steps(len(x.shape)))
    elem = Int(form.low, form.high, Scale.of(np.atleast_1d(steps)))
    q = call.make(Quantize(elem, form.rounding, form.overflow), x.node)
    return replace(x, node=call.make(Dequantize(), q, suffix="dq"))


def fixed_constant(
    shared: Shared, node: onnx.NodeProto, arrays: Sequence[Array | None], opset: int
) -> list[Array]:
    """The real numbers that the codes of a constant stand for; ``shared`` notes the grid."""
    source = given(arrays, 0, "tensor")
    form = Format.of(node, source.shape)
    steps = np.broadcast_to(form.steps(source.ndim), source.shape)
    return [on_grid(shared, node.output[0], form.codes(source), steps)]
