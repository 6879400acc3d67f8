"""Programs of functions: enclosures against mpmath, floats against enclosures."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfxc.ir.enclosure import ENCLOSED, Unsettled, enclose
from qfxc.ir.function import MOST_STEPS, ON_FLOATS, X, apply, channels, compose, constant, run
from qfxc.ir.interval import Interval

DIGITS = 400

TRUTH: dict[str, Callable[[Any], Any]] = {
    "atan": mpmath.atan,
    "cos": mpmath.cos,
    "erf": mpmath.erf,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "sin": mpmath.sin,
    "sqrt": mpmath.sqrt,
    "tanh": mpmath.tanh,
}
POSITIVE = ("log", "sqrt")

numbers = st.fractions(min_value=-60, max_value=60, max_denominator=1 << 20)


def real(x: Fraction) -> Any:
    return mpmath.mpf(x.numerator) / x.denominator


def rational(x: Any) -> Fraction:
    sign, mantissa, exponent, _ = x._mpf_
    return Fraction(-mantissa if sign else mantissa) * Fraction(2) ** exponent


@pytest.mark.parametrize("name", TRUTH)
@settings(max_examples=60, deadline=None)
@given(x=numbers, digits=st.sampled_from([5, 30, 120]))
def test_an_enclosure_holds_the_true_value_and_little_else(
    name: str, x: Fraction, digits: int
) -> None:
    x = abs(x) + Fraction(1, 1 << 20) if name in POSITIVE else x
    low, high = enclose(apply(name, X), x, 0, digits)
    with mpmath.workdps(DIGITS):  # off by less than all that is compared
        truth = rational(TRUTH[name](real(x)))
    off = abs(truth) / 10**380
    assert low - off <= truth <= high + off
    assert high - low <= max(abs(truth), 1) / Fraction(10) ** (digits - 3)


@settings(max_examples=60, deadline=None)
@given(x=st.fractions(0, 40, max_denominator=1 << 12), twice=st.integers(-15, 15))
def test_powers_of_halves_are_as_close(x: Fraction, twice: int) -> None:
    low, high = enclose(apply("pow", X, twice / 2), x, 0, 40)
    if x == 0 and twice < 0:
        assert low == high == 1 << 64
        return
    with mpmath.workdps(DIGITS):
        truth = rational(mpmath.power(real(x), mpmath.mpf(twice) / 2))
    assert low * (1 - Fraction(1, 10**30)) <= truth <= high * (1 + Fraction(1, 10**30))
    assert high - low <= max(truth, 1) / 10**30
    if twice % 2 == 0:
        assert low == high == x ** (twice // 2)


def test_rational_functions_are_exact() -> None:
    third = Fraction(1, 3)
    cases = {
        apply("div", X, apply("add", 1.0, apply("abs", X))): Fraction(1, 4),
        apply("mul", X, apply("max", apply("min", X, 0.25), 0.0)): Fraction(1, 12),
        apply("pow", X, 3.0): Fraction(1, 27),
        apply("sqrt", apply("mul", X, X)): third,
        apply("greater", X, third): Fraction(0),
        apply("floor", apply("mul", 7.0, X)): Fraction(2),
        apply("ceil", apply("mul", 7.0, X)): Fraction(3),
        apply("round", apply("mul", 4.5, X)): Fraction(2),  # 1.5 to the even number
        apply("sign", apply("neg", X)): Fraction(-1),
        apply("sub", X, apply("exp", 0.0)): Fraction(-2, 3),
        apply("tanh", apply("sub", X, X)): Fraction(0),
    }
    for program, value in cases.items():
        assert enclose(program, third, 0, 30) == Interval(value, value), program


def test_outside_of_a_domain_it_is_the_nearest_end() -> None:
    pole = Fraction(1 << 64)
    assert enclose(apply("div", 1.0, X), Fraction(0), 0, 30).lo == pole
    assert enclose(apply("div", -1.0, X), Fraction(0), 0, 30).lo == -pole
    assert enclose(apply("log", X), Fraction(-1), 0, 30).hi == -pole
    assert enclose(apply("sqrt", X), Fraction(-1), 0, 30) == (0, 0)
    with np.errstate(all="raise"):
        x = np.array([-1.0, 0.0], np.float32)
        assert np.array_equal(run(apply("sqrt", X), x), [0, 0])
        assert np.array_equal(run(apply("div", X, X), x), [1, 0])
        assert np.isneginf(run(apply("log", X), x)).all()


def test_a_divisor_that_may_be_zero_is_said_to_be() -> None:
    zero = apply("sub", apply("mul", apply("sqrt", 2.0), apply("sqrt", 2.0)), 2.0)
    with pytest.raises(Unsettled):
        enclose(apply("div", 1.0, zero), Fraction(0), 0, 30)


def test_constants_can_differ_from_channel_to_channel() -> None:
    program = apply("mul", X, constant(np.array([1.0, 2.0, 4.0])))
    assert channels(program) == 3
    assert [enclose(program, Fraction(3), c, 30).lo for c in range(3)] == [3, 6, 12]
    assert np.array_equal(run(program, np.ones((2, 3), np.float32)), [[1, 2, 4]] * 2)


def test_composition_is_composition() -> None:
    square, plus = apply("mul", X, X), apply("add", X, 1.0)
    assert enclose(compose(square, plus), Fraction(2), 0, 30).lo == 9
    assert enclose(compose(plus, square), Fraction(2), 0, 30).lo == 5
    assert len(compose(square, plus)) < MOST_STEPS


def test_both_tables_have_the_same_functions() -> None:
    assert set(ENCLOSED) == set(ON_FLOATS)


@pytest.mark.parametrize("name", sorted(ON_FLOATS))
@settings(max_examples=30, deadline=None)
@given(x=numbers, y=numbers)
def test_floats_lie_in_the_enclosure(name: str, x: Fraction, y: Fraction) -> None:
    x, y = Fraction(float(x)), Fraction(float(y))
    if name == "pow":
        x, y = abs(x) + 1, Fraction(round(y), 8)
    if name == "div":
        y = y or Fraction(1)
    if name in POSITIVE:
        x = abs(x) + 1
    program = apply(name, X) if ON_FLOATS[name][0] == 1 else apply(name, X, y)
    found = enclose(program, x, 0, 30)
    value = Fraction(float(run(program, np.array([float(x)]))[0]))
    slack = max(abs(found.hi), abs(found.lo), abs(x), abs(y)) / 10**12
    assert found.lo - slack <= value <= found.hi + slack
