"""Seeded random networks of ``Fixed`` casts, as ``qfxc.nn`` exports them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

ROUNDINGS = ("TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV")
OVERFLOWS = ("SAT", "SAT_SYM", "SAT_ZERO", "WRAP")
DOMAIN = "qfxc.nn"


class Net:
    """Builds one model; every method returns the name of a value."""

    def __init__(self, seed: int, shape: tuple[int, ...]) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape = shape
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def make(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [name], name, domain=domain, **attributes)
        )
        return name

    def fixed(self, x: str, wbit: int, fbit: int | list[int], **how: Any) -> str:
        """A cast, with modes drawn where they are not given."""
        modes = {
            "rounding": ROUNDINGS[self.rng.integers(len(ROUNDINGS))],
            "overflow": OVERFLOWS[self.rng.integers(len(OVERFLOWS))],
            "signed": 1,
            "axis": 1,
        }
        bits = fbit if isinstance(fbit, list) else [fbit]
        return self.make("Fixed", x, domain=DOMAIN, wbit=wbit, fbit=bits, **(modes | how))

    def constant(self, *shape: int, wbit: int, fbit: int | list[int], axis: int = 0) -> str:
        """A real constant behind a cast of its own."""
        name = f"c{len(self.constants)}"
        values: NDArray[np.float32] = self.rng.normal(size=shape).astype(np.float32)
        self.constants.append(numpy_helper.from_array(values, name))
        return self.fixed(name, wbit, fbit, axis=axis, overflow="SAT")

    def model(self, output: str, shape: tuple[int, ...]) -> onnx.ModelProto:
        ends = [("x", self.shape), (output, shape)]
        x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", *s]) for n, s in ends)
        graph = helper.make_graph(self.nodes, "fixed", [x], [y], self.constants)
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def residual(seed: int, size: int = 7, channels: int = 4) -> onnx.ModelProto:
    """Conv, BatchNorm as casts of products and sums, residual of differing steps, pool, dense."""
    net = Net(seed, (2, size, size))
    rng = net.rng

    def width(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    x = net.fixed("x", width(4, 9), width(2, 5))
    steps = [width(2, 6) for _ in range(channels)]
    w = net.constant(channels, 2, 3, 3, wbit=width(2, 8), fbit=steps)
    bias = net.constant(channels, wbit=12, fbit=width(3, 9))
    y = net.make("Conv", x, w, bias, pads=[1, 1, 1, 1])
    wide = [width(3, 9) for _ in range(channels)] if seed % 2 else width(3, 9)
    y = net.fixed(y, width(10, 24), wide)
    y = net.make("Mul", y, net.constant(channels, 1, 1, wbit=8, fbit=width(3, 7)))
    y = net.make("Add", y, net.constant(channels, 1, 1, wbit=8, fbit=width(2, 7)))
    y = net.fixed(y, width(6, 24), width(2, 8))
    y = net.make("Relu", y)
    first = net.fixed(y, width(2, 16), width(0, 6), signed=width(0, 1))
    w = net.constant(channels, channels, 1, 1, wbit=width(2, 6), fbit=width(1, 5))
    y = net.fixed(net.make("Conv", first, w), width(6, 20), width(1, 7))
    slope = net.constant(channels, 1, 1, wbit=6, fbit=5)
    y = net.fixed(net.make("PRelu", y, slope), width(6, 16), width(1, 5))
    y = net.fixed(net.make("Add", y, first), width(4, 24), width(0, 6))
    y = net.fixed(net.make("GlobalAveragePool", y), width(5, 16), width(0, 8))
    y = net.make("Flatten", y)
    y = net.make("MatMul", y, net.constant(channels, 3, wbit=5, fbit=[2, 3, 4], axis=1))
    return net.model(net.fixed(y, width(6, 24), width(1, 8)), (3,))


def chain(seed: int, length: int = 6, channels: int = 3) -> onnx.ModelProto:
    """Casts of casts, with factors of two and others between, and a pooling."""
    net = Net(seed, (channels, 5, 6))
    rng = net.rng
    y = net.fixed("x", int(rng.integers(3, 17)), int(rng.integers(0, 8)))
    for step in range(length):
        if step % 3 == 1:
            scale = net.constant(channels, 1, 1, wbit=6, fbit=int(rng.integers(0, 6)))
            y = net.make("Mul", y, scale)
        if step == 3:
            y = net.make("AveragePool", y, kernel_shape=[2, 2], strides=[1, 1])
        bits = int(rng.integers(2, 25))
        per = [int(v) for v in rng.integers(-1, 9, channels)]
        signed = int(rng.integers(4) > 0)
        y = net.fixed(y, bits, per if step % 2 and step < 3 else per[0], signed=signed)
    return net.model(y, (channels, 4, 5))
