"""What PyTorch itself exports: every code is that of exact arithmetic, in all engines."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import qdq_models
import qfxc
import torch_nets as nets

FRAMES = 6

FAKE = 128 + 256 + 64 + 64 + 3
"""Quantizers of one frame: input, two convolutions, the join, the end."""

CONVERTED = {
    False: 128 + 2 * 256 + 64 + 2 * 64 + 64 + 4 + 3,
    True: 128 + 256 + 64 + 64 + 64 + 4 + 3,
}
"""By ``fused``: input; convolution, ReLU and pooling; convolution and ReLU; join, mean, end."""


@cache
def float_network(dynamo: bool) -> onnx.ModelProto:
    return nets.exported(nets.network(), dynamo)


def differing(model: onnx.ModelProto) -> tuple[int, int]:
    folded = nets.without_constant_nodes(model)
    feed = {folded.graph.input[0].name: nets.frames(FRAMES, 9).numpy()}
    return qdq_models.compare(folded, feed, "rescale")


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", [torch.quint8, torch.qint8], ids=str)
def test_fake_quantizers(kind: torch.dtype, per_channel: bool, fused: bool) -> None:
    """They become QuantizeLinear and DequantizeLinear, weights stay float in front of theirs."""
    model = nets.exported(nets.trained(kind, per_channel, fused))
    assert differing(model) == (FRAMES * FAKE, 0)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
def test_quantized_layers(per_channel: bool, fused: bool) -> None:
    """``torch.ao.quantization.convert``: codes of weights are stored, biases are computed."""
    net = nets.converted(nets.trained(torch.quint8, per_channel, fused))
    assert differing(nets.exported(net)) == (FRAMES * CONVERTED[fused], 0)


@pytest.mark.parametrize("style", qdq_models.STYLES)
@pytest.mark.parametrize("dynamo", [False, True])
def test_float_networks_behind_onnxruntimes_quantizer(
    dynamo: bool, style: str, tmp_path: Path
) -> None:
    model = float_network(dynamo)
    made = qdq_models.quantized(model, nets.frames(8).numpy(), style, tmp_path)
    total, wrong = differing(made)
    assert (total > 3000, wrong) == (True, 0)


@pytest.mark.parametrize("dynamo", [False, True])
def test_float_networks_are_calibrated(dynamo: bool) -> None:
    """8 bits stay near the float network, and the engines have one result."""
    net, x = nets.network(), nets.frames(64)
    compiled = qfxc.compile(float_network(dynamo), "ultra96", calib=x.numpy(), verify="csim")
    (proof,) = compiled.report["verification"]
    assert proof["equal"]
    with torch.no_grad():
        want = net(x).numpy()
    (got,) = compiled.simulate(x.numpy()).real.values()
    noise = np.square(got - want).mean() / want.var()
    assert 10 * np.log10(1 / noise) > 25


def test_quantized_layers_in_all_engines() -> None:
    """From torch's file to the hardware; onnxruntime, in float32, agrees on nearly every code."""
    model = nets.exported(nets.converted(nets.trained(torch.quint8, True, True)))
    x = nets.frames(50, 3).numpy()
    compiled = qfxc.compile(model, "ultra96", verify="all", frames=3)
    assert [proof["equal"] for proof in compiled.report["verification"]] == [True] * 3
    (got,) = compiled.simulate(x).real.values()
    session = onnxruntime.InferenceSession(model.SerializeToString())
    step = np.diff(np.unique(got)).min()
    want = np.concatenate(
        [session.run(None, {session.get_inputs()[0].name: f[None]})[0] for f in x]
    )
    assert np.abs(got - want).max() < 1.5 * step
    assert np.mean(np.abs(got - want) < 0.5 * step) > 0.95
