"""QONNX quantizers of constant tensors (weights, biases), folded exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from qfxc.errors import UserError
from qfxc.frontend.qdq_constants import on_grid
from qfxc.frontend.qonnx_quantizer import Quantizer, given, positive
from qfxc.frontend.value import Shared
from qfxc.ir.types import Array


def quantized(
    shared: Shared, node: onnx.NodeProto, arrays: Sequence[Array | None], opset: int
) -> list[Array]:
    """The real numbers that the codes of a constant stand for; ``shared`` notes the grid."""
    source = given(arrays, 0, "tensor")
    if node.op_type == "BipolarQuant":
        scale, codes = positive(given(arrays, 1, "scale")), np.where(source >= 0, 1, -1)
    else:
        quantizer = Quantizer.of(node, arrays)
        scale, codes = quantizer.scale, quantizer.codes(source)
    if np.broadcast_shapes(scale.shape, source.shape) != source.shape:
        raise UserError(f"a scale {list(scale.shape)} does not fit {list(source.shape)}")
    return [on_grid(shared, node.output[0], codes, np.broadcast_to(scale, source.shape))]
