"""y[h,w,m] = sum_{i,j,c} w[i,j,c,m] * x[h*sh + i*dh, w*sw + j*dw, c + group offset] (+ b[m])."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, Real, TensorType
from qfxc.ops._dot import as_carrier, carrier, dot_bound, dot_range
from qfxc.ops._spatial import Pair, out_size, windows
from qfxc.ops.const import const_value


@dataclass(frozen=True)
class Conv(Op):
    """2-D convolution without padding (that is ``pad``); inputs x (H,W,C), w (KH,KW,C/groups,M).

    Real convolutions may have a bias b (M) as third input; integer ones have none: it is part of
    the staircase behind them.
    """

    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    groups: int = 1
    data_inputs = 1

    def infer_node(self, inputs: tuple[Node, ...]) -> TensorType:
        x, w = inputs[0].type, inputs[1].type
        if len(x.shape) != 3 or x.shape[2] != w.shape[2] * self.groups:
            raise ValueError(f"weights {w.shape} do not fit {x.shape} in {self.groups} groups")
        size = out_size((x.shape[0], x.shape[1]), (w.shape[0], w.shape[1]), self.stride, self.dilation)
        shape = (*size, w.shape[3])
        if not (x.is_int and w.is_int):
            return TensorType(shape, Real())
        lo, hi = dot_range(x.int, const_value(inputs[1]))
        return TensorType(shape, Int(lo, hi, x.int.scale * w.int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        x, w = arrays[0], arrays[1]
        source = node.inputs[0].type
        kind = carrier(dot_bound(source.int, w)) if source.is_int else np.result_type(x.dtype)
        y = self._convolve(as_carrier(x, kind), as_carrier(w, kind))
        return y + arrays[2].astype(kind) if len(arrays) > 2 else y

    def _convolve(self, x: Array, w: Array) -> Array:
        kernel = (w.shape[0], w.shape[1])
        if self.groups > 1 and w.shape[2] == 1 and w.shape[3] == self.groups:
            return self._depthwise(x, w)
        if kernel == (1, 1) and self.groups == 1:
            return x[:, :: self.stride[0], :: self.stride[1]] @ w[0, 0]
        view = windows(x, kernel, self.stride, self.dilation)
        batch, height, width = view.shape[:3]
        per, outs = w.shape[2], w.shape[3] // self.groups
        parts = []
        for g in range(self.groups):
            cols = view[:, :, :, g * per : (g + 1) * per].transpose(0, 1, 2, 4, 5, 3)
            flat = cols.reshape(batch * height * width, -1)
            part = flat @ w[..., g * outs : (g + 1) * outs].reshape(-1, outs)
            parts.append(part.reshape(batch, height, width, outs))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=3)

    def _depthwise(self, x: Array, w: Array) -> Array:
        kernel = (w.shape[0], w.shape[1])
        view = windows(x, kernel, self.stride, self.dilation)
        y = view[..., 0, 0] * w[0, 0, 0]
        for i, j in list(np.ndindex(*kernel))[1:]:
            y += view[..., i, j] * w[i, j, 0]
        return y
