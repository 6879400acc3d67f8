"""The table of ONNX operators that the front end converts."""

from __future__ import annotations

from qfxc.frontend import (
    fixed,
    onnx_arith,
    onnx_conv,
    onnx_dense,
    onnx_norm,
    onnx_reduce,
    onnx_resize,
    onnx_shape,
    onnx_transposed,
    onnx_unary,
    qdq,
    qonnx,
    qoperator,
)
from qfxc.frontend.call import TABLE, Row

__all__ = [
    "TABLE",
    "fixed",
    "onnx_arith",
    "onnx_conv",
    "onnx_dense",
    "onnx_norm",
    "onnx_reduce",
    "onnx_resize",
    "onnx_shape",
    "onnx_transposed",
    "onnx_unary",
    "qdq",
    "qonnx",
    "qoperator",
    "supported",
]


def supported() -> list[Row]:
    """One row per ONNX operator, in alphabetical order: what the README's table is made of."""
    return sorted(TABLE.values(), key=lambda row: row.op)
