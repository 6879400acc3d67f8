"""Small QONNX models, made by hand: what exporters write, and every variant of the operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAINS = (
    *("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "qonnx", "finn", ""),
)
CHANNELS_LAST = "qonnx.custom_op.channels_last"


class Net:
    """Builds a model node by node; a method per operator returns the name of its result."""

    def __init__(self, shape: Sequence[int], domain: str = DOMAINS[0], seed: int = 0) -> None:
        self.domain = domain
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.shape = tuple(shape)

    def const(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        array = np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind: str, *inputs: Any, domain: str = "", **attributes: Any) -> str:
        """Inputs that are no names become constants."""
        names = [i if isinstance(i, str) else self.const(i) for i in inputs]
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, names, [f"{name}_out"], name, domain=domain, **attributes)
        )
        return f"{name}_out"

    def quant(
        self,
        x: Any,
        scale: Any,
        bits: float,
        *,
        zero: Any = 0.0,
        signed: int = 1,
        narrow: int = 0,
        mode: str = "ROUND",
        op: str = "Quant",
    ) -> str:
        return self.op(
            op,
            x,
            scale,
            zero,
            float(bits),
            domain=self.domain,
            signed=signed,
            narrow=narrow,
            rounding_mode=mode,
        )

    def weights(self, *shape: int, bits: float = 4, channels: bool = True) -> str:
        """Random weights, quantized per output channel (axis 0)."""
        count = shape[0] if channels else 1
        scale = self.rng.uniform(0.02, 0.2, (count, *(1,) * (len(shape) - 1)))
        return self.quant(self.rng.normal(0, 0.3, shape), scale, bits, narrow=1)

    def norm(self, x: str, channels: int) -> str:
        """A BatchNormalization, some of whose slopes are negative."""
        rng = self.rng
        scale = rng.uniform(0.5, 2, channels) * rng.choice([1, 1, 1, -1], channels)
        shift, mean, var = (rng.normal(0, s, channels) for s in (0.5, 0.5, 1))
        return self.op("BatchNormalization", x, scale, shift, mean, np.abs(var) + 0.1)

    def model(self, *outputs: str, opset: int = 13) -> onnx.ModelProto:
        """With symbolic batch."""
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *self.shape])
        ys = [helper.make_tensor_value_info(y, TensorProto.FLOAT, None) for y in outputs]
        graph = helper.make_graph(self.nodes, "net", [x], ys, self.constants)
        domains = sorted({n.domain for n in self.nodes} - {""})
        imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
        return helper.make_model(graph, opset_imports=imports)

    def frames(self, count: int = 2, spread: float = 1.0) -> np.ndarray[Any, Any]:
        data = self.rng.normal(0, spread, (count, *self.shape))
        return data.astype(np.float32)


def cnv(domain: str = DOMAINS[0]) -> tuple[onnx.ModelProto, np.ndarray[Any, Any]]:
    """Brevitas' CNV in small: conv, BatchNorm, 2-bit activations, max pooling, dense layers."""
    net = Net((3, 10, 10), domain, seed=1)
    x = net.quant("x", np.float32(2**-7), 8)
    x = net.op("Conv", x, net.weights(6, 3, 3, 3, bits=2))
    x = net.quant(net.norm(x, 6), 1.0, 2, narrow=1)
    x = net.op("Conv", x, net.weights(8, 6, 3, 3, bits=2))
    x = net.quant(net.norm(x, 8), 1.0, 2, narrow=1)
    x = net.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.op("Flatten", net.op("Conv", x, net.weights(5, 8, 3, 3, bits=2)))
    x = net.quant(net.norm(x, 5), 1.0, 2, narrow=1)
    w = net.op("Transpose", net.weights(4, 5, bits=2, channels=False), perm=[1, 0])
    return net.model(net.op("MatMul", x, w)), net.frames()


def residual(domain: str = DOMAINS[0]) -> tuple[onnx.ModelProto, np.ndarray[Any, Any]]:
    """A residual network: two quantizers of different scales meet, ReLU, average, dense."""
    net = Net((4, 6, 6), domain, seed=2)
    x = net.quant("x", 0.0371, 6)
    a = net.op("Conv", x, net.weights(8, 4, 3, 3), net.rng.normal(size=8), pads=[1, 1, 1, 1])
    a = net.quant(net.op("Relu", net.norm(a, 8)), 0.083, 5, signed=0)
    b = net.op("Conv", a, net.weights(8, 8, 3, 3), pads=[1, 1, 1, 1])
    b = net.quant(net.norm(b, 8), 0.0617, 5)
    c = net.quant(net.op("Conv", x, net.weights(8, 4, 1, 1)), 0.0617, 5)
    d = net.op("Add", b, c)
    e = net.quant(net.op("Relu", net.op("Add", d, a)), 0.119, 4, signed=0)
    f = net.op("Conv", e, net.weights(8, 1, 3, 3), pads=[1, 1, 1, 1], group=8)
    f = net.op("Relu", net.quant(f, 0.0731, 6))
    g = net.op("Flatten", net.op("GlobalAveragePool", f))
    g = net.quant(g, 0.0123, 8, signed=0, mode="FLOOR")
    return net.model(net.op("Gemm", g, net.weights(3, 8), np.zeros(3), transB=1)), net.frames()
