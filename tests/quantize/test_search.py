"""The search for ranges: the optimum of one point, and never worse than where it starts."""

from __future__ import annotations

import numpy as np
import pytest

from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Array, Real
from qfxc.ops.clip import Clip
from qfxc.ops.const import Const, const_value, real_const
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.quantize import search as module
from qfxc.quantize.ranges import levels
from qfxc.quantize.search import FACTORS, search


def graph(seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    x = Node(Input((8,), Real()), (), "x")
    a = Node(MatMul(), (x, real_const(rng.normal(size=(8, 16)), "w1")), "a")
    b = Node(Clip(0.0), (a,), "b")
    y = Node(MatMul(), (b, real_const(rng.normal(size=(16, 3)), "w2")), "y")
    return Graph("g", (x,), (y,), (Port("x", (8,), (0,)),), (Port("y", (3,), (0,)),))


def frames(seed: int) -> Array:
    return np.random.default_rng(seed).standard_t(3, size=(48, 8))


def rounded(x: Array, top: float, bits: int, signed: bool) -> Array:
    most = levels(bits, signed)
    step = top / most
    return np.clip(np.floor(x / step + 0.5), -most - 1 if signed else 0, most) * step


def error(net: Graph, x: Array, tops: dict[str, float], *, exact_input: bool = False) -> float:
    """Written down by hand: two products with a rectifier between them."""
    w1, w2 = (const_value(n) for n in net.nodes() if isinstance(n.op, Const))
    real = np.maximum(x @ w1, 0) @ w2
    seen = x if exact_input else rounded(x, tops["x"], 4, True)
    inner = rounded(np.maximum(seen @ w1, 0), tops["b"], 4, False)
    return float(np.square(inner @ w2 - real).mean() / np.square(real).mean())


POINTS = {"x": (4, True), "b": (4, False), "y": (16, True)}


@pytest.mark.parametrize("seed", range(5))
def test_better_than_the_full_range_and_a_local_optimum(seed: int) -> None:
    net, x = graph(seed), frames(seed)
    start = {"x": float(np.abs(x).max()), "b": 60.0, "y": 200.0}
    found = search(net, POINTS, start, [x])
    assert error(net, x, found) < error(net, x, start)
    assert found["y"] == start["y"]  # fine enough as it is
    again = search(net, POINTS, found, [x])
    assert error(net, x, again) <= error(net, x, found)


def test_one_point_takes_the_best_of_its_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEPS", 1)
    net, x = graph(9), frames(9)
    tops = {"x": 8.0, "b": 30.0, "y": 100.0}
    candidates = [tops["b"], *(tops["b"] * f for f in FACTORS)]
    best = min(candidates, key=lambda top: error(net, x, {"b": top}, exact_input=True))
    assert search(net, {"b": (4, False)}, tops, [x])["b"] == best
