"""Every QONNX operator and parameter, against the exact oracle; refusals name the node."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import qonnx_nets
from qfxc.errors import UserError
from qfxc.frontend.onnx_file import load
from qonnx_check import Compared, compare
from qonnx_nets import Net

MODES = (
    "ROUND",
    "HALF_EVEN",
    "CEIL",
    "FLOOR",
    "UP",
    "DOWN",
    "ROUND_TO_ZERO",
    "HALF_UP",
    "HALF_DOWN",
)


def behind_integers(net: Net, channels: int = 6) -> str:
    """A layer of integers: with power-of-two scales many of its values are ties."""
    x = net.quant("x", 0.5, 5)
    w = net.quant(net.rng.integers(-3, 4, (channels, 8)) / 1.0, 0.5, 3)
    return net.op("MatMul", x, net.op("Transpose", w, perm=[1, 0]))


def checked(net: Net, last: str, **options: object) -> Compared:
    return compare(net.model(last), [net.frames(64, 4)], **options)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("narrow", [0, 1])
def test_rounding_and_range(mode: str, signed: int, narrow: int) -> None:
    net = Net((8,))
    y = net.quant(behind_integers(net), 1.0, 4, signed=signed, narrow=narrow, mode=mode)
    assert checked(net, y).elements["Quant_4"] == 64 * 6


@pytest.mark.parametrize("divisor", [3.0, -7.0, [1.0, 3.0, 5.0, 6.0, -7.0, 9.0]])
def test_division_keeps_ties(divisor: object) -> None:
    """9 quarters over 3 are a tie of halves; times the float64 next to 1/3 they are not."""
    net = Net((8,))
    y = net.op("Div", behind_integers(net), np.array(divisor))
    found = checked(net, net.quant(y, 0.5, 6))
    assert found.elements["Quant_5"] == 64 * 6


@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
@pytest.mark.parametrize("bits", [1, 2, 7, 12, 16])
def test_bits(bits: int, op: str) -> None:
    net = Net((8,))
    y = net.quant(behind_integers(net), 0.37, bits, signed=0, op=op)
    assert checked(net, y).elements[f"{op}_4"] == 64 * 6


@pytest.mark.parametrize("mode", ["ROUND", "FLOOR", "HALF_UP"])
@pytest.mark.parametrize("zero", [3.0, 4.0, 127.0])
def test_zero_points(mode: str, zero: float) -> None:
    """Rounding sees an odd zero point: ties to even become ties to odd, codes keep it then."""
    net = Net((8,))
    y = net.quant(behind_integers(net), 1.0, 8, signed=0, zero=zero, mode=mode)
    y = net.op("MatMul", y, net.op("Transpose", net.weights(3, 6), perm=[1, 0]))
    y = net.quant(y, 0.25, 9)
    seen = mode == "ROUND" and zero % 2 == 1
    found = checked(net, y, zeros={"Quant_4": -zero if seen else 0})
    assert found.elements["Quant_8"] == 64 * 3


def test_scales_per_channel() -> None:
    """Behind a depthwise layer and in front of a dense one, which takes powers of two over."""
    net = Net((4, 5, 5))
    x = net.quant("x", 0.1, 6)
    x = net.op("Conv", x, net.weights(4, 1, 3, 3), group=4)
    scale = np.array([0.5, 0.25, 1.0, 0.125]).reshape(1, 4, 1, 1)
    x = net.quant(x, scale, 5)
    x = net.op("Conv", x, net.weights(4, 1, 2, 2), group=4)
    x = net.quant(x, scale * np.float32(0.3), 5)
    x = net.quant(net.op("Flatten", x), 0.23, 6)
    found = checked(net, x)
    assert list(found.elements.values()) == [64 * 100, 64 * 36, 64 * 16, 64 * 16]
    net = Net((6,))
    x = net.quant("x", 0.1, 6)
    x = net.quant(x, np.array([0.5, 0.25, 1.0, 0.125, 2.0, 0.5]), 5)
    x = net.op("MatMul", x, net.op("Transpose", net.weights(3, 6), perm=[1, 0]))
    assert checked(net, net.quant(x, 0.2, 6)).elements["Quant_5"] == 64 * 3


@pytest.mark.parametrize("scale", [1.0, 0.3, [0.5, 0.25, 0.7, 1.0, 2.0, 0.1]])
def test_bipolar(scale: object) -> None:
    """Zero is positive. The last quantizer sees both values through a layer."""
    net = Net((8,))
    y = net.op("BipolarQuant", behind_integers(net), np.array(scale), domain=net.domain)
    if np.ndim(scale) == 0:
        y = net.op("MatMul", y, net.op("Transpose", net.weights(3, 6), perm=[1, 0]))
    found = checked(net, net.quant(y, 0.25, 6))
    assert any(name != "BipolarQuant_4" for name in found.elements)


def test_one_signed_bit_is_bipolar() -> None:
    net = Net((8,))
    y = net.quant(behind_integers(net), 0.3, 1)
    y = net.op("MatMul", y, net.op("Transpose", net.weights(3, 6, bits=1), perm=[1, 0]))
    assert "Quant_8" in checked(net, net.quant(y, 0.25, 6)).elements


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL"])
def test_trunc(mode: str) -> None:
    """Version 1: five inputs, scale stays. Version 2: scale and bits of the output."""
    net = Net((8,))
    y = net.op(
        "Trunc", behind_integers(net), 0.25, 0.0, 9.0, 5.0, domain=net.domain, rounding_mode=mode
    )
    assert checked(net, net.quant(y, 0.5, 4)).elements["Quant_5"] == 64 * 6
    net = Net((8,))
    inputs = (0.25, 0.0, 9.0, 2.0, 4.0)
    y = net.op("Trunc", behind_integers(net), *inputs, domain=net.domain, rounding_mode=mode)
    found = checked(net, net.quant(y, 4.0, 3, signed=0))
    assert found.elements["Quant_5"] == 64 * 6


@pytest.mark.parametrize(("layout", "channel"), [("NCHW", 1), ("NHWC", 3), ("", 1), ("NC", 1)])
@pytest.mark.parametrize("shared", [False, True])
def test_multi_threshold(layout: str, channel: int, shared: bool) -> None:
    """Seven steps anywhere, for falling channels, too; output -3 .. 4."""
    shape = (8,) if layout == "NC" else (8, 3, 8)
    net = Net(shape)
    x = net.quant("x", 0.25, 6)
    slope = np.array([1, -1, 0.5, -2, 1, 1, 3, 1]).reshape(
        [8 if a == channel else 1 for a in range(len(shape) + 1)]
    )
    x = net.op("Mul", x, slope)
    t = np.sort(net.rng.normal(0, 3, (1 if shared else 8, 7)), axis=1)
    y = net.op(
        "MultiThreshold",
        *(x, t),
        domain=net.domain,
        out_dtype="INT4",
        out_scale=1.0,
        out_bias=-3.0,
        **({"data_layout": layout} if layout else {}),
    )
    found = checked(net, y, zeros={"MultiThreshold_2": 3})
    assert found.elements["MultiThreshold_2"] == 64 * int(np.prod(shape))


def test_uniform_thresholds_need_no_comparators() -> None:
    net = Net((8,))
    t = np.arange(15)[None] * 4.0 - 20
    y = net.op("MultiThreshold", behind_integers(net), t, domain=net.domain, out_dtype="UINT4")
    found = checked(net, y)
    (node,) = found.integer.outputs
    assert node.op.stem == "shift"


def test_channels_last() -> None:
    """NHWC operators of a domain of their own; weights (O, H, W, I)."""
    net = Net((6, 5, 3))
    x = net.quant("x", 0.1, 6)
    w = net.weights(4, 3, 3, 3)
    x = net.op("Conv", x, w, domain=qonnx_nets.CHANNELS_LAST, pads=[1, 1, 1, 1])
    y = net.quant(x, 0.3, 5)
    graph = load(net.model(y))
    assert graph.out_ports[0].shape == (6, 5, 4)
    assert not any(n.op.stem == "transpose" for n in graph.nodes())
    assert checked(net, y).elements["Quant_3"] == 64 * 120


Refused = tuple[Callable[[Net], str], str]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda n: n.quant(n.quant("x", 0.5, 5), n.quant("x", 0.5, 5), 4),
            "error: Quant_2 (Quant): input 1 ('Quant_1_out') is not constant\n"
            "hint: only inputs that do not depend on the network's input work here",
        ),
        (
            lambda n: n.quant("x", 0.5, 33),
            "error: Quant_0 (Quant): 33 bits\nhint: 1 to 32 bits are supported",
        ),
        (
            lambda n: n.quant("x", -0.5, 4),
            "error: Quant_0 (Quant): its scale is not positive\n"
            "hint: train or export the model again",
        ),
        (
            lambda n: n.quant("x", 0.5, 4.5),
            "error: Quant_0 (Quant): its bit width is 4.5, an integer is expected",
        ),
        (
            lambda n: n.quant("x", 0.5, 4, zero=0.25),
            "error: Quant_0 (Quant): its zero point is 0.25, an integer is expected",
        ),
        (
            lambda n: n.quant("x", 0.5, 4, zero=np.arange(8.0)),
            "error: Quant_0 (Quant): zero points that differ from channel to channel are not "
            "supported",
        ),
        (
            lambda n: n.quant("x", 0.5, 4, mode="STOCHASTIC"),
            "error: Quant_0 (Quant): the rounding mode STOCHASTIC is not supported\n"
            "hint: known: ROUND, HALF_EVEN, CEIL, FLOOR, UP, DOWN, ROUND_TO_ZERO, HALF_UP, "
            "HALF_DOWN",
        ),
        (
            lambda n: n.op("Trunc", "x", 0.5, 1.0, 8.0, 4.0, domain=n.domain),
            "error: Trunc_0 (Trunc): a scale per channel or a zero point is not supported",
        ),
        (
            lambda n: n.op("MultiThreshold", "x", np.zeros(3), domain=n.domain),
            "error: MultiThreshold_0 (MultiThreshold): thresholds [3], (channels, steps) are "
            "expected",
        ),
        (
            lambda n: n.op("FloatQuant", "x", 1.0, domain=n.domain),
            "error: FloatQuant_0 (FloatQuant): quantizes to floating point numbers\n"
            "hint: integers are supported: Quant, 1 to 16 bits",
        ),
    ],
)
def test_refused(make: Callable[[Net], str], message: str) -> None:
    net = Net((8,))
    with pytest.raises(UserError) as caught:
        load(net.model(make(net)))
    assert str(caught.value) == message
