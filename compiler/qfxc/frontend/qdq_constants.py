"""Constants on a grid: quantizers of constant tensors, folded exactly, and what became of them.

A weight that a file stores as codes reaches the conversions as real numbers (float64), like any
other; the grid beside it, one step per element, lets ``Call.weights`` find the codes again after
whatever reshaping, and check that they give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx

from qfxc.errors import UserError
from qfxc.frontend.folding import fold
from qfxc.frontend.qdq_quantizer import Quantizer, is_quantizer, shaped
from qfxc.frontend.value import Shared
from qfxc.ir.types import Array

MOVES = frozenset(
    ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Slice", "Split")
)
"""What moves the elements of its first input, and their steps with them."""


def folded(
    shared: Shared, node: onnx.NodeProto, arrays: Sequence[Array | None], opset: int
) -> list[Array]:
    """The outputs of a node whose inputs are all constant; remembers the grids of results."""
    if is_quantizer(node):
        return [_quantizer(shared, node, arrays)]
    results = fold(node, arrays, opset)
    grid = shared.grids.get(node.input[0]) if node.op_type in MOVES else None
    if grid is not None:
        moved = fold(node, [grid, *arrays[1:]], opset)
        shared.grids.update(zip(node.output, moved, strict=True))
    return results


def _quantizer(shared: Shared, node: onnx.NodeProto, arrays: Sequence[Array | None]) -> Array:
    """QuantizeLinear or DequantizeLinear of a constant.

    The float64 quotient of two float32 rounds as the exact one does: a quotient that is no tie is
    away from one by more than 2**-42 of itself.
    """
    source = arrays[0]
    if source is None:
        raise UserError("input 0 is missing")
    quantizer = Quantizer.of(node, arrays)
    steps = shaped(quantizer.scale, quantizer.axis, source.shape)
    zero = shaped(quantizer.zero, quantizer.axis, source.shape)
    if node.op_type == "QuantizeLinear":
        low, high = quantizer.limits
        rounded = np.rint(source.astype(np.float64) / steps) + zero
        return np.asarray(np.clip(rounded, low, high), dtype=np.int64)
    codes: Array = source.astype(np.int64) - zero
    return on_grid(shared, node.output[0], codes, steps)


def on_grid(shared: Shared, name: str, codes: Array, steps: Array) -> Array:
    """``codes * steps`` as float64, with its grid; notes where that has to round."""
    values = codes * steps
    if not shared.coded:
        return np.asarray(values)
    shared.grids[name] = np.broadcast_to(steps, codes.shape)
    most = 2.0 ** (53 - mantissa_bits(steps))
    if codes.size and np.abs(codes).max() > most:
        shared.rounded.add(name)
    return np.asarray(values)


def mantissa_bits(values: Array) -> int:
    """Significant bits of the longest of some floating point numbers."""
    mantissas = np.ldexp(np.frexp(np.unique(values))[0], 53).astype(np.int64)
    trailing = [(int(m) & -int(m)).bit_length() - 1 for m in mantissas.reshape(-1)]
    return 53 - min(trailing, default=0)


PLAIN = frozenset(("Constant", "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze"))


def parameters(
    nodes: Iterable[onnx.NodeProto], constants: Mapping[str, Array], opset: int
) -> dict[str, Array]:
    """All constants that scales and zero points come from: stored, or made by simple nodes."""
    known = dict(constants)
    for node in nodes:
        if node.op_type in PLAIN and all(i in known for i in node.input):
            known.update(
                zip(node.output, fold(node, [known[i] for i in node.input], opset), strict=True)
            )
    return known
