"""Every layer that the other networks do not have, exported: torch equals the integers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qfxc import nn as qnn
from qfxc.errors import UserError
from qfxc.nn.export import export
from qfxc.run import Model
from qonnx_check import integer_graph

FRAMES = 60


class Of(nn.Module):
    """A convolution that gives 4 channels, and what is tested behind it."""

    def __init__(self, what: Callable[..., Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding="same")
        self.second = nn.Conv2d(3, 4, 1)
        self.layers = nn.ModuleList(layers)
        self.what = what

    def forward(self, x: Tensor) -> Tensor:
        return self.what(self.first(x), self.second(x), *self.layers)


CASES: dict[str, Of] = {}


def case(name: str, what: Callable[..., Tensor], *layers: nn.Module) -> None:
    torch.manual_seed(0)
    CASES[name] = Of(what, *layers)


case("relu6", lambda x, y: F.relu6(x) + y)
case("sigmoid", lambda x, y: torch.sigmoid(x) - y)
case("tanh", lambda x, y: torch.tanh(x) * y)
case("gelu", lambda x, y: F.gelu(x + y))
case("silu", lambda x, y: torch.cat([F.silu(x), y], 1))
case("concat", lambda x, y: torch.cat([x, F.relu(y), x], 1))
case("twice", lambda x, y: x + x)
case("transposed", lambda x, y, up: up(x), nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1))
case("grouped", lambda x, y, up: up(x), nn.ConvTranspose2d(4, 4, 2, 2, groups=2, bias=False))
case("dilated", lambda x, y, c: c(x), nn.Conv2d(4, 6, 3, dilation=2, groups=2, padding=1))
case("average", lambda x, y, a: a(x), nn.AvgPool2d(3, 2, 1, count_include_pad=False))
case("maximum", lambda x, y, m: m(x), nn.MaxPool2d(3, 2, 1))
case("slope", lambda x, y, p: p(x), nn.PReLU())
case("mean", lambda x, y: torch.flatten(x.mean((2, 3), keepdim=True), 1))
case("view", lambda x, y, d, m: m(d(x).view(x.size(0), -1)), nn.Dropout2d(), nn.Linear(144, 5))


def compared(model: torch.fx.GraphModule, x: Tensor) -> int:
    """How many different outputs there are, all equal to the integer graph's."""
    with torch.no_grad():
        expected = model(x).double().numpy()
    graph = integer_graph(export(model, x[:1]), [x[:1].numpy()])
    (got,) = Model(graph, graph).run(x.numpy()).real.values()
    assert (got == expected).all()
    return len(np.unique(expected))


@pytest.mark.parametrize("name", CASES)
def test_layer(name: str) -> None:
    x = torch.randn(FRAMES, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    model = qnn.prepare(CASES[name], qnn.Config(weight_bits=5, activation_bits=6))
    qnn.calibrate(model, [x])
    assert compared(model.eval(), x) > 10


@pytest.mark.parametrize("widths", ["layer", "channel"])
def test_trained_widths(widths: str) -> None:
    x = torch.randn(FRAMES, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    model = qnn.prepare(CASES["dilated"], qnn.Config(k_ones=2, train_wbit=widths))
    qnn.calibrate(model, [x])
    for cast in (m for m in model.modules() if isinstance(m, qnn.Cast)):
        if isinstance(cast.wbit, Tensor):
            with torch.no_grad():
                cast.wbit.sub_(torch.arange(float(cast.wbit.numel())).reshape(cast.wbit.shape))
    assert compared(model.eval(), x) > 10


@pytest.mark.parametrize("projection", [qnn.KOnes(1, qnn.Rule.SIGNED), qnn.DeepShift(4)], ids=str)
def test_projections(projection: qnn.KOnes | qnn.DeepShift) -> None:
    x = torch.randn(FRAMES, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    model = qnn.prepare(CASES["dilated"])
    model.get_submodule("first").project = qnn.Project(projection)
    qnn.calibrate(model, [x])
    assert compared(model.eval(), x) > 10


def test_averages_in_ceil_mode_are_refused() -> None:
    model = qnn.prepare(nn.Sequential(nn.AvgPool2d(2, ceil_mode=True)))
    with pytest.raises(UserError, match="an average with ceil_mode") as caught:
        export(model.eval(), torch.zeros(1, 1, 3, 3))
    assert caught.value.where == "_0"
