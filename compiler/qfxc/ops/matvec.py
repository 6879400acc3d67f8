"""y[p, (g,m)] = sum_k w[g,k,m] * x[p, (g,k)]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, Scale, TensorType
from qfxc.ops._dot import as_carrier, carrier, dot_bound, dot_range
from qfxc.ops.const import const_value


@dataclass(frozen=True)
class MatVec(Op):
    """Constant matrix times every vector of x (.., G*K); w (G, K, M) -> (.., G*M)."""

    data_inputs = 1

    def infer_node(self, inputs: tuple[Node, ...]) -> TensorType:
        x, w = inputs[0].type, inputs[1].type
        groups, k, m = w.shape
        if x.channels != groups * k:
            raise ValueError(f"weights {w.shape} do not fit {x.shape}")
        value = const_value(inputs[1])
        bounds = [dot_range(x.int, value[g]) for g in range(groups)]
        scale = x.int.scale * Scale(w.int.scale.channels(groups * m))
        elem = Int(min(b[0] for b in bounds), max(b[1] for b in bounds), scale)
        return TensorType((*x.shape[:-1], groups * m), elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        x, w = arrays
        kind = carrier(max(dot_bound(node.inputs[0].type.int, group) for group in w))
        x, w = as_carrier(x, kind), as_carrier(w, kind)
        if len(w) == 1:
            return np.asarray(x @ w[0])
        split = x.reshape(*x.shape[:-1], len(w), 1, w.shape[1])
        return np.matmul(split, w).reshape(*x.shape[:-1], -1)
