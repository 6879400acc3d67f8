"""Layers: in eval mode the integers of an oracle, in training the same up to float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from qfxc import nn as qnn
from qfxc.errors import UserError
from qfxc.ir.rounding import Rounding

Codes = NDArray[np.int64]
INPUT = qnn.Cast(8, 5.0)


def data(*shape: int) -> Tensor:
    """Numbers of the input's format, some of them its borders."""
    return INPUT(2 * torch.randn(shape, generator=torch.Generator().manual_seed(0))).detach()


def codes(x: Tensor, fbit: int) -> Codes:
    scaled = x.detach().double() * 2.0**fbit
    assert torch.equal(scaled, scaled.round()), "no numbers of this format"
    return scaled.long().numpy()


def cast(numerator: Codes, fbit: int, to: qnn.Cast, denominator: int = 1) -> Tensor:
    """``numerator / denominator * 2**-fbit`` cast, in integers."""
    format = to.format()
    shift = fbit - format.fbit[0]
    num = numerator * 2 ** max(-shift, 0)
    code = format.rounding.divide(num, denominator * 2 ** max(shift, 0))
    return torch.from_numpy(np.clip(code, format.lo, format.hi)) * 2.0 ** -format.fbit[0]


def products(layer: Any, x: Tensor, op: Callable[[Tensor, Tensor], Tensor]) -> tuple[Codes, int]:
    """Sums of integer products plus the bias, with their fraction bits: 20 more than the input's.

    float64 holds these integers, whatever the order of summation.
    """
    weight = torch.from_numpy(codes(layer.quantized_weight(), 20)).double()
    total = op(torch.from_numpy(codes(x, 5)).double(), weight)
    assert total.abs().max() < 2**52
    made = total.long().numpy()
    bias = layer.quantized_bias()
    if bias is not None:
        shape = [1, -1] + [1] * (made.ndim - 2)
        made = made + codes(bias, 25).reshape(shape)
    return made, 25


DENSE: list[tuple[str, Any, tuple[int, ...], Callable[[Tensor, Tensor], Tensor]]] = [
    (
        "conv",
        lambda c: qnn.Conv2d(3, 6, 3, padding=1, config=c),
        (2, 3, 7, 7),
        lambda x, w: F.conv2d(x, w, padding=1),
    ),
    (
        "stride",
        lambda c: qnn.Conv2d(4, 6, 3, 2, groups=2, bias=False, config=c),
        (2, 4, 9, 9),
        lambda x, w: F.conv2d(x, w, stride=2, groups=2),
    ),
    (
        "depthwise",
        lambda c: qnn.Conv2d(4, 4, 5, padding="same", groups=4, config=c),
        (2, 4, 6, 6),
        lambda x, w: F.conv2d(x, w, padding="same", groups=4),
    ),
    (
        "conv1d",
        lambda c: qnn.Conv1d(5, 3, 3, dilation=2, config=c),
        (2, 5, 11),
        lambda x, w: F.conv1d(x, w, dilation=2),
    ),
    (
        "transposed",
        lambda c: qnn.ConvTranspose2d(4, 6, 3, 2, 1, 1, config=c),
        (2, 4, 5, 5),
        lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1),
    ),
    ("linear", lambda c: qnn.Linear(40, 7, config=c), (5, 40), F.linear),
]
"""name, layer, shape of the input, operation."""
CONFIGS = [
    qnn.Config(),
    qnn.Config(weight_bits=3, activation_bits=5, per_channel=False, rounding="RND_CONV"),
    qnn.Config(activation_bits=16, bias_bits=10, rounding="TRN", overflow="SAT_SYM"),
    qnn.Config(weight_bits=6, k_ones=1, rounding="RND_ZERO"),
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(("make", "shape", "op"), [c[1:] for c in DENSE], ids=[c[0] for c in DENSE])
@pytest.mark.parametrize("linked", [True, False])
def test_sums_are_the_integers(
    make: Any, shape: tuple[int, ...], op: Any, config: qnn.Config, linked: bool
) -> None:
    torch.manual_seed(1)
    layer, x = make(config), data(*shape)
    layer.sources = (INPUT,) if linked else ()
    trained = layer(x)
    layer.eval()
    expected = cast(*products(layer, x, op), layer.cast)
    assert torch.equal(layer(x).double(), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(x).double(), expected)
    assert layer(x).dtype == torch.float32
    step = 2.0 ** -layer.cast.format().fbit[0]
    assert (
        trained - expected
    ).abs().max() <= step  # a sum next to a threshold may be on either side


@pytest.mark.parametrize("training", [True, False])
def test_layers_compile_without_graph_breaks(training: bool) -> None:
    torch.manual_seed(4)
    layers = (qnn.Conv2d(3, 4, 3), qnn.BatchNorm2d(4), qnn.ReLU(), qnn.PReLU(), qnn.AvgPool2d(2))
    model = nn.Sequential(*layers, qnn.Flatten(), qnn.Linear(36, 3)).train(training)
    compiled, x = torch.compile(model, fullgraph=True, backend="aot_eager"), data(2, 3, 8, 8)
    results = []
    for call in (model, compiled):
        model.zero_grad()
        y = call(x)
        y.sum().backward()
        results.append([y, *(p.grad for p in model.parameters())])
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, rtol=1e-4) if training else torch.equal(one, other)


def test_float32_is_used_where_it_is_exact() -> None:
    """Magnitudes of 7 + 7 bits and 2**10 products are 24 bits; one product more is too many."""
    for inputs, expected in ((1024, torch.float32), (1025, torch.float64)):
        layer = qnn.Linear(inputs, 2)
        assert layer.sum_bits() is None
        layer.sources = (qnn.Cast(8),)
        assert layer._sum_dtype(torch.zeros(1)) == expected


def test_more_than_53_bits_are_announced() -> None:
    layer = qnn.Linear(64, 2, config=qnn.Config(weight_bits=26)).eval()
    layer.sources = (qnn.Cast(24),)
    with pytest.warns(UserWarning, match="sums of 54 bits"):
        layer(torch.zeros(1, 64))


@pytest.mark.parametrize("config", CONFIGS[:3])
def test_batch_norm_is_one_product_and_one_sum(config: qnn.Config) -> None:
    torch.manual_seed(2)
    norm, x = qnn.BatchNorm2d(6, config=config), data(8, 6, 5, 5)
    with torch.no_grad():
        norm.weight.uniform_(-1, 2)
        norm.bias.normal_()
    for _ in range(3):
        norm(x)
    norm.eval()
    scale, offset = codes(norm.quantized_weight(), 20), codes(norm.quantized_bias(), 25)
    total = codes(x, 5) * scale[:, None, None] + offset[:, None, None]
    assert norm.cast is not None
    expected = cast(total, 25, norm.cast)
    assert torch.equal(norm(x).double(), expected)
    norm.train()
    norm.frozen = True
    before = norm.running_mean.clone()  # type: ignore[union-attr]
    assert torch.equal(norm(x).double(), expected)
    assert torch.equal(norm.running_mean, before)  # type: ignore[arg-type]


def test_batch_norm_trains_as_the_float_one_with_wide_formats() -> None:
    torch.manual_seed(3)
    config = qnn.Config(bn_bits=22, bias_bits=22, activation_bits=22)
    real, x = nn.BatchNorm2d(4), torch.randn(16, 4, 3, 3)
    ours = qnn.BatchNorm2d.from_float(nn.BatchNorm2d(4), config)
    with torch.no_grad():
        ours.weight_cast.fbit.sub_(2)  # room for scales above 1
    assert set(real.state_dict()) <= set(ours.state_dict())
    grads = []
    for norm in (real, ours):
        own = x.clone().requires_grad_()
        (norm(own) * torch.linspace(-1, 1, x.numel()).reshape(x.shape)).sum().backward()
        grads.append((own.grad, norm.weight.grad, norm.bias.grad, norm.running_var))
    for one, other in zip(*grads, strict=True):
        assert torch.allclose(one, other, atol=1e-3)


def test_the_offset_takes_the_rounded_scale_back() -> None:
    """With 2 bits of scale and a mean of 100 the mean of the output is still beta."""
    norm = qnn.BatchNorm1d(1, config=qnn.Config(bn_bits=2, bias_bits=20, activation_bits=16))
    norm.running_mean.fill_(100.0)  # type: ignore[union-attr]
    norm.running_var.fill_(3.0)  # type: ignore[union-attr]
    qnn.calibrate(norm, [torch.full((4, 1), 100.0)], method="max")
    assert abs(norm.eval()(torch.full((2, 1), 100.0))).max() < 1e-2


PLAIN: list[tuple[Any, Callable[[Codes], tuple[Codes, int]]]] = [
    (qnn.ReLU(), lambda q: (np.maximum(q, 0), 1)),
    (qnn.ReLU6(), lambda q: (np.clip(q, 0, 6 * 32), 1)),
    (qnn.AvgPool2d(3, 2), lambda q: (windows(q, 3, 2).sum((-1, -2)), 9)),
    (qnn.AdaptiveAvgPool2d(1), lambda q: (q.sum((2, 3), keepdims=True), 49)),
    (qnn.Add(), lambda q: (2 * q, 1)),
    (qnn.Sub(), lambda q: (q - q, 1)),
    (qnn.Concat(1), lambda q: (np.concatenate([q, q], 1), 1)),
]


def windows(q: Codes, size: int, stride: int) -> Codes:
    made = np.lib.stride_tricks.sliding_window_view(q, (size, size), (2, 3))
    return made[:, :, ::stride, ::stride]


@pytest.mark.parametrize("rounding", ["RND", "RND_CONV", "TRN_ZERO"])
@pytest.mark.parametrize(("layer", "op"), PLAIN, ids=[type(p[0]).__name__ for p in PLAIN])
def test_layers_without_weights(layer: Any, op: Any, rounding: str) -> None:
    x = data(2, 3, 7, 7)
    layer.add_casts(qnn.Config(activation_bits=6, rounding=rounding))
    inputs = [x] * (2 if isinstance(layer, (qnn.Add, qnn.Sub, qnn.Concat)) else 1)
    total, count = op(codes(x, 5))
    expected = cast(total, 5, layer.cast, count)
    assert torch.equal(layer.eval()(*inputs).double(), expected)
    layer.train()
    assert (layer(*inputs) - expected).abs().max() <= 2.0 ** -layer.cast.format().fbit[0]


def test_products_of_tensors() -> None:
    x, layer = data(2, 3, 4, 4), qnn.Mul().eval()
    assert layer.cast is not None
    assert torch.equal(layer(x, x).double(), cast(codes(x, 5) ** 2, 10, layer.cast))


def test_prelu_has_quantized_slopes() -> None:
    layer, x = qnn.PReLU(3).eval(), data(2, 3, 4, 4)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.1, 0.3, -0.2]))
    slope, q = codes(layer.quantized_weight(), 20)[:, None, None], codes(x, 5)
    assert layer.cast is not None
    assert torch.equal(
        layer(x).double(), cast(np.where(q >= 0, q << 20, q * slope), 25, layer.cast)
    )


@pytest.mark.parametrize("kind", [qnn.Sigmoid, qnn.Tanh, qnn.GELU, qnn.SiLU])
def test_tables_of_the_input(kind: Any) -> None:
    """All codes: a function of one number, rounded once; no value is within 1e-12 of a tie."""
    x = torch.arange(-128, 128) / 32.0
    layer = kind(config=qnn.Config(activation_bits=7)).eval()
    assert layer.cast is not None
    format = layer.cast.format()
    float_layer: nn.Module = getattr(nn, kind.__name__)()
    u = float_layer(x.double()) * 2.0 ** format.fbit[0]
    tie = ((u - 0.5) - torch.round(u - 0.5)).abs()
    assert (tie[u != torch.round(u * 2) / 2] > 1e-12).all()
    expected = torch.floor(u + 0.5).clamp(format.lo, format.hi) * 2.0 ** -format.fbit[0]
    assert torch.equal(layer(x).double(), expected)


def test_activations_that_are_never_negative_are_unsigned() -> None:
    for layer, signed in ((qnn.ReLU(), False), (qnn.Sigmoid(), False), (qnn.Tanh(), True)):
        assert layer.cast is not None
        assert layer.cast.signed is signed


def test_what_is_not_supported_says_so() -> None:
    with pytest.raises(UserError, match="padding mode reflect"):
        qnn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")
    with pytest.raises(UserError, match="adaptive average to 2"):
        qnn.AdaptiveAvgPool2d(2)
    assert Rounding.HALF_UP is qnn.Conv2d(1, 1, 1).cast.format().rounding  # type: ignore[union-attr]
