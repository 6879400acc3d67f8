"""y[h,w,m] = sum_{i,j,c} w[i,j,c,m] * x[h*sh + i*dh, w*sw + j*dw, c + group offset] (+ b[m])."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, Real, TensorType
from qfxc.ops._dot import as_carrier, carrier, dot_bound, dot_range
from qfxc.ops._spatial import Pair, blocks, columns, out_size
from qfxc.ops.const import Const, const_value


def per_weight(v: Array, w: Array, groups: int) -> Array:
    """Per input channel values (C) or (), broadcastable to the weights (.., C / groups, M)."""
    if v.ndim == 0:
        return v
    if groups == 1:
        return v[:, None]
    per, outs = w.shape[-2], w.shape[-1]
    rows = np.broadcast_to(v.reshape(groups, per, 1), (groups, per, outs // groups))
    return rows.transpose(1, 0, 2).reshape(per, outs)


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
        size = out_size(
            (x.shape[0], x.shape[1]), (w.shape[0], w.shape[1]), self.stride, self.dilation
        )
        shape = (*size, w.shape[3])
        if not (x.is_int and w.is_int):
            return TensorType(shape, Real())
        lo, hi = dot_range(x.int, const_value(inputs[1]))
        return TensorType(shape, Int(lo, hi, x.int.scale * w.int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        return self._bound(node, arrays[1], *arrays[2:])(arrays[0])

    def bind(self, node: Node) -> Callable[..., Array]:
        if not all(isinstance(i.op, Const) for i in node.inputs[1:]):
            return super().bind(node)
        apply = self._bound(node, *(const_value(i) for i in node.inputs[1:]))
        return lambda *arrays: apply(arrays[0])

    def _bound(self, node: Node, w: Array, b: Array | None = None) -> Callable[[Array], Array]:
        """The convolution with its weights laid out for the number type that is exact."""
        source = node.inputs[0].type
        kind = carrier(dot_bound(source.int, w)) if source.is_int else None
        weights = self._layout(node, w)
        cached: dict[Any, tuple[Array, ...]] = {}

        def apply(x: Array) -> Array:
            exact = kind or x.dtype.type
            if exact not in cached:
                cached[exact] = tuple(part.astype(exact) for part in weights)
            y = self._convolve(x, exact, w.shape, cached[exact])
            return y if b is None else y + b.astype(exact)

        return apply

    def _channelwise(self, shape: tuple[int, ...]) -> bool:
        return self.groups > 1 and shape[2] == 1 and shape[3] == self.groups

    def _layout(self, node: Node, w: Array) -> tuple[Array, ...]:
        """One matrix (taps * channels, outputs) per group; (taps, OW * C) if depthwise."""
        taps, per, outs = w.shape[0] * w.shape[1], w.shape[2], w.shape[3] // self.groups
        if self._channelwise(w.shape):
            return (np.tile(w.reshape(taps, -1), node.type.shape[1]),)
        split = w.reshape(taps * per, self.groups, outs)
        return tuple(np.ascontiguousarray(split[:, g]) for g in range(self.groups))

    def _convolve(
        self, x: Array, kind: Any, shape: tuple[int, ...], weights: tuple[Array, ...]
    ) -> Array:
        kernel = (shape[0], shape[1])
        size = out_size((x.shape[1], x.shape[2]), kernel, self.stride, self.dilation)
        if self._channelwise(shape):
            return self._depthwise(x, kind, kernel, weights[0]).reshape(len(x), *size, shape[3])
        parts = np.split(x, len(weights), axis=3) if len(weights) > 1 else [x]
        outs = [self._dot(p, kind, kernel, w) for p, w in zip(parts, weights, strict=True)]
        y = outs[0] if len(outs) == 1 else np.concatenate(outs, axis=1)
        return y.reshape(len(x), *size, shape[3])

    def _dot(self, x: Array, kind: Any, kernel: Pair, w: Array) -> Array:
        """(batch * OH * OW, outputs) of one group; a window of one position needs no copies."""
        if kernel == (1, 1):
            x = as_carrier(x[:, :: self.stride[0], :: self.stride[1]], kind)
            return np.asarray(x.reshape(-1, x.shape[3]) @ w)
        x = as_carrier(x, kind)
        rows, cols = out_size((x.shape[1], x.shape[2]), kernel, self.stride, self.dilation)
        y = np.empty((len(x), rows * cols, w.shape[1]), dtype=kind)
        for block in blocks(len(x), rows * cols * w.shape[0]):
            window = columns(x[block], kernel, self.stride, self.dilation)
            np.matmul(window, w, out=y[block].reshape(-1, w.shape[1]))
        return y.reshape(-1, w.shape[1])

    def _depthwise(self, x: Array, kind: Any, kernel: Pair, w: Array) -> Array:
        """Tap by tap, on whole lines: numpy's inner loop is as long as a line of the result."""
        batch, height, width, channels = x.shape
        rows, cols = out_size((height, width), kernel, self.stride, self.dilation)
        y = np.empty((batch, rows, cols * channels), dtype=kind)
        for block in blocks(batch, y[0].size):
            self._taps(x[block], kernel, w, y[block])
        return y

    def _taps(self, x: Array, kernel: Pair, w: Array, y: Array) -> None:
        """Writes a depthwise layer's result to ``y`` (batch, OH, OW * C)."""
        cols = y.shape[2] // x.shape[3]
        if self.stride[1] == 1:
            x = as_carrier(x, y.dtype)
        part = np.empty_like(y)
        for t, (j, i) in enumerate(np.ndindex(kernel[1], kernel[0])):
            if i == 0:
                column = x[:, :, _span(j, cols, self.stride[1], self.dilation[1])]
                lines = as_carrier(column, y.dtype).reshape(*x.shape[:2], -1)
            line = lines[:, _span(i, y.shape[1], self.stride[0], self.dilation[0])]
            np.multiply(line, w[i * kernel[1] + j], out=part if t else y)
            if t:
                y += part


def _span(tap: int, count: int, stride: int, dilation: int) -> slice:
    """The positions that one tap of a kernel reads, along one axis."""
    first = tap * dilation
    return slice(first, first + (count - 1) * stride + 1, stride)
