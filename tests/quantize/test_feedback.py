"""Error feedback: what rounding takes from the output of a layer, other weights give back."""

from __future__ import annotations

import numpy as np
import pytest

from qfxc.quantize.feedback import BLOCK, feedback, objective, problem, spread
from qfxc.quantize.sequential import Layer, nearest
from rounding_cases import correlated, layer, noise, optimum


def test_where_every_weight_rounds_to_nothing() -> None:
    # three equal inputs, weights 0.4 of a step: together 1.2 steps, each by itself 0
    x = np.random.default_rng(0).normal(size=(100, 1)).repeat(3, axis=1)
    found = layer(x, np.full((3, 1), 0.4), steps=np.ones(1), free=False)
    assert not nearest(found).any()
    assert feedback(found).sum() == 1
    assert noise(found, feedback(found)) == pytest.approx(0.2**2 * np.square(x[:, 0]).mean())


@pytest.mark.parametrize("seed", range(20))
def test_never_worse_than_nearest_on_its_own_objective(seed: int) -> None:
    found = correlated(seed, size=12, outs=5)
    moments, wanted = problem(found)
    ours, theirs = (
        objective(codes, wanted, found, moments)
        for codes in (feedback(found), nearest(found, wanted))
    )
    assert (ours <= theirs * (1 + 1e-9)).all()


def test_close_to_the_best_of_all_choices() -> None:
    cases = [correlated(seed) for seed in range(20)]
    nearests, ours, best = (
        np.array([f(c) for c in cases])
        for f in (lambda c: noise(c, nearest(c)), lambda c: noise(c, feedback(c)), optimum)
    )
    # no code is more than one step away here, so nothing beats the enumeration but by reaching
    # further; what feedback leaves of the gap between nearest and optimum is the smaller part
    assert (ours - best).mean() < 0.25 * (nearests - best).mean()


def test_codes_stay_in_range() -> None:
    found = correlated(3, size=10, outs=4)
    wild = Layer(
        "fc", found.rows, 50 * found.targets, found.weights, found.steps, found.bias, found.allowed
    )  # fmt: skip
    codes = feedback(wild)
    assert np.abs(codes).max() == found.allowed.top


def test_errors_of_layers_before_are_made_up_for() -> None:
    # the quantized network halves the input: codes of the double weight are wanted
    x = np.random.default_rng(1).normal(size=(200, 2))
    found = layer(x, np.array([[2.0], [3.0]]), steps=np.ones(1))
    halved = Layer(
        "fc", found.rows / 2, found.targets, found.weights, found.steps, found.bias, found.allowed
    )  # fmt: skip
    assert feedback(halved).reshape(-1).tolist() == [4, 6]


def test_dead_inputs_and_groups_do_not_disturb_each_other() -> None:
    a, b = correlated(1), correlated(2)
    dead = np.array(a.rows)
    dead[:, :, 2] = 0
    parts = [Layer("g", r, r @ c.weights, c.weights, c.steps, c.bias, c.allowed)
             for r, c in ((dead, a), (b.rows, b))]  # fmt: skip
    both = Layer(
        "g", *(np.concatenate([getattr(p, f) for p in parts])
               for f in ("rows", "targets", "weights", "steps", "bias")), a.allowed,
    )  # fmt: skip
    assert (feedback(both) == np.concatenate([feedback(p) for p in parts])).all()
    assert feedback(parts[0])[0, 2] == nearest(parts[0])[0, 2]


def test_blocks_change_nothing() -> None:
    # the plain recursion: one input after the other, everything behind it updated at once
    found = correlated(5, count=900, size=BLOCK + 40, outs=3)
    moments, wanted = problem(found)
    order = np.argsort(-np.diag(moments[0]), kind="stable")
    h, w, steps = moments[0][np.ix_(order, order)], wanted[0][order].copy(), found.steps[0, 0]
    expected = np.empty_like(w)
    for k in range(len(w)):
        expected[k] = np.clip(np.rint(w[k] / steps), -found.allowed.top, found.allowed.top)
        inverse = np.linalg.inv(h[k:, k:])
        w[k:] -= inverse[:, :1] / inverse[0, 0] * (w[k] - expected[k] * steps)
    codes = spread(wanted, found, moments)
    assert (codes[0][order] == expected).all()


def test_deterministic() -> None:
    assert (feedback(correlated(9)) == feedback(correlated(9))).all()
