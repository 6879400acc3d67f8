"""Random QDQ networks against exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from qdq_models import QdqNet, compare

ZEROS = (np.int8(0), np.int8(-5), np.uint8(0), np.uint8(128), np.uint8(77))


@dataclass(frozen=True)
class Image:
    """A value (N, channels, size, size)."""

    name: str
    channels: int
    size: int


class Drawn:
    """A network of quantized operators on what earlier ones made, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.net = QdqNet(seed)
        self.rng = np.random.default_rng(seed)
        self.codes_in = bool(self.rng.random() < 0.4)
        if self.codes_in:
            scale, zero = self.net.const(self.net.scale(0.02)), self.net.const(np.uint8(100))
            first = self.net.node("DequantizeLinear", "x", scale, zero)
        else:
            first = self.net.qdq("x", 0.03, self.zero())
        self.images = [Image(first, 3, 8)]

    def zero(self) -> Any:
        return ZEROS[self.rng.integers(len(ZEROS))]

    def one(self, *like: int) -> Image:
        """An earlier value, of the same channels and size, or of the same size."""
        fits = [i for i in self.images if (i.channels, i.size)[-len(like) :] == like]
        return fits[self.rng.integers(len(fits))]

    def quantized(self, y: str, channels: int, size: int) -> None:
        about = 0.05 * 2.0 ** self.rng.uniform(-1, 1)
        self.images.append(Image(self.net.qdq(y, about, self.zero()), channels, size))

    def conv(self, x: Image) -> None:
        b, outs = self.net, int(self.rng.integers(2, 6))
        k, axis = int(self.rng.choice([1, 3])), (0, None)[self.rng.integers(2)]
        bias = [b.bias(outs)] if self.rng.random() < 0.5 else []
        y = b.node("Conv", x.name, b.weights(outs, x.channels, k, k, axis=axis), *bias,
                   pads=[k // 2] * 4)  # fmt: skip
        self.quantized(b.node("Relu", y) if self.rng.random() < 0.5 else y, outs, x.size)

    def depthwise(self, x: Image) -> None:
        b = self.net
        w = b.weights(x.channels, 1, 3, 3)
        y = b.node("Conv", x.name, w, pads=[1] * 4, group=x.channels)
        low, high = b.const(np.float32(-0.5)), b.const(np.float32(2))
        self.quantized(b.node("Clip", y, low, high), x.channels, x.size)

    def join(self, x: Image) -> None:
        other = self.one(x.channels, x.size)
        op = ("Add", "Mul")[self.rng.integers(2)]
        self.quantized(self.net.node(op, x.name, other.name), x.channels, x.size)

    def concat(self, x: Image) -> None:
        other = self.one(x.size)
        y = self.net.node("Concat", x.name, other.name, axis=1)
        self.quantized(y, x.channels + other.channels, x.size)

    def pool(self, x: Image) -> None:
        if x.size < 4:
            return
        op = ("MaxPool", "AveragePool")[self.rng.integers(2)]
        y = self.net.node(op, x.name, kernel_shape=[2, 2], strides=[2, 2])
        self.quantized(y, x.channels, x.size // 2)

    def activation(self, x: Image) -> None:
        self.quantized(self.net.node("LeakyRelu", x.name, alpha=0.1), x.channels, x.size)

    def on_codes(self, x: Image) -> None:
        q, scale, zero = self.net.quantize(x.name, 0.07, self.zero())
        q = self.net.node("MaxPool", q, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
        y = self.net.node("DequantizeLinear", q, scale, zero)
        self.images.append(Image(y, x.channels, x.size))

    def model(self) -> onnx.ModelProto:
        makes = (self.conv, self.conv, self.depthwise, self.join, self.concat, self.pool,
                 self.activation, self.on_codes)  # fmt: skip
        self.conv(self.images[0])
        for _ in range(self.rng.integers(2, 7)):
            makes[self.rng.integers(len(makes))](self.images[self.rng.integers(len(self.images))])
        x, b = self.images[-1], self.net
        w = b.weights(5, x.channels * x.size**2)
        y = b.qdq(
            b.node("Gemm", b.node("Flatten", x.name), w, b.bias(5), transB=1), 0.1, np.int8(0)
        )
        kind = TensorProto.UINT8 if self.codes_in else TensorProto.FLOAT
        return b.model({"x": ("n", 3, 8, 8)}, {y: TensorProto.FLOAT}, kind)


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed: int) -> None:
    drawn = Drawn(seed)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 3, 8, 8)).astype(np.float32)
    if drawn.codes_in:
        x = rng.integers(0, 256, x.shape).astype(np.uint8)
    total, wrong = compare(drawn.model(), {"x": x}, "rescale")
    assert total >= 15
    assert wrong == 0
