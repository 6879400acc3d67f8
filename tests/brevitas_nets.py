"""Networks built with Brevitas, as its users build them, and their QONNX and QCDQ exports."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import brevitas.nn as qnn
import numpy as np
import onnx
import torch
from brevitas.core.restrict_val import RestrictValueType
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFixedPointMSE,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFixedPoint,
    Int8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
    Uint8ActPerTensorFixedPoint,
    Uint8ActPerTensorFloat,
)
from torch import nn

torch.set_num_threads(1)

Array = np.ndarray[Any, Any]


class Scheme:
    """What quantizers a network has: bits of weights and activations, powers of two, channels."""

    def __init__(self, weights: int, activations: int, *, powers: bool, channels: bool) -> None:
        self.bits = {"weight_bit_width": weights} if weights > 1 else {}
        self.weights = {
            (False, False): Int8WeightPerTensorFloat,
            (False, True): Int8WeightPerChannelFloat,
            (True, False): Int8WeightPerTensorFixedPoint,
            (True, True): Int8WeightPerChannelFixedPointMSE,
        }[powers, channels]
        if weights == 1:
            self.weights = SignedBinaryWeightPerTensorConst
        self.activations, self.powers = activations, powers

    def conv(self, *sizes: int, **options: Any) -> nn.Module:
        return qnn.QuantConv2d(
            *sizes, bias=False, weight_quant=self.weights, **self.bits, **options
        )

    def dense(self, inputs: int, outputs: int) -> nn.Module:
        return qnn.QuantLinear(inputs, outputs, bias=False, weight_quant=self.weights, **self.bits)

    def signed(self) -> nn.Module:
        if self.activations == 1:
            return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)
        kind = Int8ActPerTensorFixedPoint if self.powers else Int8ActPerTensorFloat
        return qnn.QuantIdentity(act_quant=kind, bit_width=self.activations)

    def relu(self) -> nn.Module:
        kind = Uint8ActPerTensorFixedPoint if self.powers else Uint8ActPerTensorFloat
        return qnn.QuantReLU(act_quant=kind, bit_width=self.activations)


def first_quantizer() -> nn.Module:
    """Images in -1..1 as 8-bit codes of 2**-7, as the CNV of FINN's examples has them."""
    return qnn.QuantIdentity(
        act_quant=Int8ActPerTensorFixedPoint,
        bit_width=8,
        min_val=-1.0,
        max_val=1.0 - 2.0**-7,
        restrict_scaling_type=RestrictValueType.POWER_OF_TWO,
    )


class Cnv(nn.Module):
    """Convolutions without padding, BatchNorm, signed activations, max pooling, dense layers."""

    def __init__(self, scheme: Scheme, widths: tuple[int, ...], dense: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = [first_quantizer()]
        last = 3
        for index, width in enumerate(widths):
            layers += [scheme.conv(last, width, 3), nn.BatchNorm2d(width, eps=1e-4)]
            layers += [scheme.signed()]
            layers += [nn.MaxPool2d(2)] if index in (1, 3) else []
            last = width
        layers += [nn.Flatten(1)]
        for width in dense:
            layers += [scheme.dense(last, width), nn.BatchNorm1d(width, eps=1e-4)]
            layers += [scheme.signed()]
            last = width
        self.layers = nn.Sequential(*layers, scheme.dense(last, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Block(nn.Module):
    """A residual block whose two sides have one quantizer, as an integer addition needs it."""

    def __init__(self, scheme: Scheme, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        shared = scheme.signed()
        self.main = nn.Sequential(
            scheme.conv(inside, outside, 3, padding=1, stride=stride),
            nn.BatchNorm2d(outside),
            scheme.relu(),
            scheme.conv(outside, outside, 3, padding=1),
            nn.BatchNorm2d(outside),
            shared,
        )
        side: list[nn.Module] = []
        if stride > 1:
            side = [scheme.conv(inside, outside, 1, stride=stride), nn.BatchNorm2d(outside)]
        self.side = nn.Sequential(*side, shared)
        self.relu = scheme.relu()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.main(x) + self.side(x))


class ResNet(nn.Module):
    """Two residual blocks, the second with stride; average pooling; a dense layer."""

    def __init__(self, scheme: Scheme, width: int, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            first_quantizer(),
            scheme.conv(3, width, 3, padding=1),
            nn.BatchNorm2d(width),
            scheme.relu(),
            Block(scheme, width, width, 1),
            Block(scheme, width, 2 * width, 2),
            nn.AvgPool2d(size // 2),
            qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat),
            nn.Flatten(1),
            scheme.dense(2 * width, 10),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def images(count: int, size: int) -> torch.Tensor:
    return torch.rand(count, 3, size, size) * 2 - 1


def trained(build: Any, size: int, steps: int = 5) -> nn.Module:
    """A few steps of training on noise: scales, means and variances are no round numbers."""
    torch.manual_seed(0)
    net: nn.Module = build()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    net.train()
    for _ in range(steps):
        loss = nn.functional.cross_entropy(net(images(8, size)), torch.randint(0, 10, (8,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def exported(net: nn.Module, size: int, form: str = "qonnx", **options: Any) -> onnx.ModelProto:
    """Through a file. ``form``: qonnx or qcdq; options: those of torch.onnx.export."""
    export = {"qonnx": export_qonnx, "qcdq": export_onnx_qcdq}[form]
    options = {"dynamo": False, **options}
    if options["dynamo"]:
        options["verbose"] = False
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        path = Path(folder) / "net.onnx"
        export(net, args=images(1, size), export_path=str(path), **options)
        return onnx.load(path)


def frames(count: int, size: int) -> Array:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(count, 3, size, size, generator=generator) * 2 - 1).numpy()
