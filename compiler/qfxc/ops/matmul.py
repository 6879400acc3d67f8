"""y[..., m] = sum_k w[k, m] * x[..., k] (+ b[m])."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, Real, TensorType
from qfxc.ops._dot import as_carrier, carrier, dot_bound, dot_range
from qfxc.ops.const import const_value


@dataclass(frozen=True)
class MatMul(Op):
    """Dense layer on the last axis: x (..., K), constant w (K, M), real bias b (M) if any."""

    data_inputs = 1

    def infer_node(self, inputs: tuple[Node, ...]) -> TensorType:
        x, w = inputs[0].type, inputs[1].type
        if not x.shape or x.shape[-1] != w.shape[0]:
            raise ValueError(f"weights {w.shape} do not fit {x.shape}")
        shape = (*x.shape[:-1], w.shape[1])
        if not (x.is_int and w.is_int):
            return TensorType(shape, Real())
        lo, hi = dot_range(x.int, const_value(inputs[1]))
        return TensorType(shape, Int(lo, hi, x.int.scale * w.int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        x, w = arrays[0], arrays[1]
        source = node.inputs[0].type
        kind = carrier(dot_bound(source.int, w)) if source.is_int else np.result_type(x.dtype)
        y = as_carrier(x, kind) @ as_carrier(w, kind)
        return y + arrays[2].astype(kind) if len(arrays) > 2 else y
