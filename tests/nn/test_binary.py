"""Binary and ternary weights, activations of a few odd levels: integer codes, exactly."""

from __future__ import annotations

from fractions import Fraction
from math import frexp

import numpy as np
import pytest
import torch
from torch import Tensor

from qfxc.errors import UserError
from qfxc.ir.rounding import AP_ROUNDING, Rounding
from qfxc.nn.binary import BinaryWeight, Bipolar, Scale, TernaryWeight, TwoBit
from qfxc.nn.format import Format


def weights(channels: int = 5, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    size = torch.tensor([0.02, 0.3, 1.0, 4.0, 0.5])[:channels, None, None, None]
    return torch.randn(channels, 3, 3, 3, generator=generator) * size


def grid(format: Format, w: Tensor) -> Tensor:
    """Codes of ``w`` in a format, per channel of axis 0."""
    fbit = torch.tensor(format.fbit, dtype=torch.float64).reshape(-1, 1, 1, 1)
    return w.double() * torch.exp2(fbit)


def test_zero_has_the_sign_one() -> None:
    w = torch.tensor([[0.0, -0.0, 0.1, -0.1, 1e-30, -1e-30]])
    assert BinaryWeight()(w).tolist() == [[1, 1, 1, -1, 1, -1]]


def test_gradients_reach_weights_within_the_clip() -> None:
    w = torch.tensor([[-1.4, -1.3, 0.0, 1.3, 1.31]], requires_grad=True)
    BinaryWeight()(w).backward(torch.tensor([[1.0, 2, 3, 4, 5]]))
    assert w.grad is not None
    assert w.grad.tolist() == [[0, 2, 3, 4, 0]]


def test_gradients_are_scaled_as_the_signs_are() -> None:
    w = torch.tensor([[0.3, -0.2], [1.0, -1.1]], requires_grad=True)
    # means 0.25 and 1.05: powers 1/4 and 1
    BinaryWeight(Scale.POWER)(w).backward(torch.ones(2, 2))
    assert w.grad is not None
    assert w.grad.tolist() == [[0.25, 0.25], [1, 1]]


@pytest.mark.parametrize("kind", [BinaryWeight, TernaryWeight])
def test_powers_are_the_nearest_in_the_logarithm(kind: type[BinaryWeight]) -> None:
    w = weights()
    quantizer = kind("power")
    scales = quantizer.scales(w)
    kept = quantizer.signs(w) != 0
    for channel, scale in enumerate(scales.tolist()):
        assert frexp(scale)[0] == 0.5
        mean = w[channel].double().abs()[kept[channel]].mean().item()
        assert abs(np.log2(mean) - np.log2(scale)) <= 0.5


@pytest.mark.parametrize("kind", [BinaryWeight, TernaryWeight])
@pytest.mark.parametrize("scale", Scale)
def test_format_holds_every_weight(kind: type[BinaryWeight], scale: Scale) -> None:
    w = weights()
    quantizer = kind(scale)
    format, made = quantizer.format(w), quantizer(w)
    codes = grid(format, made)
    assert (codes == codes.round()).all()
    assert codes.min() >= format.lo
    assert codes.max() <= format.hi
    assert (made.double() == quantizer.signs(w) * quantizer.scales(w).reshape(-1, 1, 1, 1)).all()
    assert len({abs(v) for v in made[0].flatten().tolist()}) == kind.levels - 1


def test_fixed_scales_are_means_of_so_many_bits() -> None:
    w = weights()
    scales = BinaryWeight("fixed", scale_bits=6).scales(w)
    means = w.double().abs().mean(dim=(1, 2, 3))
    # the largest mean is 2.6..3.7, so 2 integer bits and steps of 1/16
    assert 2 <= means.max() < 4
    assert ((scales - means).abs()[1:] <= 1 / 32).all()
    assert (scales * 16 == (scales * 16).round()).all()
    assert scales[0] == 1 / 16, "no scale is 0"


def test_ternary_threshold() -> None:
    # mean 0.5, so 0 up to 0.35; the scale is the mean of 1 and 0.6
    w = torch.tensor([[1.0, -0.6, 0.3, -0.1]])
    assert TernaryWeight().signs(w).tolist() == [[1, -1, 0, 0]]
    assert TernaryWeight("power").scales(w).tolist() == [1.0]
    assert TernaryWeight("fixed", scale_bits=4).scales(w).tolist() == [0.8125]  # 13/16 of 0.8


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@pytest.mark.parametrize("mode", AP_ROUNDING)
def test_codes_are_the_rounded_rationals(bits: int, mode: str) -> None:
    x = torch.arange(-300, 301) / 256
    got = Bipolar(bits, mode).codes(x).tolist()
    top = 2**bits - 1
    rounding: Rounding = AP_ROUNDING[mode]
    for code, value in zip(got, x.tolist(), strict=True):
        u = Fraction(top, 2) * (Fraction(value) + 1)
        assert code == min(max(rounding.round(u), 0), top)


def test_levels_of_two_bits() -> None:
    x = torch.tensor([-9.0, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 9])
    # 1.5 (x + 1): -12 0 0.75 1.125 1.5 1.875 2.25 3 15
    assert TwoBit().codes(x).tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 3]
    assert (TwoBit()(x) * 4).tolist() == [-3, -3, -1, -1, 1, 1, 1, 3, 3]
    assert TwoBit("RND_MIN_INF").codes(torch.zeros(1)).tolist() == [1]
    assert TwoBit(unit=1.0)(x).tolist() == [-3, -3, -1, -1, 1, 1, 1, 3, 3]


def test_one_bit_is_the_sign() -> None:
    assert Bipolar(1, unit=1.0)(torch.tensor([-2.0, -0.01, 0, 0.01])).tolist() == [-1, -1, 1, 1]


def test_activation_gradient() -> None:
    x = torch.tensor([-1.01, -1, 0.2, 1, 1.5], requires_grad=True)
    TwoBit()(x).backward(torch.ones(5))
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0.75, 0.75, 0.75, 0]


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UserError, match="9 bits of a bipolar activation"):
        Bipolar(9)
    with pytest.raises(UserError, match=r"unit 0\.3 of a bipolar activation"):
        TwoBit(unit=0.3)


def test_levels_keep_their_format() -> None:
    levels = TwoBit()
    levels.cast.unfreeze()
    assert not any(p.requires_grad for p in levels.parameters())
    assert str(levels.cast.format()) == "3.2"
