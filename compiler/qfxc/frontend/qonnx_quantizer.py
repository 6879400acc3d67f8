"""What QONNX quantizers say: which nodes they are, and their parameters, checked.

Meaning as in the qonnx package: ``clip(round(x / scale + zero), low, high)``, then minus ``zero``
and times ``scale``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx
from onnx import helper

from qfxc.errors import UserError
from qfxc.frontend.folding import QONNX_DOMAINS, QONNX_QUANTIZERS, finite
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, exact

CHANNELS_LAST = "qonnx.custom_op.channels_last"
"""The domain of Conv, BatchNormalization and poolings whose axis 1 comes last."""

FLOATING = ("FloatQuant",)
"""Of the same domains, but not for integers."""

ROUNDINGS = {
    "ROUND": Rounding.HALF_EVEN,
    "HALF_EVEN": Rounding.HALF_EVEN,
    "CEIL": Rounding.CEIL,
    "FLOOR": Rounding.FLOOR,
    "UP": Rounding.AWAY,
    "DOWN": Rounding.ZERO,
    "ROUND_TO_ZERO": Rounding.ZERO,
    "HALF_UP": Rounding.HALF_AWAY,
    "HALF_DOWN": Rounding.HALF_ZERO,
}
"""QONNX takes up and down for away from zero and towards it."""

NON_NEGATIVE = {
    Rounding.AWAY: Rounding.CEIL,
    Rounding.ZERO: Rounding.FLOOR,
    Rounding.HALF_AWAY: Rounding.HALF_UP,
    Rounding.HALF_ZERO: Rounding.HALF_DOWN,
}
"""The same on numbers that are not negative, for any integer offset."""

MOST_BITS = 32


def is_qonnx(node: onnx.NodeProto) -> bool:
    """Whether a node is one of QONNX's, in any domain that exporters gave them."""
    if node.domain == CHANNELS_LAST:
        return node.op_type in ("Conv", "MaxPool", "BatchNormalization")
    return (
        node.op_type in (*QONNX_QUANTIZERS, "Trunc", "MultiThreshold")
        and node.domain in QONNX_DOMAINS
    )


@dataclass(frozen=True)
class Quantizer:
    """``scale`` (float64, as the file has it), the range of codes without zero point, rounding.

    ``shift``: the zero point where rounding must see it: ``round(x / scale + shift) - shift``.
    """

    scale: Array
    low: int
    high: int
    rounding: Rounding
    shift: int = 0
    bipolar: bool = False

    @staticmethod
    def of(node: onnx.NodeProto, arrays: Sequence[Array | None]) -> Quantizer:
        """Of a Quant or IntQuant node; ``arrays``: its inputs, of which the first does not count.

        Raises UserError for what is not constant, not positive, not an integer.
        """
        scale, zero, bits = (given(arrays, i, what) for i, what in _INPUTS)
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        signed, narrow = bool(attributes.get("signed", 1)), bool(attributes.get("narrow", 0))
        width, offset = integer(bits, "bit width"), integer(zero, "zero point")
        if not 1 <= width <= MOST_BITS:
            raise UserError(f"{width} bits", hint="1 to 32 bits are supported")
        rounding = rounding_mode(attributes.get("rounding_mode", b"ROUND"))
        if width == 1 and signed:
            if offset:
                raise UserError("one signed bit (-1 and 1) with a zero point is not supported")
            return Quantizer(positive(scale), -1, 1, rounding, bipolar=True)
        low, high = code_range(width, signed=signed, narrow=narrow)
        if low >= 0:
            rounding = NON_NEGATIVE.get(rounding, rounding)
        moves = rounding in (Rounding.FLOOR, Rounding.CEIL, Rounding.HALF_UP, Rounding.HALF_DOWN)
        even = rounding is Rounding.HALF_EVEN and offset % 2 == 0
        shift = 0 if moves or even else offset
        return Quantizer(positive(scale), low - offset, high - offset, rounding, shift)

    def codes(self, x: Array) -> Array:
        """The codes of real constants, without zero point; exact, ties as well."""
        if self.bipolar:
            return np.where(x >= 0, 1, -1)
        scale = np.broadcast_to(self.scale, x.shape)
        u = x / scale + self.shift
        rounded = self.rounding.divide(np.floor(u * (1 << 20)).astype(object), 1 << 20)
        near = np.abs(2 * u - np.rint(2 * u)) < 2.0**-16 * np.maximum(1, np.abs(u))
        for at in zip(*np.nonzero(near), strict=True):
            value = exact(x[at]) / exact(scale[at])
            rounded[at] = self.rounding.round(value + self.shift)
        return np.asarray(np.clip(rounded - self.shift, self.low, self.high), dtype=np.int64)


_INPUTS = ((1, "scale"), (2, "zero point"), (3, "bit width"))


def given(arrays: Sequence[Array | None], index: int, what: str) -> Array:
    """A constant input; the message says which one is missing."""
    found = arrays[index] if index < len(arrays) else None
    if found is None:
        raise UserError(f"input {index}, the {what}, is missing")
    return finite(found, f"the {what}")


def positive(scale: Array) -> Array:
    """The scale, where it is one."""
    if (scale <= 0).any():
        raise UserError("its scale is not positive", hint="train or export the model again")
    return scale


def integer(array: Array, what: str) -> int:
    """One integer; several must be equal."""
    first = array.reshape(-1)[0] if array.size else np.nan
    if (array != first).any():
        raise UserError(f"{what}s that differ from channel to channel are not supported")
    if first != np.rint(first):
        raise UserError(f"its {what} is {first}, an integer is expected")
    return int(first)


def code_range(bits: int, *, signed: bool, narrow: bool) -> tuple[int, int]:
    """Smallest and largest code; narrow leaves out one at the end that zero is farther from."""
    if signed:
        return -(1 << (bits - 1)) + int(narrow), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1 - int(narrow)


def rounding_mode(name: bytes | str) -> Rounding:
    """The meaning of the attribute rounding_mode."""
    text = (name.decode() if isinstance(name, bytes) else name).upper()
    if text not in ROUNDINGS:
        raise UserError(
            f"the rounding mode {text} is not supported", hint=f"known: {', '.join(ROUNDINGS)}"
        )
    return ROUNDINGS[text]


def ratio_of_powers(a: Fraction, b: Fraction) -> int | None:
    """``log2(a / b)`` where that is an integer."""
    ratio = a / b
    if ratio.numerator & (ratio.numerator - 1) or ratio.denominator & (ratio.denominator - 1):
        return None
    return ratio.numerator.bit_length() - ratio.denominator.bit_length()
