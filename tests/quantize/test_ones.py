"""Weights of few signed powers of two: what is allowed, feedback among it, whole networks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks import NETWORKS
from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.kernel import Variant
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int
from qfxc.ops.add import Add
from qfxc.ops.const import const_value
from qfxc.ops.conv import Conv
from qfxc.ops.csd import Csd
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.staircase import Staircase
from qfxc.passes.base import override, run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize
from qfxc.passes.rescale import Rescale
from qfxc.quantize.allowed import Allowed, most_ones
from qfxc.quantize.error import sqnr_db
from qfxc.quantize.feedback import feedback, objective, problem
from qfxc.quantize.recipes import recipe_passes
from qfxc.quantize.sequential import nearest
from qfxc.quantize.weights import WeightOptions, quantize_weights
from qfxc.sim import simulate
from rounding_cases import correlated, layer, noise


def sums(top: int, ones: int) -> list[int]:
    """Every sum of ``ones`` signed powers of two and zeros in the range, by trying them all."""
    terms = [0, *(s << p for p in range(top.bit_length() + 1) for s in (1, -1))]
    terms = sorted({*terms, *(-t for t in terms)})
    return sorted({sum(c) for c in product(terms, repeat=ones) if abs(sum(c)) <= top})


def ones_of(codes: Array) -> int:
    """The independent count: bits in which 3n and n differ."""
    return max((bin(3 * abs(int(n)) ^ abs(int(n))).count("1") for n in codes.flat), default=0)


def test_ones_are_counted() -> None:
    for n in range(512):
        fewest = next(k for k in range(6) if n in sums(511, k)) if n < 64 else None
        assert most_ones(np.array([n, -n])) == ones_of(np.array([n]))
        assert fewest in (None, most_ones(np.array([n])))
    assert most_ones(np.zeros(3)) == 0


@given(st.integers(2, 8), st.integers(1, 3), st.floats(-300, 300))
def test_the_nearest_of_all_sums(bits: int, ones: int, real: float) -> None:
    top = (1 << (bits - 1)) - 1
    (code,) = Allowed(top, ones).nearest(np.array([real])).tolist()
    codes = sums(top, ones)
    assert code in codes
    assert abs(code - real) == min(abs(c - real) for c in codes)


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 8), st.integers(1, 3), st.booleans(), st.integers(0, 1 << 16))
def test_weights_have_few_ones(bits: int, ones: int, powers: bool, seed: int) -> None:
    w = np.random.default_rng(seed).normal(size=(9, 4)) * [1e-3, 1, 30, 0]
    unit = Fraction(7, 3)
    codes, elem = quantize_weights(w, WeightOptions(bits, powers=powers, ones=ones), unit)
    assert ones_of(codes) <= ones
    assert np.abs(codes).max() < 1 << (bits - 1)
    for step in elem.scale.channels(4):
        ratio = step / unit
        assert ratio.numerator & (ratio.numerator - 1) == 0
        assert ratio.denominator & (ratio.denominator - 1) == 0


def test_the_range_makes_room_for_the_only_one() -> None:
    # on the full range 96 would be the largest code, 32 away from 64 and from 128; of half of it
    # 48: all the same; the other two weights are exact on every one, so nothing is lost below
    w = np.array([[0.97], [0.5], [0.25]])
    codes, elem = quantize_weights(w, WeightOptions(8, ones=1), Fraction(1))
    found = codes[:, 0] * float(elem.scale.values[0])
    assert found.tolist() == [1.0, 0.5, 0.25]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1 << 16), st.integers(1, 3))
def test_feedback_stays_among_the_allowed(seed: int, ones: int) -> None:
    case = correlated(seed, size=8, outs=3)
    case = replace(case, allowed=Allowed(127, ones), steps=case.steps / 16)
    codes = feedback(case)
    assert ones_of(codes) <= ones
    moments, wanted = problem(case)
    ours, theirs = (objective(c, wanted, case, moments) for c in (codes, nearest(case, wanted)))
    assert (ours <= theirs * (1 + 1e-9)).all()


def test_feedback_makes_up_for_what_a_projection_loses() -> None:
    # two equal inputs with weights 3 and 3, one power each: the nearest are 2 and 2 (or 4 and 4),
    # a third of the output away; 2 and 4 are right
    x = np.random.default_rng(0).normal(size=(100, 1)).repeat(2, axis=1)
    case = layer(x, np.full((2, 1), 3.0), steps=np.ones(1), ones=1, free=False)
    assert noise(case, nearest(case)) == pytest.approx(2.0**2 * np.square(x[:, 0]).mean())
    assert sorted(feedback(case).reshape(-1).tolist()) == [2, 4]
    assert noise(case, feedback(case)) == pytest.approx(0.0)


def compiled(name: str, recipe: str, passes: str = "") -> tuple[Graph, Graph, Graph, Array]:
    """The real graph, with quantizers, its kernels, frames."""
    graph, frames = NETWORKS[name]()
    steps = override(override(pipeline(), recipe_passes(recipe)), passes)
    steps = tuple(replace(s, frames=(frames,)) if isinstance(s, Quantize) else s for s in steps)
    at = [isinstance(s, Quantize) for s in steps].index(True)
    real = run_passes(graph, steps[:at])
    qdq = steps[at].run(real)
    return real, qdq, run_passes(qdq, steps[at + 1 :]), frames


def weights(qdq: Graph) -> list[Array]:
    layers = (n for n in qdq.nodes() if isinstance(n.op, (Conv, MatMul)))
    return [
        const_value(n.inputs[1].inputs[0]) for n in layers if isinstance(n.inputs[1].op, Dequantize)
    ]


@pytest.mark.parametrize("ones", [1, 2, 3])
@pytest.mark.parametrize("name", ["residual", "depthwise", "padded_maximum"])
def test_no_multiplication_is_left(name: str, ones: int) -> None:
    real, qdq, kernels, frames = compiled(name, f"shift{{k={ones}}}")
    assert "mul" not in {n.op.stem for n in kernels.nodes()}
    assert max(ones_of(codes) for codes in weights(qdq)) == ones
    for n in kernels.nodes():
        if n.op.stem in ("matvec", "depthwise"):
            assert ones_of(const_value(n.inputs[1])) <= ones
    (before,), (after,) = simulate(real, [frames]), simulate(qdq, [frames])
    assert sqnr_db(before, after) > (20 if ones == 1 else 35)


def test_feedback_keeps_more_signal_than_projection() -> None:
    for name in ("residual", "depthwise"):
        db = []
        for how in ("nearest", "feedback"):
            passes = f"quantize{{rounding_of_weights={how}}}"
            real, qdq, _, frames = compiled(name, "shift{k=1}", passes)
            db.append(sqnr_db(simulate(real, [frames])[0], simulate(qdq, [frames])[0]))
        assert db[1] > db[0]


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("name", ["residual", "depthwise", "branches", "preactivation"])
def test_rescales_and_joins_have_as_few_ones_as_weights(name: str, most: int) -> None:
    """Sums, products of activations, averages, slopes of PReLU, BatchNorm behind a join."""
    *_, kernels, _ = compiled(name, f"shift{{k={most}}}")
    factors = [n.op.factor for n in kernels.nodes() if isinstance(n.op, Csd)]
    factors += [k for n in kernels.nodes() if isinstance(n.op, Add) for k in (n.op.kx, n.op.ky)]
    lines = [part for n in kernels.nodes() if isinstance(n.op, Dyadic) for part in n.op.a]
    assert 0 < ones_of(np.array([*factors, *(a for part in lines for a in part)])) <= most


def test_factors_of_both_signs_behind_a_join() -> None:
    # BatchNorm behind a join, rising and falling channels: powers of two with signs, in a memory
    *_, kernels, frames = compiled("preactivation", "shift")
    (node,) = (n for n in kernels.nodes() if n.name == "relu7.q")
    assert isinstance(node.op, Dyadic)
    assert {v > 0 for v in node.op.a[0]} == {True, False}
    assert Variant.SHIFT in {fold.variant for fold in node.op.folds(node)}
    *_, multiplied, _ = compiled("preactivation", "shift", "rescale{multiply=true}")
    for y, z in zip(simulate(kernels, [frames]), simulate(multiplied, [frames]), strict=True):
        assert np.array_equal(y, z)


def test_what_no_adder_can_do_is_an_error() -> None:
    # a slope of many digits below zero, and one above: neither rises nor falls
    x = Node(Input((4, 2), Int(-30000, 30000)), (), "x")
    bent = Piecewise.linear(Fraction(7, 8)).prelu(Fraction(-171, 2048))
    node = Node(Staircase((bent,), Rounding.HALF_UP, Int(0, 255)), (x,), "bent")
    graph = Graph("bent", (x,), (node,), (Port("x", (4, 2), (0, 1)),), (Port("y", (4, 2), (0, 1)),))
    with pytest.raises(UserError, match="bent: no exact form for rounding 'half-up' without a mul"):
        Rescale(multiply=False).run(graph)
    assert "dyadic" in {n.op.stem for n in Rescale().run(graph).nodes()}


def test_parameters_of_recipes() -> None:
    assert "quantize{ones=2," in recipe_passes("shift")
    assert "quantize{ones=3," in recipe_passes("equalised, shift{ k = 3 }")
    for text, what in {
        "shift{k=0}": "'0' is not a whole number from 1 to 16\nhint: as in shift{k=2}",
        "shift{k=two}": "'two' is not a whole number from 1 to 16",
        "shift{k=17}": "'17' is not a whole number from 1 to 16",
        f"shift{{k={'1' * 5000}}}": "1' is not a whole number from 1 to 16",
        "shift{k=1,k=2}": "shift{k} is given twice",
        "shift{k=1},shift{k=3}": "shift is given twice",
        "shift{n=2}": "recipe 'shift' has no parameter 'n'",
        "fixed{k=2}": "recipe 'fixed' has no parameter 'k'",
        "shift{k=2": "'shift{k=2' is not a recipe",
        "shifts{k=2}": "unknown recipe 'shifts'",
    }.items():
        with pytest.raises(UserError) as error:
            recipe_passes(text)
        assert what in str(error.value)


def test_options_that_do_not_go_together() -> None:
    with pytest.raises(UserError, match="learned rounding chooses between neighbouring codes"):
        Quantize(ones=2, rounding_of_weights="adaround")
    with pytest.raises(UserError, match="-1 ones per weight"):
        Quantize(ones=-1)
    with pytest.raises(UserError, match="17 ones per weight\nhint: 1 to 16; 0: any"):
        Quantize(ones=17)
