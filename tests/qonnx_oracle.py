"""QONNX models evaluated exactly, from their ONNX graph: an oracle that shares no code with qfxc.

Every tensor is an array of Python integers over one common denominator, so sums, products and
quotients are exact; square roots (BatchNormalization) have 200 binary digits behind the point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt, lcm
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

ROOT_BITS = 200

Integers = NDArray[Any]


@dataclass
class Exact:
    """``num / den``, element by element."""

    num: Integers
    den: int = 1

    @staticmethod
    def of(array: Any) -> Exact:
        """Floats and integers as they are."""
        array = np.asarray(array)
        parts = [float(v).as_integer_ratio() for v in array.reshape(-1)]
        den = max((d for _, d in parts), default=1)  # powers of two
        num = np.array([n * (den // d) for n, d in parts], dtype=object)
        return Exact(num.reshape(array.shape), den)

    @staticmethod
    def fractions(values: Any) -> Exact:
        values = np.asarray(values, dtype=object)
        den = lcm(*(v.denominator for v in values.reshape(-1)))
        num = np.array([v.numerator * (den // v.denominator) for v in values.reshape(-1)], object)
        return Exact(num.reshape(values.shape), den)

    def __add__(self, other: Exact) -> Exact:
        den = lcm(self.den, other.den)
        return Exact(self.num * (den // self.den) + other.num * (den // other.den), den)

    def __neg__(self) -> Exact:
        return Exact(-self.num, self.den)

    def __sub__(self, other: Exact) -> Exact:
        return self + -other

    def __mul__(self, other: Exact) -> Exact:
        return Exact(self.num * other.num, self.den * other.den).reduced()

    def over(self, other: Exact) -> Exact:
        """Quotient; the divisors have few different values."""
        flat = [Fraction(other.den, int(v)) for v in other.num.reshape(-1)]
        inverse = Exact.fractions(np.array(flat, dtype=object).reshape(other.num.shape))
        return self * inverse

    def map(self, move: Callable[[Integers], Integers]) -> Exact:
        return Exact(move(self.num), self.den)

    def reduced(self) -> Exact:
        shared = gcd(self.den, *(int(v) for v in self.num.reshape(-1)))
        return Exact(self.num // shared, self.den // shared)


def root(x: Exact) -> Exact:
    """Square roots, rounded down to a multiple of 2**-ROOT_BITS."""
    values = [isqrt(int(v) * (1 << (2 * ROOT_BITS)) // x.den) for v in x.num.reshape(-1)]
    return Exact(np.array(values, dtype=object).reshape(x.num.shape), 1 << ROOT_BITS)


def rounded(x: Exact, mode: str) -> Integers:
    """As qonnx.custom_op.general.intquant.resolve_rounding_mode, on rationals."""
    floor, ceil = x.num // x.den, -(-x.num // x.den)
    positive = x.num >= 0
    half_up = (2 * x.num + x.den) // (2 * x.den)
    half_down = -((-2 * x.num + x.den) // (2 * x.den))
    tie = half_up != half_down
    even = np.where(tie & (half_up % 2 != 0), half_down, half_up)
    return {
        "ROUND": even,
        "HALF_EVEN": even,
        "NEAREST_UP": half_up,
        "NEAREST_DOWN": half_down,
        "FLOOR": floor,
        "CEIL": ceil,
        "UP": np.where(positive, ceil, floor),
        "DOWN": np.where(positive, floor, ceil),
        "ROUND_TO_ZERO": np.where(positive, floor, ceil),
        "HALF_UP": np.where(positive, half_up, half_down),
        "HALF_DOWN": np.where(positive, half_down, half_up),
    }[mode.upper()]


_QONNX_NAMES = {
    "TRN": "FLOOR",
    "TRN_ZERO": "ROUND_TO_ZERO",
    "RND": "NEAREST_UP",
    "RND_ZERO": "HALF_DOWN",
    "RND_INF": "HALF_UP",
    "RND_MIN_INF": "NEAREST_DOWN",
    "RND_CONV": "HALF_EVEN",
}


def limits(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    if signed:
        return -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
    return 0, 2**bits - 1 - narrow


class Oracle:
    """Runs one batch; ``codes[name]``: of every quantizer of activations, without zero point."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.codes: dict[str, Integers] = {}

    def run(self, **inputs: Exact) -> dict[str, Exact]:
        graph = self.model.graph
        self.values: dict[str, Any] = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        self.values |= inputs
        for index, node in enumerate(graph.node):
            name = node.name or f"{node.op_type.lower()}_{index}"
            self.at = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            args = [self.values[i] if i else None for i in node.input]
            constant = not any(isinstance(a, Exact) for a in args)
            shapes = ("Shape", "Gather", "Unsqueeze", "Concat", "Constant")
            if node.op_type in shapes and (constant or node.op_type == "Shape"):
                self.values[node.output[0]] = self._shape(node.op_type, args)
                continue
            self.name = "" if constant else name
            self.last = "channels_last" in node.domain
            self.values[node.output[0]] = getattr(self, node.op_type.lower())(*args)
        return {o.name: _exact(self.values[o.name]) for o in graph.output}

    def _shape(self, op: str, args: list[Any]) -> Any:
        first = args[0] if args else None
        if op == "Constant":
            return numpy_helper.to_array(self.at["value"])
        if op == "Shape":
            return np.array(first.num.shape if isinstance(first, Exact) else first.shape)
        if op == "Gather":
            return np.take(first, args[1], axis=self.at.get("axis", 0))
        if op == "Concat":
            return np.concatenate(args, axis=self.at["axis"])
        return np.expand_dims(first, tuple(self.at.get("axes") or args[1]))

    # QONNX

    def _note(self, codes: Integers) -> None:
        if self.name:
            self.codes[self.name] = codes

    def quant(self, x: Any, scale: Any, zero: Any, bits: Any) -> Exact:
        x, step, offset = _exact(x), _exact(scale), _exact(zero)
        width, signed = int(np.asarray(bits).reshape(-1)[0]), bool(self.at.get("signed", 1))
        u = x.over(step) + offset
        if width == 1 and signed:
            return self._sign(u, step)
        low, high = limits(width, signed, bool(self.at.get("narrow", 0)))
        mode = self.at.get("rounding_mode", b"ROUND").decode()
        q = np.clip(rounded(u, mode), low, high)
        less = q - offset.num // offset.den
        self._note(less)
        return Exact(less) * step

    intquant = quant

    def fixed(self, x: Any) -> Exact:
        """A cast of ap_fixed: ``2**-fbit * overflow(round(x * 2**fbit))``."""
        x, fbit, mode = _exact(x), list(self.at["fbit"]), self.at["overflow"].decode()
        axis = self.at["axis"] if len(fbit) > 1 else 0
        shape = [-1 if a == axis and len(fbit) > 1 else 1 for a in range(x.num.ndim)]
        steps = Exact.of(np.array([2.0**-f for f in fbit]).reshape(shape if len(fbit) > 1 else ()))
        q = rounded(x.over(steps), _QONNX_NAMES[self.at["rounding"].decode()])
        bits, signed = self.at["wbit"], bool(self.at["signed"])
        low, high = limits(bits, signed, signed and mode == "SAT_SYM" and bits > 1)
        if mode == "WRAP":
            q &= (1 << bits) - 1
            q = np.where(q > high, q - (1 << bits), q)
        elif mode == "SAT_ZERO":
            q = np.where((q < low) | (q > high), 0, q)
        q = np.clip(q, low, high)
        self._note(q)
        return Exact(q) * steps

    def bipolarquant(self, x: Any, scale: Any) -> Exact:
        return self._sign(_exact(x), _exact(scale))

    def _sign(self, x: Exact, scale: Exact) -> Exact:
        """-scale or scale; the code that is noted is the sign bit, 0 or -1."""
        bit = np.where(x.num >= 0, 0, -1).astype(object)
        self._note(bit)
        return Exact(2 * bit + 1) * scale

    def trunc(self, x: Any, scale: Any, zero: Any, *rest: Any) -> Exact:
        step, mode = _exact(scale), self.at.get("rounding_mode", b"FLOOR").decode()
        assert not np.asarray(zero).any()
        whole = Exact(rounded(_exact(x).over(step), "ROUND"))
        if len(rest) == 2:
            part = Exact(np.array(1, dtype=object), 2 ** int(rest[0] - rest[1]))
            codes = rounded(whole * part, mode)
            self._note(codes)
            return Exact(codes) * step
        out = _exact(rest[1])
        low, high = limits(
            int(rest[2]), bool(self.at.get("signed", 1)), bool(self.at.get("narrow", 0))
        )
        codes = np.clip(rounded((whole * step).over(out), mode), low, high)
        self._note(codes)
        return Exact(codes) * out

    def multithreshold(self, x: Any, thresholds: Any) -> Exact:
        x, t = _exact(x), _exact(thresholds)
        layout = self.at.get("data_layout", b"").decode()
        axis = layout.index("C") if layout else 1
        moved = np.moveaxis(x.num, axis, -1)[..., None]
        count = (moved * t.den >= t.num * x.den).sum(axis=-1).astype(object)
        codes = np.moveaxis(count, -1, axis)
        self._note(codes)
        return Exact(codes) * _exact(self.at.get("out_scale", 1.0)) + _exact(
            self.at.get("out_bias", 0.0)
        )

    # ONNX

    def matmul(self, x: Any, w: Any) -> Exact:
        x, w = _exact(x), _exact(w)
        return Exact(x.num.dot(w.num), x.den * w.den).reduced()

    def gemm(self, x: Any, w: Any, c: Any = None) -> Exact:
        w = _exact(w).map(lambda a: a.T) if self.at.get("transB") else _exact(w)
        y = self.matmul(x, w)
        return y if c is None else y + _exact(c)

    def conv(self, x: Any, w: Any, b: Any = None) -> Exact:
        x, w = _exact(x), _exact(w)
        if self.last:
            self.last = False
            first = [v.map(lambda a: np.moveaxis(a, -1, 1)) for v in (x, w)]
            return self.conv(*first, b).map(lambda a: np.moveaxis(a, 1, -1))
        kernel = w.num.shape[2:]
        windows = self._windows(x.num, kernel, 0)
        groups = self.at.get("group", 1)
        parts = zip(np.split(windows, groups, axis=1), np.split(w.num, groups, axis=0), strict=True)
        y = np.concatenate([np.tensordot(v, k, ((1, 4, 5), (1, 2, 3))) for v, k in parts], axis=3)
        out = Exact(y.transpose(0, 3, 1, 2), x.den * w.den).reduced()
        return out if b is None else out + _exact(b).map(lambda a: a.reshape(1, -1, 1, 1))

    def _windows(self, x: Integers, kernel: tuple[int, ...], border: Any) -> Integers:
        pads = self.at.get("pads", (0, 0, 0, 0))
        n, c, h, w = x.shape
        full = np.empty((n, c, pads[0] + h + pads[2], pads[1] + w + pads[3]), dtype=object)
        full[...] = border
        full[:, :, pads[0] : pads[0] + h, pads[1] : pads[1] + w] = x
        view = np.lib.stride_tricks.sliding_window_view(full, kernel, axis=(2, 3))
        sh, sw = self.at.get("strides", (1, 1))
        return view[:, :, ::sh, ::sw]

    def maxpool(self, x: Exact) -> Exact:
        lowest = x.num.min()
        windows = self._windows(x.num, tuple(self.at["kernel_shape"]), lowest)
        return Exact(windows.max(axis=(4, 5)), x.den)

    def averagepool(self, x: Exact) -> Exact:
        kernel = tuple(self.at["kernel_shape"])
        assert not any(self.at.get("pads", ()))
        total = self._windows(x.num, kernel, 0).sum(axis=(4, 5))
        return Exact(total, x.den * kernel[0] * kernel[1])

    def globalaveragepool(self, x: Exact) -> Exact:
        shape = x.num.shape
        return Exact(x.num.sum(axis=(2, 3), keepdims=True), x.den * shape[2] * shape[3])

    def batchnormalization(self, x: Any, scale: Any, bias: Any, mean: Any, var: Any) -> Exact:
        def column(v: Any) -> Exact:
            shape = (1, -1, *(1,) * (x.num.ndim - 2))
            return _exact(v).map(lambda a: a.reshape(shape))

        deviation = root(column(var) + _exact(self.at.get("epsilon", 1e-5)))
        return (x - column(mean)).over(deviation) * column(scale) + column(bias)

    def add(self, x: Any, y: Any) -> Exact:
        return _exact(x) + _exact(y)

    def sub(self, x: Any, y: Any) -> Exact:
        return _exact(x) - _exact(y)

    def mul(self, x: Any, y: Any) -> Exact:
        return _exact(x) * _exact(y)

    def div(self, x: Any, y: Any) -> Exact:
        return _exact(x).over(_exact(y))

    def pow(self, x: Any, y: Any) -> Exact:
        assert y == 0.5
        return root(_exact(x))

    def prelu(self, x: Exact, slope: Any) -> Exact:
        positive, negative = x.map(lambda a: np.maximum(a, 0)), x.map(lambda a: np.minimum(a, 0))
        return positive + negative * _exact(slope)

    def relu(self, x: Exact) -> Exact:
        return x.map(lambda a: np.maximum(a, 0))

    def softmax(self, x: Exact) -> Exact:
        return x

    def identity(self, x: Exact) -> Exact:
        return x

    def concat(self, *xs: Exact) -> Exact:
        den = lcm(*(x.den for x in xs))
        parts = [x.num * (den // x.den) for x in xs]
        return Exact(np.concatenate(parts, axis=self.at["axis"]), den)

    def reshape(self, x: Any, shape: Any) -> Exact:
        return _exact(x).map(lambda a: a.reshape([int(n) for n in shape]))

    def flatten(self, x: Exact) -> Exact:
        return x.map(lambda a: a.reshape(a.shape[0], -1))

    def transpose(self, x: Any) -> Exact:
        return _exact(x).map(lambda a: a.transpose(self.at["perm"]))

    def resize(self, x: Exact, _: Any, scales: Any) -> Exact:
        """Nearest, floor, asymmetric, by integers: every pixel repeated."""
        down, across = (int(v) for v in scales[2:])
        return x.map(lambda a: a.repeat(down, axis=2).repeat(across, axis=3))

    def depthtospace(self, x: Exact) -> Exact:
        b = self.at["blocksize"]
        assert self.at["mode"] == b"CRD"
        n, c, h, w = x.num.shape

        def move(a: Integers) -> Integers:
            blocks = a.reshape(n, c // (b * b), b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
            return blocks.reshape(n, c // (b * b), h * b, w * b)

        return x.map(move)


def _exact(value: Any) -> Exact:
    return value if isinstance(value, Exact) else Exact.of(value)
