"""The simulator: exact in every carrier, and it notices a broken promise."""

from __future__ import annotations

import numpy as np
import pytest

from qfxc.errors import InternalError
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Int
from qfxc.ops.const import int_const
from qfxc.ops.conv import Conv
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.sim import simulate


def graph(x: Node, y: Node) -> Graph:
    ports = [Port(n.name, n.type.shape, tuple(range(len(n.type.shape)))) for n in (x, y)]
    return Graph("g", (x,), (y,), (ports[0],), (ports[1],))


@pytest.mark.parametrize("bits", [4, 8, 12, 20, 26])
def test_dot_products_are_exact_in_every_carrier(bits: int) -> None:
    """4 to 26 bit operands take float32, float64 and int64; Python integers are the oracle."""
    rng = np.random.default_rng(bits)
    elem = Int.of_bits(bits, True)
    w = rng.integers(elem.lo, elem.hi + 1, (40, 6))
    x = Node(Input((40,), elem), (), "x")
    y = Node(MatMul(), (x, int_const(w, elem, "w")), "y")
    data = np.concatenate([rng.integers(elem.lo, elem.hi + 1, (20, 40)), np.full((1, 40), elem.lo)])
    (got,) = simulate(graph(x, y), [data])
    expected = [
        [sum(int(a) * int(b) for a, b in zip(r, c, strict=True)) for c in w.T] for r in data
    ]
    assert got.tolist() == expected


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_convolution_against_a_direct_sum(groups: int) -> None:
    rng = np.random.default_rng(groups)
    elem = Int.of_bits(8, True)
    w = rng.integers(-128, 128, (3, 2, 4 // groups, 8))
    x = Node(Input((7, 6, 4), elem), (), "x")
    y = Node(Conv((2, 1), (1, 2), groups), (x, int_const(w, elem, "w")), "y")
    data = rng.integers(-128, 128, (2, 7, 6, 4))
    (got,) = simulate(graph(x, y), [data])
    for n, h, v, m in np.ndindex(got.shape):
        g = m // (8 // groups)
        patch = data[
            n, 2 * h : 2 * h + 3, v : v + 3 : 2, g * (4 // groups) : (g + 1) * (4 // groups)
        ]
        assert got[n, h, v, m] == int((patch * w[..., m]).sum())


def test_a_value_outside_its_range_is_noticed() -> None:
    x = Node(Input((2,), Int(0, 3)), (), "x")
    y = Node(MatMul(), (x, int_const(np.ones((2, 1)), Int(0, 1), "w")), "y")
    with pytest.raises(InternalError, match=r"x \(input\): value in \[0, 9\] outside .* \[0, 3\]"):
        simulate(graph(x, y), [np.array([[0, 9]])])


def test_batches_are_frames_one_by_one() -> None:
    rng = np.random.default_rng(0)
    x = Node(Input((64, 64, 8), Int.of_bits(8, True)), (), "x")
    w = int_const(rng.integers(-8, 8, (3, 3, 8, 8)), Int(-8, 7), "w")
    g = graph(x, Node(Conv(), (x, w), "y"))
    data = rng.integers(-128, 128, (17, 64, 64, 8))
    (whole,) = simulate(g, [data])
    singles = [simulate(g, [data[i : i + 1]])[0] for i in range(17)]
    assert np.array_equal(whole, np.concatenate(singles))


def test_convolution_of_one_channel_from_a_transposed_view() -> None:
    """An axis of size 1 may have any stride; the windows must not be built from it."""
    elem = Int.of_bits(8, True)
    x = Node(Input((5, 5, 1), elem), (), "x")
    y = Node(Conv(), (x, int_const(np.ones((3, 3, 1, 1)), Int(0, 1), "w")), "y")
    data = np.arange(25).reshape(1, 1, 5, 5).transpose(0, 2, 3, 1)
    (got,) = simulate(graph(x, y), [data])
    assert got[0, :, :, 0].tolist() == [[54, 63, 72], [99, 108, 117], [144, 153, 162]]
