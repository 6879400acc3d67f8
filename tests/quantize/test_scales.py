"""Steps at joins: equal for Concat, multiples for Add, never smaller than asked."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfxc.ir.graph import Node
from qfxc.ir.types import Real, exact
from qfxc.ops.const import const_value, real_const
from qfxc.ops.input import Input
from qfxc.ops.mul import Mul
from qfxc.quantize.factors import on_grid
from qfxc.quantize.placement import Placement
from qfxc.quantize.scales import JOIN_BITS, align, cheap_steps

STEP = st.fractions(Fraction(1, 4096), 16, max_denominator=4096).filter(lambda s: s > 0)


def placement(joined: list[tuple[str, str]], equal: list[tuple[str, str]]) -> Placement:
    return Placement((), frozenset(), tuple(joined), tuple(equal))


@given(a=STEP, b=STEP, c=STEP)
def test_add_inputs_become_multiples_of_one_unit(a: Fraction, b: Fraction, c: Fraction) -> None:
    steps = {"a": a, "b": b, "c": c}
    out = align(steps, placement([("a", "b"), ("b", "c")], []))
    limit = 1 + Fraction(1, 1 << JOIN_BITS)
    assert all(steps[n] <= out[n] <= steps[n] * limit for n in steps)
    smallest = min(out.values())
    for step in out.values():
        assert (step / smallest * (1 << JOIN_BITS) * 2).denominator <= 2


@given(a=STEP, b=STEP)
def test_concat_inputs_become_equal(a: Fraction, b: Fraction) -> None:
    out = align({"a": a, "b": b}, placement([], [("a", "b")]))
    assert out == {"a": max(a, b), "b": max(a, b)}


@given(b=STEP)
def test_pixels_keep_their_step(b: Fraction) -> None:
    out = align({"x": Fraction(1), "b": b}, placement([("x", "b")], []), ["x"])
    assert out["x"] == 1
    assert out["b"] >= b


def test_untouched_without_joins() -> None:
    steps = {"a": Fraction(1, 3), "b": Fraction(2, 7)}
    assert align(steps, placement([], [])) == steps


def ones(value: Fraction) -> int:
    """Signed powers of two in the numerator of a number: digits of its canonical form."""
    n, count = value.numerator, 0
    while n:
        if n & 1:
            n -= 2 - (n & 3)
            count += 1
        n >>= 1
    return count


@given(a=STEP, b=STEP, c=STEP, most=st.integers(1, 3))
def test_multiples_of_few_powers_of_two(a: Fraction, b: Fraction, c: Fraction, most: int) -> None:
    """Growth: to the next power of two; by 6/5 at most from 20 to 24 units; from 21 to 22."""
    steps = {"a": a, "b": b, "c": c}
    out = align(steps, placement([("a", "b"), ("b", "c")], []), ones=most)
    growth = {1: Fraction(2), 2: Fraction(6, 5), 3: Fraction(11, 10)}[most]
    assert all(steps[n] <= out[n] <= steps[n] * growth for n in steps)
    units = [min(out.values()) / m for m in range(1, 64) if ones(Fraction(m)) <= most]
    assert any(
        all((s / u).denominator == 1 and ones(s / u) <= most for s in out.values()) for u in units
    )


@given(a=STEP, b=STEP, most=st.integers(1, 3))
def test_factors_of_a_join_are_short_in_lowest_terms(a: Fraction, b: Fraction, most: int) -> None:
    out = align({"a": a, "b": b}, placement([("a", "b")], []), ones=most)
    ratio = out["a"] / out["b"]
    assert max(ones(ratio), ones(1 / ratio)) <= most


@given(a=STEP, b=STEP, low=STEP, most=st.integers(1, 3))
def test_rescales_of_few_powers_of_two(a: Fraction, b: Fraction, low: Fraction, most: int) -> None:
    """A product that only its quantizer reads: its step becomes ``a b 2**e / p``, p of few ones."""
    x, y = (Node(Input((4,), Real()), (), name) for name in "xy")
    product = Node(Mul(), (x, y), "product")
    points = Placement((x, y, product), frozenset(), (), ())
    steps = {"x": a, "y": b, "product": low}
    out = cheap_steps(steps, points, most)
    assert (out["x"], out["y"]) == (a, b)
    assert ones(a * b / out["product"]) <= most
    assert low <= out["product"] <= low * (1 + Fraction(1, {1: 1, 2: 5, 3: 10}[most]))


@pytest.mark.parametrize(
    ("most", "wanted"),
    [(0, Fraction(205, 2048)), (1, Fraction(1, 8)), (2, Fraction(3, 32)), (3, Fraction(13, 128))],
)
def test_factors_of_few_powers_of_two(most: int, wanted: Fraction) -> None:
    """0.1 in 8 bits is 205 / 2048. One power: 128 and 256 are 77 and 51 away. Two: 192 is nearest
    (13), three: 208 (128 + 64 + 16; 3 away; 204 is 256 - 64 + 12, four of them)."""
    factor = on_grid(real_const(np.array(0.1), "c"), Fraction(1), 8, most)
    assert exact(float(const_value(factor))) == wanted
