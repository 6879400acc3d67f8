"""Networks exported by Brevitas: every code is that of exact arithmetic, in all engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
import pytest

import qdq_models
import qfxc
import qonnx_check
from brevitas_nets import Cnv, ResNet, Scheme, exported, frames, trained

SIZES = {"cnv": 18, "resnet": 8}
"""Pixels a side."""

CODES = {
    # 3x18x18 pixels, 6x16x16 and 6x14x14; 8x5x5 and 8x3x3 in front of poolings; 12
    "cnv": 972 + 1536 + 1176 + 200 + 72 + 12,
    # 3x8x8 pixels; the first layer; 4 of 6x8x8, 4 of 12x4x4 in the blocks; 12 behind the average
    "resnet": 192 + 384 + 4 * 384 + 4 * 192 + 12,
}
"""Of one frame, all quantizers of activations together."""

SCHEMES: Mapping[str, Mapping[str, Any]] = {
    "w1a1": {"weights": 1, "activations": 1, "powers": False, "channels": False},
    "w2a2_channels": {"weights": 2, "activations": 2, "powers": False, "channels": True},
    "w2a2_powers": {"weights": 2, "activations": 2, "powers": True, "channels": False},
    "w3a4_powers_channels": {"weights": 3, "activations": 4, "powers": True, "channels": True},
    "w4a3_channels": {"weights": 4, "activations": 3, "powers": False, "channels": True},
}

CASES = [
    (kind, scheme) for kind in SIZES for scheme in SCHEMES if kind == "cnv" or scheme != "w1a1"
]


def network(kind: str, scheme: str, form: str, **options: Any) -> onnx.ModelProto:
    quantizers = Scheme(**SCHEMES[scheme])

    def build() -> Cnv | ResNet:
        if kind == "cnv":
            return Cnv(quantizers, (6, 6, 8, 8), (12,))
        return ResNet(quantizers, 6, SIZES[kind])

    return exported(trained(build, SIZES[kind]), SIZES[kind], form, **options)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize(("kind", "scheme"), CASES)
def test_every_code_of_a_qonnx_export(kind: str, scheme: str, dynamo: bool) -> None:
    found = qonnx_check.compare(
        network(kind, scheme, "qonnx", dynamo=dynamo), [frames(1, SIZES[kind])]
    )
    assert found.elements.keys() == found.oracle.codes.keys()
    assert found.total == CODES[kind]


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize(("kind", "scheme"), [c for c in CASES if c[1] != "w1a1"])
def test_every_code_of_a_qcdq_export(kind: str, scheme: str, dynamo: bool) -> None:
    """Fewer than 8 bits are a Clip between QuantizeLinear and DequantizeLinear."""
    model = network(kind, scheme, "qcdq", dynamo=dynamo)
    feed = {model.graph.input[0].name: frames(1, SIZES[kind])}
    assert qdq_models.compare(model, feed) == (CODES[kind], 0)


@pytest.mark.parametrize(
    ("kind", "scheme", "form", "verify"),
    [
        ("cnv", "w1a1", "qonnx", "csim"),
        pytest.param("resnet", "w4a3_channels", "qonnx", "csim", marks=pytest.mark.slow),
        pytest.param("cnv", "w2a2_channels", "qonnx", "all", marks=pytest.mark.slow),
        pytest.param("resnet", "w2a2_powers", "qcdq", "all", marks=pytest.mark.slow),
    ],
)
def test_the_engines_equal_the_simulator(kind: str, scheme: str, form: str, verify: str) -> None:
    """Nothing is calibrated, so nothing warns."""
    compiled = qfxc.compile(network(kind, scheme, form), "ultra96", verify=verify, frames=4)
    proofs = compiled.report["verification"]
    assert [p["equal"] for p in proofs] == [True] * {"csim": 1, "all": 3}[verify]
    assert compiled.warnings == ()
