"""Steps found by error feedback: on the cheap grid, never worse than those a layer has."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from qfxc.ir.types import Array
from qfxc.quantize.feedback import feedback, objective, problem
from qfxc.quantize.sequential import Layer
from qfxc.quantize.steps import fitted
from qfxc.quantize.weights import WeightOptions
from rounding_cases import correlated, noise

UNIT = Fraction(7, 3)


def starting(layer: Layer) -> list[Fraction]:
    return [Fraction(float(step)) for step in layer.steps.reshape(-1)]


def with_steps(layer: Layer, steps: list[Fraction]) -> Layer:
    return replace(layer, steps=np.array([float(s) for s in steps]).reshape(layer.steps.shape))


def errors(layer: Layer) -> Array:
    moments, wanted = problem(layer)
    return objective(feedback(layer), wanted, layer, moments)


@pytest.mark.parametrize("seed", range(6))
def test_no_output_gets_worse_and_the_layer_gets_better(seed: int) -> None:
    layer = correlated(seed, size=12, outs=5)
    found = list(fitted(layer, starting(layer), WeightOptions(4), UNIT))
    after = with_steps(layer, found)
    assert (errors(after) <= errors(layer)).all()
    assert noise(after, feedback(after)) < noise(layer, feedback(layer))


@pytest.mark.parametrize("powers", [False, True])
def test_new_steps_are_cheap(powers: bool) -> None:
    layer = correlated(1, size=12, outs=8)
    before = starting(layer)
    found = fitted(layer, before, WeightOptions(4, powers=powers), UNIT)
    changed = [step for old, step in zip(before, found, strict=True) if step != old]
    assert changed
    for step in changed:
        p, q = (step / UNIT).as_integer_ratio()
        assert q & (q - 1) == 0
        assert p // (p & -p) < (2 if powers else 1 << 8)


def test_many_bits_and_dead_outputs_keep_their_steps() -> None:
    layer = correlated(2, outs=3)
    steps = starting(layer)
    assert fitted(layer, steps, WeightOptions(8), UNIT) == steps
    dead = replace(layer, weights=0 * layer.weights, targets=0 * layer.targets)
    assert fitted(dead, steps, WeightOptions(4), UNIT) == steps
