"""Steps at joins: equal for Concat, multiples for Add, never smaller than asked."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from qfxc.quantize.placement import Placement
from qfxc.quantize.scales import JOIN_BITS, align

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
