"""QuantizeLinear and DequantizeLinear: their parameters, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from qfxc.errors import UserError
from qfxc.frontend.folding import QUANTIZERS, finite
from qfxc.frontend.value import Codes, Shape, normal_axis, type_name
from qfxc.ir.types import Array, Scale

LIMITS = {
    f"{'' if signed else 'U'}INT{bits}": (
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    )
    for bits in (2, 4, 8, 16, 32)
    for signed in (True, False)
    if (bits, signed) != (32, False)
}
"""The integer element types that stand for real numbers, and their ranges."""

DOMAINS = ("", "ai.onnx", "com.microsoft")


def is_quantizer(node: onnx.NodeProto) -> bool:
    """Both domains have them; onnxruntime's allowed 16 and 4 bits first."""
    return node.op_type in QUANTIZERS and node.domain in DOMAINS


@dataclass(frozen=True)
class Quantizer:
    """``scale`` (float64) and ``zero`` (int64): of one element, or one per index of ``axis``.

    ``kind`` is the ONNX type of the codes; ``axis`` is ONNX's, None for one step for all.
    """

    scale: Array
    zero: Array
    kind: str
    axis: int | None

    @staticmethod
    def of(node: onnx.NodeProto, arrays: Sequence[Array | None]) -> Quantizer:
        """From the constant inputs 1 and 2 of a node; input 0 counts for its type only."""
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if attributes.get("block_size", 0):
            raise UserError(
                "blocks that share a scale are not supported",
                hint="quantize per tensor or per channel (block_size 0)",
            )
        scale, zero = (*arrays, None)[1:3]
        if scale is None:
            raise UserError("input 1, the scale, is missing")
        kind = _kind(node, arrays[0], zero, int(attributes.get("output_dtype", 0)))
        return quantizer(scale, zero, kind, int(attributes.get("axis", 1)))

    @property
    def limits(self) -> tuple[int, int]:
        return LIMITS[self.kind]

    def codes(self) -> Codes:
        """What a tensor of these codes stands for; UserError for unequal zero points."""
        if (self.zero != self.zero.reshape(-1)[0]).any():
            raise UserError(
                "zero points that differ from channel to channel are not supported",
                hint="use symmetric quantization per channel, or one zero point",
            )
        scale = Scale.of(self.scale.reshape(-1))
        return Codes(scale, int(self.zero.reshape(-1)[0]), self.kind, self.limits)


def quantizer(scale: Array, zero: Array | None, kind: str, axis: int | None = None) -> Quantizer:
    """The parameters of a quantizer, checked. One entry is one for all."""
    if kind not in LIMITS:
        raise UserError(
            f"codes of the type {kind} are not supported", hint="integers of 2 to 32 bits are"
        )
    steps = finite(scale, "the scale")
    if (steps <= 0).any():
        raise UserError("its scale is not positive", hint="quantize the model again")
    zeros = np.zeros((), np.int64) if zero is None else zero.astype(np.int64)
    if steps.ndim > 1 or zeros.size not in (1, steps.size):
        raise UserError(
            f"a scale {list(steps.shape)} with zero points {list(zeros.shape)} is not supported",
            hint="one for all, or one per channel, are",
        )
    if steps.size == 1:
        return Quantizer(steps.reshape(()), zeros.reshape(()), kind, None)
    return Quantizer(steps, np.broadcast_to(zeros.reshape(-1), steps.shape), kind, axis)


def kind_of(array: Array) -> str:
    """The ONNX element type of an array."""
    return type_name(helper.np_dtype_to_tensor_dtype(array.dtype))


def _kind(node: onnx.NodeProto, source: Array | None, zero: Array | None, stated: int) -> str:
    """The ONNX type of the codes: the zero point's, the stated one, that of the input, UINT8."""
    if zero is not None:
        return kind_of(zero)
    if node.op_type == "QuantizeLinear":
        return type_name(stated) if stated else "UINT8"
    # codes that were folded are INT64: of any type
    kind = "UINT8" if source is None else kind_of(source)
    return "INT32" if kind == "INT64" else kind


def shaped(values: Array, axis: int | None, shape: Shape) -> Array:
    """Values per index of ``axis``, broadcastable to ``shape``."""
    if axis is None:
        return values
    axis = normal_axis(axis, shape)
    if shape[axis] != len(values):
        raise UserError(f"{len(values)} scales for the {shape[axis]} channels of {list(shape)}")
    return values.reshape([-1 if a == axis else 1 for a in range(len(shape))])
