"""Small ONNX networks for whole-flow tests, built with onnx.helper from seeded weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]
Shape = Sequence[int | str]


class Builder:
    """Collects nodes and weights; every method returns the name of the value it makes."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def constant(self, value: Any) -> str:
        name = f"c{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        name = to or f"{op.lower()}{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def conv(self, x: str, ins: int, outs: int, kernel: int = 3, to: str = "") -> str:
        shape = (outs, ins, kernel, kernel)
        w = self.rng.normal(size=shape) / np.sqrt(ins * kernel * kernel)
        b = self.rng.normal(size=outs) * 0.2
        names = [self.constant(v.astype(np.float32)) for v in (w, b)]
        return self.node("Conv", x, *names, to=to, pads=[kernel // 2] * 4)

    def norm(self, x: str, channels: int) -> str:
        values = (
            self.rng.uniform(0.5, 2, channels), self.rng.normal(size=channels) * 0.3,
            self.rng.normal(size=channels) * 0.3, self.rng.uniform(0.5, 2, channels),
        )  # fmt: skip
        names = [self.constant(v.astype(np.float32)) for v in values]
        return self.node("BatchNormalization", x, *names)

    def dense(self, x: str, ins: int, outs: int, to: str = "") -> str:
        w = self.rng.normal(size=(ins, outs)) / np.sqrt(ins)
        b = self.rng.normal(size=outs) * 0.2
        names = [self.constant(v.astype(np.float32)) for v in (w, b)]
        return self.node("Gemm", x, *names, to=to)

    def model(self, inputs: dict[str, Shape], outputs: dict[str, Shape]) -> onnx.ModelProto:
        def infos(ports: dict[str, Shape]) -> list[onnx.ValueInfoProto]:
            pairs = ports.items()
            return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in pairs]

        graph = helper.make_graph(self._nodes, "net", infos(inputs), infos(outputs), self._weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def residual() -> onnx.ModelProto:
    """Pixels (3, 8, 8) to 5 classes: BatchNorm, a residual join, pooling, a softmax at the end."""
    b = Builder(1)
    a = b.node("Relu", b.norm(b.conv("image", 3, 6), 6))
    c = b.norm(b.conv(a, 6, 6), 6)
    joined = b.node("Relu", b.node("Add", a, c))
    pooled = b.node("MaxPool", joined, kernel_shape=[2, 2], strides=[2, 2])
    flat = b.node("Flatten", b.node("GlobalAveragePool", pooled))
    b.node("Softmax", b.dense(flat, 6, 5), to="prob", axis=1)
    return b.model({"image": ("n", 3, 8, 8)}, {"prob": ("n", 5)})


def perceptron() -> onnx.ModelProto:
    """8 numbers to 4."""
    b = Builder(2)
    b.dense(b.node("Relu", b.dense("x", 8, 12)), 12, 4, to="y")
    return b.model({"x": ("n", 8)}, {"y": ("n", 4)})


def chooser() -> onnx.ModelProto:
    """8 numbers to the index of one of 4 classes."""
    b = Builder(2)
    scores = b.dense(b.node("Relu", b.dense("x", 8, 12)), 12, 4)
    b.node("ArgMax", scores, to="index", axis=1, keepdims=0)
    model = b.model({"x": ("n", 8)}, {"index": ("n",)})
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    return model


def two_by_two() -> onnx.ModelProto:
    """A map (2, 6, 6) and a vector of 4 in; a map (3, 6, 6) and 3 classes out."""
    b = Builder(3)
    a = b.node("Relu", b.conv("map", 2, 4))
    b.conv(a, 4, 3, kernel=1, to="mask")
    seen = b.node("Flatten", b.node("GlobalMaxPool", a))
    both = b.node("Concat", seen, b.node("Relu", b.dense("vector", 4, 4)), axis=1)
    b.dense(both, 8, 3, to="classes")
    return b.model(
        {"map": ("n", 2, 6, 6), "vector": ("n", 4)},
        {"mask": ("n", 3, 6, 6), "classes": ("n", 3)},
    )


def pixels(count: int = 40, seed: int = 0) -> Array:
    """Smooth random images (count, 3, 8, 8), 0..255."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 3, 4, 4))
    return coarse.repeat(2, axis=2).repeat(2, axis=3).astype(np.uint8)


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def two_inputs(count: int = 40, seed: int = 0) -> dict[str, Array]:
    return {"map": numbers(count, 2, 6, 6, seed=seed), "vector": numbers(count, 4, seed=seed + 1)}
