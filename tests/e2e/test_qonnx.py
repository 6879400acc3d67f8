"""QONNX networks: the codes of every quantizer equal an exact oracle's; then C++ equals those."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest

import qfxc
import qonnx_nets
from qfxc.ir.text import constants, dump
from qfxc.ir.text import load as read
from qfxc.ir.types import Array
from qfxc.ops import registry
from qonnx_check import compare

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models"


def data(name: str) -> Path:
    """A model that the qonnx package ships."""
    spec = find_spec("qonnx")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "onnx" / name


def uniform(*shape: int) -> Array:
    return np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)


@pytest.mark.parametrize("domain", qonnx_nets.DOMAINS)
def test_every_quantizer_of_a_residual_network(domain: str) -> None:
    """Codes of 6x6x4 input, 4 convolutions of 6x6x8, the join, the ReLU'd depthwise, the mean."""
    model, x = qonnx_nets.residual(domain)
    found = compare(model, [x])
    assert sorted(found.elements.values()) == sorted([2 * 8, 2 * 144, *[2 * 288] * 5])


def test_every_quantizer_of_a_convolutional_network() -> None:
    model, x = qonnx_nets.cnv()
    found = compare(model, [x])
    assert found.elements == {"Quant_0": 600, "Quant_4": 768, "Quant_8": 576, "Quant_14": 10}
    (y,) = found.outputs.values()
    (node,) = found.integer.outputs
    exact = found.codes[node.name].astype(object) * node.type.int.scale.channels(4)
    assert (exact * y.den == y.num).all(), "the output keeps every digit"


@pytest.mark.parametrize(
    ("name", "frames", "elements"),
    [
        ("tfc_2w2a", 4, {"Quant_13": 3136, "Quant_25": 256, "Quant_37": 256, "Quant_49": 256}),
        ("jet_tagging", 64, {"Quant_8": 4096, "Quant_9": 2048, "Quant_10": 2048}),
    ],
)
def test_networks_by_others(name: str, frames: int, elements: dict[str, int]) -> None:
    path = SHARED / f"{name}_qonnx.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    model = onnx.load(path)
    shape = {"tfc_2w2a": (1, 28, 28), "jet_tagging": (16,)}[name]
    assert compare(model, [uniform(frames, *shape)]).elements == elements


@pytest.mark.parametrize(
    ("name", "elements"),
    [
        ("bsd300x3-espcn/subpixel/quant_model.onnx", [1200, 3200, 6400, 6400]),
        ("bsd300x3-espcn/nn_resize/quant_model.onnx", [300, 1200, 3200, 6400, 6400]),
        ("eltwise_chanlast_testcase.onnx", [394272]),
    ],
)
def test_networks_of_the_qonnx_package(name: str, elements: list[int]) -> None:
    """The super-resolution networks on 10x10 pixels: rational arithmetic takes its time."""
    model = onnx.load(data(name))
    constants = {i.name for i in model.graph.initializer}
    (source,) = (i for i in model.graph.input if i.name not in constants)
    dims = source.type.tensor_type.shape.dim
    if "espcn" in name:
        dims[2].dim_value = dims[3].dim_value = 10
        del model.graph.value_info[:]
    x = uniform(1, *(d.dim_value for d in dims[1:]))
    assert sorted(compare(model, [x]).elements.values()) == elements


@pytest.mark.parametrize("net", [qonnx_nets.cnv, qonnx_nets.residual])
def test_compiled_and_proved(net: object) -> None:
    """C-simulation equals the simulator; nothing had to be calibrated, so nothing warns."""
    model, _ = net()  # type: ignore[operator]
    compiled = qfxc.compile(model, "ultra96", verify="csim", frames=4)
    assert compiled.report["verification"][0]["equal"]
    assert compiled.warnings == ()


def test_a_relu_before_the_first_quantizer_is_the_hosts() -> None:
    """An unsigned quantizer clips at zero by itself, so the host can quantize with it."""
    net = qonnx_nets.Net((6,))
    x = net.quant(net.op("Relu", "x"), 0.11, 5, signed=0)
    y = net.op("MatMul", x, net.op("Transpose", net.weights(4, 6), perm=[1, 0]))
    compiled = qfxc.compile(net.model(y), "ultra96", verify="none")
    assert compiled.warnings == ()
    assert [n.op.stem for n in compiled.integer.nodes()] == ["input", "const", "matmul"]


def test_what_was_added_is_told() -> None:
    net = qonnx_nets.Net((6,))
    x = net.op("MatMul", "x", net.op("Transpose", net.weights(4, 6), perm=[1, 0]))
    x = net.quant(net.op("Relu", x), 0.25, 4, signed=0)
    compiled = qfxc.compile(net.model(x), "ultra96", verify="none")
    assert len(compiled.warnings) == 2
    assert "none behind x: those were added" in compiled.warnings[1]


@pytest.mark.parametrize("quantized", [True, False])
def test_a_last_layer_without_quantizer_keeps_every_digit(quantized: bool) -> None:
    """A bias on the grid of the sums joins the codes; any other is the port's offset."""
    net = qonnx_nets.Net((6,))
    bias = net.rng.normal(0, 0.3, 5)
    scales = 2.0 ** -net.rng.integers(2, 6, (5, 1))
    w = net.quant(net.rng.normal(0, 0.3, (5, 6)), scales, 4)
    y = net.op("MatMul", net.quant("x", 0.25, 5), net.op("Transpose", w, perm=[1, 0]))
    y = net.op("Add", y, net.quant(bias, 2.0**-7, 8) if quantized else bias)
    found = compare(net.model(y), [net.frames(64)])
    (expected,) = found.outputs.values()
    (node,), (port,) = found.integer.outputs, found.integer.out_ports
    offset = np.array(port.offset or (0,), dtype=object)
    real = found.codes[node.name].astype(object) * node.type.int.scale.channels(5) + offset
    assert bool(port.offset) is not quantized
    assert (real * expected.den == expected.num).all()
    again = read(dump(found.integer), constants(found.integer), registry())
    assert again.out_ports == found.integer.out_ports
