"""``Fixed`` of the domain qfxc.nn: every cast of random networks against exact rationals."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from fixed_nets import OVERFLOWS, ROUNDINGS, Net, chain, residual
from qfxc.errors import UserError
from qfxc.frontend.onnx_file import load
from qonnx_check import compare, integer_graph


@pytest.mark.parametrize("seed", range(12))
def test_networks(seed: int) -> None:
    """Every cast of every activation, on every element."""
    x = np.random.default_rng(seed).normal(size=(3, 2, 7, 7)).astype(np.float32) * 2
    found = compare(residual(seed), [x])
    assert found.total > 2000


@pytest.mark.parametrize("seed", range(12))
def test_chains(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(4, 3, 5, 6)).astype(np.float32) * 4
    found = compare(chain(seed), [x])
    assert found.total > 500


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_every_mode(rounding: str, overflow: str) -> None:
    """Two casts in a row: the host's, then one that drops three bits of fraction and two others."""
    net = Net(0, (2, 8, 8))
    how: dict[str, Any] = {"rounding": rounding, "overflow": overflow}
    y = net.fixed(net.fixed("x", 8, 5, **how), 3, 2, **how)
    x = (np.arange(2 * 128).reshape(2, 2, 8, 8) / 64 - 2).astype(np.float32) * 4
    assert compare(net.model(y, (2, 8, 8)), [x]).total == 512


@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_casts_behind_what_moves_codes(overflow: str) -> None:
    """The largest of some numbers need not have the largest code, where codes wrap."""
    net = Net(0, (2, 6, 5))
    x = net.fixed("x", 9, 4, rounding="RND", overflow="SAT")
    y = net.make("MaxPool", x, kernel_shape=[2, 2], strides=[1, 1])
    y = net.fixed(y, 4, 2, rounding="TRN_ZERO", overflow=overflow)
    y = net.make("Concat", y, net.make("Relu", y), axis=1)
    y = net.fixed(y, 3, 1, rounding="RND_CONV", overflow=overflow)
    frames = np.random.default_rng(0).normal(size=(3, 2, 6, 5)).astype(np.float32) * 4
    assert compare(net.model(y, (4, 5, 4)), [frames]).total == 3 * (60 + 40 + 80)


def stems(model: onnx.ModelProto, x: np.ndarray) -> list[str]:
    return [n.op.stem for n in integer_graph(model, [x]).nodes() if n.op.stem != "input"]


def test_casts_that_change_nothing_vanish() -> None:
    net = Net(0, (2,))
    y = net.fixed("x", 8, 4, rounding="RND", overflow="SAT")
    y = net.fixed(y, 12, 4, rounding="RND_CONV", overflow="WRAP")
    y = net.fixed(y, 16, 7, rounding="TRN", overflow="WRAP")
    y = net.fixed(y, 9, 4, rounding="TRN_ZERO", overflow="SAT_ZERO")
    x = np.zeros((1, 2), np.float32)
    assert stems(net.model(y, (2,)), x) == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"rounding": "RND_ODD"}, "the rounding RND_ODD is not supported"),
    ({"overflow": "WRAP_SM"}, "the overflow WRAP_SM is not supported"),
    ({"wbit": 33}, "33 bits"),
    ({"wbit": 0}, "0 bits"),
    ({"fbit": [1, 2, 3]}, "3 fbit along axis 1 of the shape \\[1, 2\\]"),
    ({"fbit": [200]}, "fbit 200"),
    ({"ibit": 3}, "the attribute ibit is unknown"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_refusals_name_the_node(change: dict[str, Any], message: str) -> None:
    net = Net(0, (2,))
    how: dict[str, Any] = {"wbit": 8, "fbit": [3], "axis": 1, **change}
    y = net.make("Fixed", "x", domain="qfxc.nn", **how)
    with pytest.raises(UserError, match=message) as caught:
        load(net.model(y, (2,)))
    assert "fixed_0" in caught.value.where


def test_missing_attributes_are_named() -> None:
    net = Net(0, (2,))
    y = net.make("Fixed", "x", domain="qfxc.nn", fbit=[3])
    with pytest.raises(UserError, match="the attribute wbit is missing"):
        load(net.model(y, (2,)))
