"""What an ONNX model with quantizers computes, in exact arithmetic; knows nothing of qfxc.

Nothing is ever rounded except where the model says so. Softmax is left out: its input is returned
in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from exact_numbers import (
    Exact,
    add,
    common_unit,
    dot,
    exact,
    multiply,
    reciprocal_root,
    round_half_even,
    times,
)

Array = np.ndarray[Any, Any]
INT8_LIMITS = {
    np.dtype(kind): (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int32)
}


def along(values: Array, axis: int, rank: int) -> Array:
    """Per-axis parameters, broadcastable."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if a == axis % rank else 1 for a in range(rank)])


def dequantize(q: Array, scale: Array, zero: Array | None, axis: int = 1) -> Exact:
    zeros = np.zeros(1, np.int64) if zero is None else zero.astype(np.int64)
    codes = q.astype(np.int64) - along(zeros, axis, q.ndim)
    return multiply(Exact(codes, Fraction(1)), exact(along(np.asarray(scale), axis, q.ndim)))


def quantize(x: Exact, scale: Array, zero: Array | None, axis: int = 1) -> Array:
    """``saturate(round_half_even(x / scale) + zero)``."""
    zeros = np.zeros(1, np.uint8) if zero is None else zero
    low, high = INT8_LIMITS[zeros.dtype]
    steps, rank = np.asarray(scale).reshape(-1), x.num.ndim
    y = np.empty(x.num.shape, dtype=zeros.dtype)
    for channel, step in enumerate(steps):
        at = (slice(None),) * (axis % rank) + ((channel,) if steps.size > 1 else ())
        ratio = x.unit / Fraction(float(step))
        codes = round_half_even(times(x.num[at], ratio.numerator), ratio.denominator)
        shift = int(zeros.reshape(-1)[channel if zeros.size > 1 else 0])
        y[at] = np.clip(codes + shift, low, high).astype(zeros.dtype)
    return y


def windows(x: Array, kernel: Any, strides: Any, dilations: Any) -> Array:
    """(N, C, OH, OW, KH, KW) of a padded image."""
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=(2, 3))
    return view[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]


class Oracle:
    """Evaluates a model; ``values`` keeps every tensor, integers as numpy arrays."""

    def __init__(self, model: onnx.ModelProto, feed: Mapping[str, Array]) -> None:
        self.values: dict[str, Any] = {"": None}
        for tensor in model.graph.initializer:
            self.values[tensor.name] = numpy_helper.to_array(tensor)
        self.values.update(feed)
        for node in model.graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            inputs = [self.values[i] for i in node.input]
            result = getattr(self, f"op_{node.op_type.lower()}")(attributes, *inputs)
            self.values[node.output[0]] = result

    def op_constant(self, a: Any) -> Any:
        return numpy_helper.to_array(a["value"])

    def op_quantizelinear(self, a: Any, x: Any, scale: Any, zero: Any = None) -> Any:
        return quantize(real(x), scale, zero, a.get("axis", 1))

    def op_dequantizelinear(self, a: Any, q: Any, scale: Any, zero: Any = None) -> Any:
        if isinstance(q, Exact):  # behind a softmax
            return q
        return dequantize(q, scale, zero, a.get("axis", 1))

    def op_conv(self, a: Any, x: Any, w: Any, b: Any = None) -> Exact:
        x, w = real(x), real(w)
        lone = x.num.ndim == 3
        if lone:
            x, w = x.map(lambda v: v[:, :, None]), w.map(lambda v: v[:, :, None])
        kernel, group = w.num.shape[2:], a.get("group", 1)
        padded = x.map(lambda v: pad_image(v, a, kernel, 0))
        ones = [1, 1]
        strides, dilations = ([1] * (2 - len(v)) + list(v) for v in
                              (a.get("strides", ones), a.get("dilations", ones)))  # fmt: skip
        view = windows(padded.num, kernel, strides, dilations)
        n, c, oh, ow = view.shape[:4]
        outs, parts = w.num.shape[0] // group, []
        for g in range(group):
            own = view[:, g * c // group : (g + 1) * c // group]
            taps = own.transpose(0, 2, 3, 1, 4, 5).reshape(n * oh * ow, -1)
            weights = w.map(lambda v, g=g: v[g * outs : (g + 1) * outs].reshape(outs, -1).T)
            parts.append(dot(Exact(taps, x.unit), weights).num)
        y = np.concatenate(parts, axis=1).reshape(n, oh, ow, -1).transpose(0, 3, 1, 2)
        total = Exact(y, x.unit * w.unit)
        if b is not None:
            total = add(total, real(b).map(lambda v: v.reshape(-1, 1, 1)))
        return total.map(lambda v: v[:, :, 0]) if lone else total

    def op_matmul(self, a: Any, x: Any, w: Any) -> Exact:
        return dot(real(x), real(w))

    def op_gemm(self, a: Any, x: Any, w: Any, c: Any = None) -> Exact:
        w = real(w).map(lambda v: v.T if a.get("transB", 0) else v)
        y = multiply(dot(real(x), w), exact(np.asarray(a.get("alpha", 1.0))))
        if c is None:
            return y
        return add(y, multiply(real(c), exact(np.asarray(a.get("beta", 1.0)))))

    def op_add(self, a: Any, x: Any, y: Any) -> Exact:
        return add(real(x), real(y))

    def op_mul(self, a: Any, x: Any, y: Any) -> Exact:
        return multiply(real(x), real(y))

    def op_batchnormalization(self, a: Any, x: Exact, *parameters: Any) -> Exact:
        scale, shift, mean, var = (
            real(v).map(lambda n: along(n, 1, x.num.ndim)) for v in parameters
        )
        divisor = add(var, exact(np.asarray(np.float32(a.get("epsilon", 1e-5)))))
        centred = add(x, Exact(times(mean.num, -1), mean.unit))
        return add(multiply(centred, multiply(scale, reciprocal_root(divisor))), shift)

    def op_relu(self, a: Any, x: Any) -> Any:
        if isinstance(x, Exact):
            return x.map(lambda v: np.maximum(v, 0))
        return np.maximum(x, 0)

    def op_leakyrelu(self, a: Any, x: Exact) -> Exact:
        slope = exact(np.asarray(np.float32(a.get("alpha", 0.01))))
        low = multiply(x, slope)
        unit = common_unit(x.unit, low.unit)
        return Exact(np.where(x.num >= 0, x.to(unit), low.to(unit)), unit)

    def op_clip(self, a: Any, x: Any, lo: Any = None, hi: Any = None) -> Any:
        if not isinstance(x, Exact):
            return np.clip(x, lo, hi)
        for bound, pick in ((lo, np.maximum), (hi, np.minimum)):
            if bound is not None:
                limit = real(bound)
                unit = common_unit(x.unit, limit.unit)
                x = Exact(pick(x.to(unit), limit.to(unit)), unit)
        return x

    def op_maxpool(self, a: Any, x: Any) -> Any:
        kernel = a["kernel_shape"]
        ones = [1, 1]

        def pool(v: Array) -> Array:
            padded = pad_image(v, a, kernel, int(v.min()) - (v.dtype.kind != "u"))
            view = windows(padded, kernel, a.get("strides", ones), a.get("dilations", ones))
            return view.max(axis=(4, 5))

        return x.map(pool) if isinstance(x, Exact) else pool(x)

    def op_averagepool(self, a: Any, x: Exact) -> Exact:
        kernel, strides = a["kernel_shape"], a.get("strides", [1, 1])
        total = windows(pad_image(x.num, a, kernel, 0), kernel, strides, [1, 1]).sum(axis=(4, 5))
        one = np.ones((1, 1, *x.num.shape[2:]), np.int64)
        full = pad_image(one, a, kernel, int(a.get("count_include_pad", 0)))
        count = windows(full, kernel, strides, [1, 1]).sum(axis=(4, 5))
        common = lcm(*(int(c) for c in np.unique(count)))
        return Exact(total * (common // count), x.unit / common)

    def op_globalmaxpool(self, a: Any, x: Any) -> Any:
        return moved(x, lambda v: v.max(axis=tuple(range(2, v.ndim)), keepdims=True))

    def op_globalaveragepool(self, a: Any, x: Exact) -> Exact:
        return self.op_reducemean({}, x, range(2, x.num.ndim))

    def op_reducemean(self, a: Any, x: Exact, axes: Any = None) -> Exact:
        chosen = tuple(int(i) for i in a.get("axes", axes))
        count = int(np.prod([x.num.shape[i] for i in chosen]))
        keep = bool(a.get("keepdims", 1))
        return Exact(x.num.sum(axis=chosen, keepdims=keep), x.unit / count)

    def op_concat(self, a: Any, *parts: Any) -> Any:
        if not isinstance(parts[0], Exact):
            return np.concatenate(parts, axis=a["axis"])
        unit = parts[0].unit
        for part in parts[1:]:
            unit = common_unit(unit, part.unit)
        return Exact(np.concatenate([p.to(unit) for p in parts], axis=a["axis"]), unit)

    def op_pad(self, a: Any, x: Any, pads: Any, value: Any = None) -> Any:
        half = len(pads) // 2
        spans = list(zip(pads[:half], pads[half:], strict=True))
        if not isinstance(x, Exact):
            return np.pad(x, spans, constant_values=0 if value is None else value)
        assert value is None or value == 0
        return x.map(lambda v: np.pad(v, spans))

    def op_slice(self, a: Any, x: Any, starts: Any, ends: Any, axes: Any, steps: Any = None) -> Any:
        rank = (x.num if isinstance(x, Exact) else x).ndim
        at = [slice(None)] * rank
        for i, axis in enumerate(axes):
            at[axis] = slice(int(starts[i]), int(ends[i]), 1 if steps is None else int(steps[i]))
        return moved(x, lambda v: v[tuple(at)])

    def op_reshape(self, a: Any, x: Any, shape: Any) -> Any:
        def reshape(v: Array) -> Array:
            return v.reshape([v.shape[i] if n == 0 else n for i, n in enumerate(shape)])

        return moved(x, reshape)

    def op_flatten(self, a: Any, x: Any) -> Any:
        return moved(x, lambda v: v.reshape(len(v), -1))

    def op_squeeze(self, a: Any, x: Any, axes: Any = None) -> Any:
        chosen = a.get("axes", axes)
        return moved(x, lambda v: v.squeeze(tuple(int(i) for i in chosen)))

    def op_transpose(self, a: Any, x: Any) -> Any:
        return moved(x, lambda v: v.transpose(a["perm"]))

    def op_identity(self, a: Any, x: Any) -> Any:
        return x

    def op_softmax(self, a: Any, x: Any) -> Any:
        return x

    def op_cast(self, a: Any, x: Any) -> Any:
        kind = helper.tensor_dtype_to_np_dtype(a["to"])
        if isinstance(x, Exact) or kind.kind == "f":
            return real(x)
        return x.astype(kind)

    def op_convinteger(self, a: Any, x: Any, w: Any, xz: Any = None, wz: Any = None) -> Array:
        one = np.ones((), np.float32)
        return self.op_conv(a, dequantize(x, one, xz), dequantize(w, one, wz, 0)).num

    def op_matmulinteger(self, a: Any, x: Any, w: Any, xz: Any = None, wz: Any = None) -> Array:
        one = np.ones((), np.float32)
        return dot(dequantize(x, one, xz), dequantize(w, one, wz)).num

    def op_qlinearconv(self, a: Any, *i: Any) -> Array:
        x, w = dequantize(*i[:3]), dequantize(*i[3:6], axis=0)
        bias = None
        if len(i) > 8 and i[8] is not None:
            codes = Exact(i[8].astype(np.int64), Fraction(1))
            bias = multiply(multiply(codes, exact(i[1])), exact(i[4].reshape(-1)))
        return quantize(self.op_conv(a, x, w, bias), i[6], i[7])

    def op_qlinearmatmul(self, a: Any, *i: Any) -> Array:
        return quantize(dot(dequantize(*i[:3]), dequantize(*i[3:6], axis=-1)), i[6], i[7])

    def op_qgemm(self, a: Any, *i: Any) -> Any:
        trans = a.get("transB", 0)
        x, w = dequantize(*i[:3]), dequantize(*i[3:6], axis=0 if trans else 1)
        y = dot(x, w.map(lambda v: v.T if trans else v))
        if i[6] is not None:
            codes = Exact(i[6].astype(np.int64), Fraction(1))
            y = add(y, multiply(multiply(codes, exact(i[1])), exact(i[4].reshape(-1))))
        y = multiply(y, exact(np.asarray(a.get("alpha", 1.0))))
        return quantize(y, i[7], i[8]) if len(i) > 7 else y

    def op_qlinearadd(self, a: Any, *i: Any) -> Array:
        return quantize(add(dequantize(*i[:3]), dequantize(*i[3:6])), i[6], i[7])

    def op_qlinearmul(self, a: Any, *i: Any) -> Array:
        return quantize(multiply(dequantize(*i[:3]), dequantize(*i[3:6])), i[6], i[7])

    def op_qlinearconcat(self, a: Any, *i: Any) -> Array:
        parts = [dequantize(*i[k : k + 3]) for k in range(2, len(i), 3)]
        return quantize(self.op_concat(a, *parts), i[0], i[1])

    def op_qlinearaveragepool(self, a: Any, *i: Any) -> Array:
        return quantize(self.op_averagepool(a, dequantize(*i[:3])), i[3], i[4])

    def op_qlinearglobalaveragepool(self, a: Any, *i: Any) -> Array:
        return quantize(self.op_globalaveragepool(a, dequantize(*i[:3])), i[3], i[4])

    def op_qlinearleakyrelu(self, a: Any, *i: Any) -> Array:
        return quantize(self.op_leakyrelu(a, dequantize(*i[:3])), i[3], i[4])

    def op_qlinearsoftmax(self, a: Any, *i: Any) -> Exact:
        return dequantize(*i[:3])


def real(x: Any) -> Exact:
    """A tensor as real numbers, whatever it was."""
    if isinstance(x, Exact):
        return x
    x = np.asarray(x)
    return Exact(x.astype(np.int64), Fraction(1)) if x.dtype.kind in "iu" else exact(x)


def moved(x: Any, move: Callable[[Array], Array]) -> Any:
    return x.map(move) if isinstance(x, Exact) else move(x)


def pad_image(x: Array, a: Any, kernel: Any, fill: int) -> Array:
    """The borders that ``pads`` or ``auto_pad`` name."""
    auto = a.get("auto_pad", b"NOTSET").decode()
    spatial = len(a.get("strides", kernel))
    pads = list(a.get("pads", [0] * (2 * spatial)))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        ends = []
        for n, k, s in zip(x.shape[2:], kernel, a.get("strides", [1, 1]), strict=True):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            half = total // 2
            ends.append((half, total - half) if auto == "SAME_UPPER" else (total - half, half))
        pads = [e[0] for e in ends] + [e[1] for e in ends]
    if len(pads) == 2:
        pads = [0, pads[0], 0, pads[1]]
    if not any(pads):
        return x
    spans = ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3]))
    return np.pad(x, spans, constant_values=fill)
