"""The cast: values against the ap_fixed headers and exact rationals, gradients against autograd."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ap_oracle import CASES, build, run
from qfxc import nn as qnn
from qfxc.errors import UserError
from qfxc.ir.rounding import AP_ROUNDING, Rounding
from qfxc.nn.format import Overflow, limits, rounding_of

DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()


def values() -> NDArray[np.float64]:
    """Ties, neighbours of ties, borders and random numbers, all of them float32."""
    rng = np.random.default_rng(0)
    codes = np.concatenate([np.arange(-40, 41), [127, 128, 129, 255, 256, 257, -127, -128, -129]])
    steps = 2.0 ** np.array([-9, -7, -4, -3, -2, -1, 0, 1, 2])
    grid = np.float32(np.outer(steps, codes / 4).ravel())
    near = [np.nextafter(grid, np.float32(s)) for s in (-np.inf, np.inf)]
    scales = 2.0 ** rng.integers(-12, 14, 300)
    many = np.concatenate([grid, *near, np.float32(rng.normal(0, 1, 300) * scales)])
    return np.unique(many[np.abs(many) > 1e-20]).astype(np.float64)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float64]:
    binary: Path = build(tmp_path_factory.mktemp("ap"))
    return run(binary, values())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_headers(oracle: NDArray[np.float64], dtype: torch.dtype, device: str) -> None:
    x = torch.from_numpy(values()).to(device, dtype)
    for ((wbit, fbit, signed), rounding, overflow), expected in zip(CASES, oracle, strict=True):
        if wbit > 24 and dtype == torch.float32:
            continue  # these numbers are no float32
        for f in (fbit, torch.tensor(float(fbit), device=device)):
            y = qnn.fixed(x, wbit, f, rounding, overflow, signed)
            wrong = y.cpu().double().numpy() != expected
            assert not wrong.any(), (wbit, fbit, signed, rounding, overflow, values()[wrong])


def exact(x: float, wbit: int, fbit: int, rounding: Rounding, overflow: Overflow) -> Fraction:
    """The definition, in rationals."""
    code = rounding.round(Fraction(x) * Fraction(2) ** fbit)
    lo, hi = (int(v) for v in limits(wbit, True, overflow))
    if overflow is Overflow.WRAP:
        code = (code - lo) % 2**wbit + lo
    elif overflow is Overflow.SAT_ZERO:
        code = code if lo <= code <= hi else 0
    else:
        code = min(max(code, lo), hi)
    return code / Fraction(2) ** fbit


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
def test_equals_rationals(rounding: Rounding, overflow: Overflow) -> None:
    x = torch.from_numpy(values()[::3]).float()
    y = qnn.fixed(x, 7, 3, rounding, overflow)
    assert [Fraction(v) for v in y.tolist()] == [
        exact(v, 7, 3, rounding, overflow) for v in x.tolist()
    ]


def test_large_numbers_saturate() -> None:
    x = torch.tensor([1e30, -1e30, math.inf, -math.inf, 3e38, 16777217.0])
    y = qnn.fixed(x, 8, 100, "RND", "SAT")
    assert y.tolist() == [math.ldexp(c, -100) for c in (127, -128, 127, -128, 127, 127)]


def test_formats_per_channel() -> None:
    x, f = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0)), [2, 5, -1]
    y = qnn.fixed(x, 6, torch.tensor(f).float().reshape(-1, 1), "RND_CONV", "SAT")
    for channel, fbit in enumerate(f):
        assert torch.equal(y[:, channel], qnn.fixed(x[:, channel], 6, fbit, "RND_CONV", "SAT"))


def test_fraction_bits_are_rounded_half_to_even() -> None:
    x = torch.linspace(-2, 2, 33)
    for real, whole in ((2.5, 2), (3.5, 4), (2.4, 2), (-0.6, -1)):
        y = qnn.fixed(x, 6, torch.tensor(real), "RND", "SAT")
        assert torch.equal(y, qnn.fixed(x, 6, whole, "RND", "SAT"))


def soft(x: Tensor, f: Tensor, rounding: Rounding, lo: float, hi: float) -> Tensor:
    """The cast with its rounding error as a constant: a function that autograd can take."""
    u = x * 2**f
    code = torch.tensor([rounding.round(Fraction(v)) for v in u.flatten().tolist()])
    residual = code.reshape(u.shape).double() - u.detach()
    return torch.clamp(u + residual, lo, hi) * 2**-f


@pytest.mark.parametrize("rounding", AP_ROUNDING)
@pytest.mark.parametrize("overflow", ["SAT", "SAT_SYM"])
def test_gradients_are_those_of_the_soft_version(rounding: str, overflow: str) -> None:
    rng = torch.Generator().manual_seed(1)
    x = (torch.randn(200, generator=rng).double() * 3).requires_grad_()
    f, weight = torch.tensor(3.0, requires_grad=True), torch.randn(200, generator=rng).double()
    lo, hi = limits(6, True, Overflow(overflow))
    made = qnn.fixed(x, 6, f, rounding, overflow, grad_scale=1.0)
    made.mul(weight).sum().backward()
    real = (x.detach().clone().requires_grad_(), torch.tensor(3.0).double().requires_grad_())
    same = soft(*real, rounding_of(rounding), lo, hi)
    same.mul(weight).sum().backward()
    assert torch.equal(made, same)
    assert torch.equal(x.grad, real[0].grad)  # type: ignore[arg-type]
    assert f.grad is not None
    assert real[1].grad is not None
    assert abs(f.grad - real[1].grad) < 1e-5 * abs(real[1].grad)


def test_soft_version_passes_gradcheck() -> None:
    """Away from steps the soft version is smooth: the formulas that it checks are derivatives."""
    x = torch.tensor([0.33, -1.7, 9.2, -9.9]).double().requires_grad_()
    f = torch.tensor(3.0).double().requires_grad_()
    u = (x * 2**f).detach()
    residual = torch.round(u) - u
    assert torch.autograd.gradcheck(
        lambda x, f: torch.clamp(x * 2**f + residual, -32, 31) * 2**-f, (x, f)
    )


def test_signs_of_gradients() -> None:
    """In range y - x = -1/16 falls with f; saturated, one more bit of fraction halves the range."""
    for x, expected in ((0.3125, math.log(2) / 16), (9.0, -math.log(2) * 31 / 8)):
        f = torch.tensor(3.0, requires_grad=True)
        y = qnn.fixed(torch.tensor([x]), 6, f, "TRN", "SAT", grad_scale=1.0)
        y.sum().backward()
        assert f.grad is not None
        assert abs(f.grad.item() - expected) < 1e-6


def test_gradient_scale_is_that_of_lsq() -> None:
    x = torch.randn(50, generator=torch.Generator().manual_seed(2))
    grads = []
    for scale in (None, 1.0):
        f = torch.tensor(3.0, requires_grad=True)
        qnn.fixed(x, 5, f, "RND", "SAT", grad_scale=scale).sum().backward()
        grads.append(f.grad)
    assert torch.allclose(grads[0] * math.sqrt(50 * 15), grads[1])


def test_wrapping_passes_all_gradients() -> None:
    x = torch.tensor([0.3, 100.0, -77.0], requires_grad=True)
    qnn.fixed(x, 6, 3, "TRN", "WRAP").sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1, 1]


def test_width_has_the_gradient_of_one_bit_fewer_at_the_same_range() -> None:
    x = torch.tensor([0.3, 1.0, 50.0])
    wbit = torch.tensor(6.0, requires_grad=True)
    qnn.fixed(x, wbit, 3, "RND", "SAT").sum().backward()
    fine, coarse = (qnn.fixed(x, w, f, "RND", "SAT") for w, f in ((6, 3), (5, 2)))
    assert wbit.grad is not None
    assert wbit.grad.item() == (fine - coarse).sum().item()


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_without_graph_breaks(backend: str) -> None:
    x = torch.randn(40, generator=torch.Generator().manual_seed(3))
    results = []
    for call in (qnn.fixed, torch.compile(qnn.fixed, fullgraph=True, backend=backend)):
        f, own = torch.tensor(3.0, requires_grad=True), x.clone().requires_grad_()
        y = call(own, 6, f, "RND", "SAT")
        y.square().sum().backward()
        results.append((y.detach(), own.grad, f.grad))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("device", DEVICES)
def test_autocast_changes_nothing(device: str) -> None:
    x = torch.randn(100, generator=torch.Generator().manual_seed(4)).to(device)
    f = torch.tensor(9.0, device=device)
    with torch.autocast(device, dtype=torch.bfloat16):
        y = qnn.fixed(x, 14, f, "RND", "SAT")
        half = qnn.fixed(x.bfloat16(), 14, f, "RND", "SAT")
    assert torch.equal(y, qnn.fixed(x, 14, f, "RND", "SAT"))
    assert half.dtype == torch.float32
    assert torch.equal(half, qnn.fixed(x.bfloat16().float(), 14, f, "RND", "SAT"))


def test_unknown_modes_are_named() -> None:
    with pytest.raises(UserError, match="unknown mode RNE") as error:
        qnn.fixed(torch.zeros(1), 8, 0, "RNE", "SAT")
    assert "RND_CONV" in error.value.hint
