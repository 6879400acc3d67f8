"""Models with quantizers of their own, from the file to the engines and the host."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

import onnx_nets as nets
import qfxc
from qdq_models import STYLES, QdqNet, compare, quantized, with_probes
from qdq_oracle import Oracle
from qfxc.driver import Compiled
from qfxc.run import load_project
from qfxc.share import folder
from qfxc.sim import simulate

sys.path.insert(0, str(folder("templates") / "host"))

from qfxc_port import Port as DriverPort

SHARED = Path(__file__).resolve().parents[3] / "shared"
S8, U8 = np.int8, np.uint8


def residual() -> onnx.ModelProto:
    """uint8 images to int8 scores: a join of two scales, pooling on codes, zero points."""
    b = QdqNet(7)
    x = b.node("DequantizeLinear", "x", b.const(np.float32(0.0173)), b.const(U8(117)))
    a = b.qdq(b.node("Relu", b.node("Conv", x, b.weights(4, 3, 3, 3), b.bias(4))), 0.02, U8(0))
    c = b.qdq(b.node("Conv", a, b.weights(4, 4, 3, 3), pads=[1] * 4), 0.05, S8(-11))
    q, scale, zero = b.quantize(b.node("Add", a, c), 0.06, U8(128))
    q = b.node("MaxPool", q, kernel_shape=[2, 2], strides=[2, 2])
    y = b.node("Flatten", b.node("DequantizeLinear", q, scale, zero))
    y = b.node("Gemm", y, b.weights(3, 36, axis=None), b.bias(3), transB=1)
    return b.model({"x": ("n", 3, 8, 8)}, {b.quantize(y, 0.1, S8(5))[0]: TensorProto.INT8}, 2)


def ports_of(net: Compiled) -> tuple[DriverPort, DriverPort]:
    """The first input and output as the board's driver reads them."""
    network = json.loads(net.project().text("host/network.json"))
    return DriverPort.read(network["inputs"][0]), DriverPort.read(network["outputs"][0])


def codes(model: onnx.ModelProto, feed: Mapping[str, Any]) -> Any:
    return Oracle(model, feed).values[model.graph.output[0].name]


def test_engines_and_host_give_what_onnx_gives(tmp_path: Path) -> None:
    """All engines agree; ``run`` and the driver take uint8 and give int8, zero points and all."""
    model = residual()
    x = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8)).astype(U8)
    net = qfxc.compile(model, calib=x)
    assert all(entry["equal"] for entry in net.report["verification"])
    (name,) = net.simulate(x).codes
    want = codes(model, {"x": x})
    assert want.std() > 10
    for result in (net.simulate(x), load_project(net.write(tmp_path / "out")).run(x)):
        assert result.codes[name].dtype == np.int8
        assert np.array_equal(result.codes[name], want)
    into, out = ports_of(net)
    inside = into.quantize(into.checked(x))
    assert np.array_equal(inside, x.transpose(0, 2, 3, 1).astype(int) - 117)
    frames = simulate(net.integer, [inside])[0]
    assert np.array_equal(out.integers(frames), want)
    assert out.integers(frames).dtype == np.int8


def test_inputs_are_rounded_as_the_model_says() -> None:
    """Ties of real inputs go to even codes on the host, too: 64 halves, every second one up."""
    b = QdqNet()
    scale, zero = b.const(np.float32(0.5)), b.const(S8(0))
    y = b.node("DequantizeLinear", b.node("QuantizeLinear", "x", scale, zero), scale, zero)
    b.stored.append(onnx.numpy_helper.from_array(np.eye(64, dtype=S8), "eye"))
    w = b.node("DequantizeLinear", "eye", b.const(np.float32(1)))
    q = b.node("QuantizeLinear", b.node("MatMul", y, w), scale, zero)
    model = b.model({"x": ("n", 64)}, {q: TensorProto.INT8})
    x = (np.arange(-32, 32) * 0.5 + 0.25).astype(np.float32)[None]
    net = qfxc.compile(model, calib=np.concatenate([x, -x]), verify="none")
    got = net.simulate(x).codes[q]
    assert np.array_equal(got, codes(model, {"x": x}))
    assert (got % 2 == 0).all()
    port = ports_of(net)[0]
    assert np.array_equal(port.quantize(x), got)


def test_the_host_quantizes_behind_a_softmax() -> None:
    """Codes of a softmax, as TFLite files have them: 1/256 steps from -128."""
    b = QdqNet()
    y = b.qdq(b.node("MatMul", b.qdq("x", 0.03, S8(0)), b.weights(8, 3, axis=1)), 0.05, S8(1))
    scale = b.const(np.float32(2**-8))
    q = b.node("QuantizeLinear", b.node("Softmax", y), scale, b.const(S8(-128)))
    model = b.model({"x": ("n", 8)}, {q: TensorProto.INT8})
    x = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    net = qfxc.compile(model, calib=x, verify="none")
    got = ports_of(net)[1].finish(net.simulate(x).real[q])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert np.array_equal(got, session.run(None, {"x": x})[0])


@pytest.mark.parametrize("style", ["qdq-s8", "qoperator-u8"])
def test_onnxruntimes_quantizer_in_all_engines(style: str, tmp_path: Path) -> None:
    """A residual network: every quantizer against exact arithmetic, then simulator, C++ and RTL."""
    x = nets.pixels(12).astype(np.float32) / 255
    model = quantized(nets.residual(), x[:8], style, tmp_path)
    total, wrong = compare(model, {"image": x}, "rescale")
    assert (total > 12 * 1400, wrong) == (True, 0)
    net = qfxc.compile(model, "ultra96", verify="all", frames=3)
    assert [entry["equal"] for entry in net.report["verification"]] == [True] * 3


def test_codes_of_16_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """12 frames of 8 inputs, 12 sums with and without Relu, and 4 results."""
    monkeypatch.setitem(STYLES, "qdq-s16", ("QDQ", "QInt16", True, True))
    x = nets.numbers(12, 8)
    model = quantized(nets.perceptron(), x, "qdq-s16", tmp_path)
    assert compare(model, {"x": x}, "rescale") == (12 * (8 + 12 + 12 + 4), 0)
    net = qfxc.compile(model, "ultra96", verify="csim", frames=3)
    assert net.report["verification"][0]["equal"]


@pytest.mark.slow
def test_keyword_spotting_in_int8() -> None:
    """The MLPerf Tiny network: C-simulation equal, 91.0 % on 1,000 labelled frames."""
    path = SHARED / "models" / "kws_dscnn_int8_qdq.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    with np.load(SHARED / "data" / "kws01_1000.npz") as data:
        real, labels = data["mfcc"].astype(np.float64)[..., None], data["y"]
    x = np.clip(np.rint(real / (9809687 * 2.0**-24)) + 83, -128, 127).astype(S8)
    net = qfxc.compile(path, "ultra96", calib=x[:100], verify="csim", frames=4)
    assert net.report["verification"][0]["equal"]
    result = net.simulate(x)
    assert np.mean(result.top1() == labels) == 0.91
    probed = with_probes(onnx.load(path))
    assert len(probed.graph.output) == 11
    total, wrong = compare(probed, {"input_1": x[:8]}, "rescale")
    assert (total, wrong) == (576608, 0)


@pytest.mark.slow
@pytest.mark.parametrize("style", ["qdq-u8", "qoperator-s8"])
def test_a_network_quantized_by_onnxruntime(style: str, tmp_path: Path) -> None:
    path = SHARED / "models" / "mnist_resnet_float.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    x = np.random.default_rng(0).uniform(0, 1, (12, 28, 28, 1)).astype(np.float32)
    model = quantized(onnx.load(path), x[:8], style, tmp_path)
    net = qfxc.compile(model, "ultra96", calib=x, verify="csim", frames=4)
    assert net.report["verification"][0]["equal"]
    assert np.isfinite(next(iter(net.simulate(x).real.values()))).all()
