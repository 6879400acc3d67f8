"""y[p, c] = sum_t w[t,c] * x[p, (t,c)]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._dot import as_carrier, carrier, dot_bound, dot_range
from qfxc.ops.const import const_value


@dataclass(frozen=True)
class Depthwise(Op):
    """Channel by channel dot products over the taps of a window: x (.., T*C), w (T, C) -> (.., C)."""

    data_inputs = 1

    def infer_node(self, inputs: tuple[Node, ...]) -> TensorType:
        x, w = inputs[0].type, inputs[1].type
        taps, channels = w.shape
        if x.channels != taps * channels:
            raise ValueError(f"weights {w.shape} do not fit {x.shape}")
        lo, hi = dot_range(x.int, const_value(inputs[1]))
        return TensorType((*x.shape[:-1], channels), Int(lo, hi, x.int.scale * w.int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        x, w = arrays
        kind = carrier(dot_bound(node.inputs[0].type.int, w))
        split = as_carrier(x, kind).reshape(*x.shape[:-1], *w.shape)
        return np.asarray(np.einsum("...tc,tc->...c", split, as_carrier(w, kind)))
