"""Operators that are lowered to others, down to simulated hardware: one small network each."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import qfxc
from qfxc.quantize.error import sqnr_db
from qfxc.run import Model

Net = tuple[list[tuple[str, list[str], str, dict[str, Any]]], dict[str, Any]]


def weights(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape) / np.sqrt(np.prod(shape[1:]))


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


CONV = ("Conv", ["x", "w"], "c", {"pads": [1, 1, 1, 1]})

NETS: dict[str, Net] = {
    "transposed": (
        [
            ("ConvTranspose", ["x", "t", "b"], "c", {"strides": [2, 2], "pads": [1] * 4}),
            ("BatchNormalization", ["c", "g", "b", "b", "g"], "n", {}),
            ("Relu", ["n"], "y", {}),
        ],
        {"t": weights(4, 4, 4, 4), "b": weights(4, 1)[:, 0], "g": np.linspace(0.5, 2, 4)},
    ),
    "transposed_groups": (
        [("ConvTranspose", ["x", "t"], "y", {"strides": [3, 2], "group": 2, "pads": [0, 1, 2, 0]})],
        {"t": weights(4, 3, 3, 4)},
    ),
    "nearest": (
        [CONV, ("Resize", ["c", "", "s"], "y", {"mode": "nearest"})],
        {"w": weights(4, 4, 3, 3), "s": np.array([1, 1, 2, 3], np.float32)},
    ),
    "linear": (
        [("Resize", ["x", "", "s"], "r", {"mode": "linear"}), ("Relu", ["r"], "y", {})],
        {"s": np.array([1, 1, 2, 2], np.float32)},
    ),
    "reflect": (
        [("Pad", ["x", "p"], "a", {"mode": "reflect"}), ("Conv", ["a", "w"], "y", {})],
        {"p": ints(0, 0, 2, 1, 0, 0, 1, 2), "w": weights(4, 4, 3, 3)},
    ),
    "picked": (
        [
            ("Gather", ["x", "i"], "g", {"axis": 1}),
            ("Tile", ["g", "r"], "t", {}),
            ("Slice", ["t", "a", "e", "d", "n"], "y", {}),
        ],
        {
            "i": ints(2, 0, 3),
            "r": ints(1, 1, 1, 2),
            "a": ints(-1),
            "e": ints(-9),
            "d": ints(2),
            "n": ints(-2),
        },
    ),
    "larger": (
        [CONV, ("Max", ["c", "x"], "m", {}), ("Min", ["m", "k"], "y", {})],
        {"w": weights(4, 4, 3, 3), "k": np.linspace(0.2, 1, 4).reshape(4, 1, 1)},
    ),
    "excite": (
        [
            CONV,
            ("GlobalAveragePool", ["c"], "p", {}),
            ("Conv", ["p", "v"], "q", {}),
            ("HardSigmoid", ["q"], "s", {}),
            ("Mul", ["c", "s"], "y", {}),
        ],
        {"w": weights(4, 4, 3, 3), "v": weights(4, 4, 1, 1)},
    ),
    "functions": (
        [
            CONV,
            ("Sigmoid", ["c"], "s", {}),
            ("Mul", ["c", "s"], "a", {}),
            ("Conv", ["a", "w"], "d", {}),
            ("Gelu", ["d"], "y", {}),
        ],
        {"w": weights(4, 4, 3, 3)},
    ),
    "normalised": (
        [CONV, ("LayerNormalization", ["c", "g"], "y", {"axis": -1})],
        {"w": weights(4, 4, 3, 3), "g": np.linspace(0.5, 1.5, 6)},
    ),
    "reduced": (
        [CONV, ("ReduceMin", ["c", "r"], "m", {}), ("ReduceL1", ["m", "q"], "y", {})],
        {"w": weights(4, 4, 3, 3), "r": ints(1), "q": ints(3)},
    ),
    "shuffled": (
        [
            CONV,
            ("Reshape", ["c", "a"], "r", {}),
            ("Transpose", ["r"], "t", {"perm": [0, 2, 1, 3, 4]}),
            ("Reshape", ["t", "b"], "y", {}),
        ],
        {"w": weights(4, 4, 3, 3), "a": ints(0, 2, 2, 5, 6), "b": ints(0, 4, 5, 6)},
    ),
}


def model(nodes: list[Any], constants: dict[str, Any]) -> onnx.ModelProto:
    stored = {
        k: np.asarray(v).astype(np.float32) if np.asarray(v).dtype == np.float64 else v
        for k, v in constants.items()
    }
    graph = helper.make_graph(
        [helper.make_node(op, inputs, [out], **more) for op, inputs, out, more in nodes],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 5, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("name", NETS)
def test_hardware_equals_the_simulator_and_follows_onnxruntime(name: str) -> None:
    """``compile`` compares C++ and simulator bit for bit; onnxruntime has the real numbers."""
    proto = model(*NETS[name])
    x = np.random.default_rng(1).standard_normal((32, 4, 5, 6)).astype(np.float32)
    net = qfxc.compile(proto, calib=x, verify="csim", check=True, frames=3, allow_oversize=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    (wanted,) = session.run(None, {"x": x})
    real = Model(net.real, net.integer).run_float({"x": x}).real["y"]
    got = net.simulate({"x": x}).real["y"]
    assert sqnr_db(wanted.astype(np.float64), real.reshape(wanted.shape)) > 90
    assert sqnr_db(wanted.astype(np.float64), got.reshape(wanted.shape)) > 25
