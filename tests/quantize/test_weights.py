"""Weight quantization: symmetric codes, steps on the promised grid, small errors."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qfxc.quantize.weights import WeightOptions, quantize_weights


@pytest.mark.parametrize("powers", [False, True])
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 12, 16])
def test_codes_and_steps(bits: int, powers: bool) -> None:
    w = np.random.default_rng(bits).normal(size=(3, 3, 4, 6))
    unit = Fraction(7, 3)
    codes, elem = quantize_weights(w, WeightOptions(bits, powers=powers), unit)
    top = (1 << (bits - 1)) - 1
    assert np.abs(codes).max() <= top
    for step in elem.scale.channels(6):
        ratio = step / unit
        p = ratio.numerator
        assert ratio.denominator & (ratio.denominator - 1) == 0
        while p % 2 == 0:
            p //= 2
        assert p == 1 if powers else p < 1 << 8
    steps = np.array([float(s) for s in elem.scale.channels(6)])
    peak = np.abs(w).reshape(-1, 6).max(axis=0)
    error = np.abs(codes * steps - w).reshape(-1, 6)
    # half a step of the ideal grid, and what clipping or a power of two may add
    assert (error.mean(axis=0) < (1.3 if powers else 0.75) * peak / top).all()


def test_an_all_zero_channel_stays_zero() -> None:
    w = np.zeros((2, 3))
    w[:, 0] = [1.0, -0.5]
    codes, elem = quantize_weights(w, WeightOptions(8), Fraction(1))
    assert not codes[:, 1:].any()
    assert all(s > 0 for s in elem.scale.values)


def test_all_zero_weights() -> None:
    codes, elem = quantize_weights(np.zeros((4, 2)), WeightOptions(8), Fraction(1, 3))
    assert not codes.any()
    assert (elem.lo, elem.hi) == (0, 0)
