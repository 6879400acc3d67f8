"""Sums of few powers of two: optimal, inside their range, the same in numpy and PyTorch."""

from __future__ import annotations

from functools import cache
from itertools import combinations, product
from math import log2

import numpy as np
import pytest
import torch

from qfxc.errors import UserError
from qfxc.ir.rounding import Rounding
from qfxc.nn.format import Format, Overflow
from qfxc.nn.kones import Project, project_codes
from qfxc.quantize.kones import Apot, DeepShift, KOnes, Projection, Rule, parse

ALL: list[Projection] = [
    *(KOnes(k, rule) for k in (1, 2, 3) for rule in Rule),
    *(DeepShift(b) for b in (2, 3, 4, 5)),
    *(Apot(b) for b in (2, 3, 4)),
]
RANGES = [(-512, 511), (-511, 511), (0, 1023), (0, 255), (-128, 127), (-64, 63)]


@cache
def sums(ones: int, signed: bool) -> tuple[int, ...]:
    """All sums of at most ``ones`` different powers up to 2**11, by enumeration."""
    signs = (1, -1) if signed else (1,)
    found = {
        abs(sum(s << e for s, e in zip(sign, chosen, strict=True)))
        for count in range(ones + 1)
        for chosen in combinations(range(12), count)
        for sign in product(signs, repeat=count)
    }
    return tuple(sorted(found))


@pytest.mark.parametrize(("lo", "hi"), [(-512, 511), (-511, 511), (0, 1023)])
@pytest.mark.parametrize("ones", [1, 2, 3])
@pytest.mark.parametrize("rule", [Rule.NEAREST, Rule.SIGNED])
def test_no_code_of_ten_bits_has_a_nearer_sum(lo: int, hi: int, ones: int, rule: Rule) -> None:
    codes = np.arange(lo, hi + 1)
    got = KOnes(ones, rule).codes(codes, lo, hi)
    magnitudes = np.array(sums(ones, rule is Rule.SIGNED))
    allowed = np.unique(np.concatenate([magnitudes, -magnitudes]))
    allowed = allowed[(allowed >= lo) & (allowed <= hi)]
    assert np.isin(got, allowed).all()
    best = np.abs(codes[:, None] - allowed[None]).min(axis=1)
    assert (np.abs(got - codes) == best).all()


@pytest.mark.parametrize("ones", [1, 2, 3])
def test_trunc_keeps_leading_ones(ones: int) -> None:
    codes = np.arange(-512, 512)
    got = KOnes(ones, Rule.TRUNC).codes(codes, -512, 511)
    for code, kept in zip(codes.tolist(), got.tolist(), strict=True):
        digits = bin(abs(code))[2:]
        places = [i for i, digit in enumerate(digits) if digit == "1"][:ones]
        expected = sum(1 << (len(digits) - 1 - i) for i in places)
        assert kept == (expected if code >= 0 else -expected)


# Means over 0..1023 where 1024 is a code, too (QFX names the rules and gives no figures; these
# were computed once by enumeration). Saturated at 1023, NEAREST loses at the upper end.
MEANS = {
    Rule.TRUNC: ("170.167", "56.393", "18.482"),
    Rule.NEAREST: ("85.333", "28.441", "9.469"),
    Rule.SIGNED: ("85.333", "14.217", "2.340"),
}
SATURATED = {Rule.NEAREST: ("149.083", "44.316", "13.406"), Rule.SIGNED: ("149.083", "14.217")}


@pytest.mark.parametrize("rule", Rule)
def test_mean_error(rule: Rule) -> None:
    codes = np.arange(1024)

    def means(hi: int) -> tuple[str, ...]:
        found = (KOnes(k, rule).codes(codes, 0, hi) for k in (1, 2, 3))
        return tuple(f"{np.abs(got - codes).mean():.3f}" for got in found)

    assert means(2047) == MEANS[rule]
    expected = SATURATED.get(rule, MEANS[rule])
    assert means(1023)[: len(expected)] == expected


@pytest.mark.parametrize("bits", [2, 3, 4, 5])
def test_deep_shift_rounds_the_logarithm(bits: int) -> None:
    codes = np.arange(-512, 512)
    got = DeepShift(bits).codes(codes, -512, 511)
    least = max(0, 8 - (2 ** (bits - 1) - 1))
    for code, shifted in zip(codes.tolist(), got.tolist(), strict=True):
        exponent = min(max(round(log2(max(abs(code), 1))), least), 8)
        assert shifted == (-(2**exponent) if code < 0 else 2**exponent)


def test_apot_levels_are_those_of_the_paper() -> None:
    assert [int(v) for v in Apot(2).levels(7)] == [0, 1, 2, 4]
    assert [int(v) for v in Apot(3).levels(15)] == [0, 1, 2, 3, 4, 6, 8, 10]
    # 48ths: 1/48, 1/24, 1/16, 1/12, 1/8, 1/6, 3/16, 1/4, 1/3, 3/8, 1/2, 2/3, 11/16, 3/4, 1
    expected = [0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48]
    assert [int(v) for v in Apot(4).levels(63)] == expected
    assert [int(v) for v in Apot(4).levels(255)] == [4 * v for v in expected]


def test_apot_takes_the_nearest_level() -> None:
    codes = np.arange(-128, 128)
    levels = Apot(4).levels(127)
    got = Apot(4).codes(codes, -128, 127)
    best = np.abs(np.abs(codes)[:, None] - levels[None]).min(axis=1)
    assert (np.abs(np.abs(got) - np.abs(codes)) == best).all()
    # 5 * 2 = 10 lies between 8 and 12: the smaller
    assert got[128 + 10] == 8
    assert got[128 - 10] == -8


@pytest.mark.parametrize("projection", ALL, ids=str)
@pytest.mark.parametrize(("lo", "hi"), RANGES)
def test_torch_equals_numpy(projection: Projection, lo: int, hi: int) -> None:
    codes = np.arange(lo - 3, hi + 4)
    expected = projection.codes(codes, lo, hi)
    assert (expected >= lo).all()
    assert (expected <= hi).all()
    assert (projection.codes(expected, lo, hi) == expected).all()
    got = project_codes(torch.from_numpy(codes), projection, lo, hi)
    assert got.dtype is torch.int64
    assert (got.numpy() == expected).all()


@pytest.mark.parametrize("projection", ALL, ids=str)
def test_torch_equals_numpy_on_wide_codes(projection: Projection) -> None:
    codes = np.random.default_rng(0).integers(-(2**31), 2**31, 4000)
    expected = projection.codes(codes, -(2**31), 2**31 - 1)
    got = project_codes(torch.from_numpy(codes), projection, -(2**31), 2**31 - 1)
    assert (got.numpy() == expected).all()


@pytest.mark.parametrize("projection", ALL, ids=str)
def test_text_is_read_back(projection: Projection) -> None:
    assert parse(str(projection)) == projection


def format_of(wbit: int, *fbit: int, axis: int | None = None, **more: tuple[int, ...]) -> Format:
    return Format(wbit, fbit, axis, True, Rounding.HALF_EVEN, Overflow.SAT, **more)


def test_module_keeps_grid_and_gradient() -> None:
    x = torch.tensor([[11.0, 7, -7], [0.75, 0.5, 1.25]], requires_grad=True)
    y = Project(KOnes(2))(x, format_of(8, 0, 3, axis=0))
    # in eighths: 6, 4, 10; 11 = 1011 -> 12 = 8 + 4 is nearer than 10? both 1 away: 10
    assert y.tolist() == [[10.0, 6, -6], [0.75, 0.5, 1.25]]
    y.backward(torch.tensor([[1.0, 2, 3], [4, 5, 6]]))
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 2, 3], [4, 5, 6]]


def test_channels_of_several_widths_saturate_by_themselves() -> None:
    x = torch.tensor([[7.0, -7, -8], [7.0, -7, -8]], dtype=torch.float64)
    y = Project(KOnes(1))(x, format_of(5, 0, 0, axis=0, narrow=(4, 5)))
    # 4 bits hold -8..7, so 7 becomes 4 (8 is beyond); 5 bits hold 8
    assert y.tolist() == [[4.0, -8, -8], [8.0, -8, -8]]
    assert y.dtype is torch.float64


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UserError, match="0 ones per weight"):
        KOnes(0)
    with pytest.raises(UserError, match=r"the levels of apot\{bits=4\} do not fit codes up to 7"):
        Apot(4).codes(np.arange(8), -8, 7)
    with pytest.raises(UserError, match="unknown projection kones"):
        parse("kones")
    with pytest.raises(ValueError, match=r"0\.\.5 is no range"):
        KOnes(1).codes(np.arange(3), 0, 5)
