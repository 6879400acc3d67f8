"""Piecewise functions and their thresholds, against direct evaluation with rationals."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding

SMALL = st.fractions(-4, 4, max_denominator=16)
POSITIVE = st.fractions(Fraction(1, 16), 4, max_denominator=16)
X = st.fractions(-40, 40, max_denominator=8)


@st.composite
def functions(draw: st.DrawFn) -> tuple[Piecewise, list[tuple[str, tuple[Fraction, ...]]]]:
    """A rising function and the steps it was made of."""
    steps: list[tuple[str, tuple[Fraction, ...]]] = [("affine", (draw(POSITIVE), draw(SMALL)))]
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["affine", "clip", "prelu"]))
        if kind == "affine":
            steps.append((kind, (draw(POSITIVE), draw(SMALL))))
        elif kind == "clip":
            steps.append((kind, tuple(sorted((draw(SMALL), draw(SMALL))))))
        else:
            steps.append((kind, (draw(POSITIVE),)))
    piece = Piecewise.linear(Fraction(1))
    for kind, values in steps:
        piece = getattr(piece, kind)(*values)
    return piece, steps


def evaluate(steps: list[tuple[str, tuple[Fraction, ...]]], x: Fraction) -> Fraction:
    for kind, v in steps:
        if kind == "affine":
            x = v[0] * x + v[1]
        elif kind == "clip":
            x = min(max(x, v[0]), v[1])
        else:
            x = x if x >= 0 else v[0] * x
    return x


@given(made=functions(), x=X)
def test_value_is_that_of_the_steps(made, x) -> None:  # type: ignore[no-untyped-def]
    piece, steps = made
    assert piece.at(x) == evaluate(steps, x)


@given(made=functions(), x=X)
def test_mirrored(made, x) -> None:  # type: ignore[no-untyped-def]
    assert made[0].mirrored().at(x) == made[0].at(-x)


@settings(max_examples=200)
@given(made=functions(), mode=st.sampled_from(list(Rounding)), lo=st.integers(-30, 5))
def test_thresholds_are_the_first_inputs_that_reach(made, mode, lo) -> None:  # type: ignore[no-untyped-def]
    piece, _ = made
    hi, ks = lo + 37, range(-6, 9)
    found = piece.thresholds(mode, ks, lo, hi)
    values = [mode.round(piece.at(x)) for x in range(lo, hi + 1)]
    expected = [next((lo + i for i, v in enumerate(values) if v >= k), hi + 1) for k in ks]
    assert found == expected


def test_direction() -> None:
    line = Piecewise.linear(Fraction(2), Fraction(1))
    assert line.direction == 1
    assert line.affine(Fraction(-1), Fraction(0)).direction == -1
    assert line.prelu(Fraction(-1, 2)).direction == 0
    assert Piecewise.linear(Fraction(0), Fraction(3)).direction == 1


@given(
    slope=st.fractions(-3, 3, max_denominator=5),
    intercept=st.fractions(-9, 9, max_denominator=7),
    levels=st.lists(st.fractions(-20, 20, max_denominator=3), min_size=1, max_size=5),
    kink=st.fractions(-4, 4, max_denominator=3),
)
def test_steps_count_the_levels_reached(
    slope: Fraction, intercept: Fraction, levels: list[Fraction], kink: Fraction
) -> None:
    """At every integer, of the function and of its mirror image; the direction as counted."""
    f = Piecewise.linear(slope, intercept).clip(None, kink)
    counted = f.steps(sorted(levels))
    values = [sum(f.at(x) >= level for level in levels) for x in range(-30, 31)]
    assert [counted.at(x) for x in range(-30, 31)] == values
    assert [counted.mirrored().at(x) for x in range(-30, 31)] == values[::-1]
    if len(set(values)) > 1:
        assert counted.direction == (1 if values[0] <= values[-1] else -1)
