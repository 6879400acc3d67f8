"""Convolutions and poolings of random geometry against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st
from onnx_checks import check, model, node, stems

from qfxc.errors import UserError

AUTO = ("NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


@st.composite
def geometries(draw: st.DrawFn, dilated: bool = True) -> dict[str, Any]:
    """Attributes of a window over one or two axes, and the image it moves over."""
    rank = draw(st.integers(1, 2))
    axis = st.tuples(*[st.integers(1, 3)] * rank)
    kernel, strides = draw(axis), draw(axis)
    dilations = draw(st.tuples(*[st.integers(1, 2)] * rank)) if dilated else (1,) * rank
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": strides}
    auto = draw(st.sampled_from(AUTO))
    if auto == "NOTSET":
        borders = [draw(st.integers(0, k - 1)) for k in (*kernel, *kernel)]
        attributes["pads"] = borders
    else:
        attributes["auto_pad"] = auto
        dilations = (1,) * rank if auto.startswith("SAME") else dilations
    if dilated:
        attributes["dilations"] = dilations
    size = [draw(st.integers(e, e + 5)) for e in extent]
    return {"attributes": attributes, "size": size, "last": draw(st.booleans())}


def around(op: str, case: dict[str, Any], channels: int, *more: str, **extra: Any) -> Any:
    """The operator alone, or between the Transposes of a channels-last model."""
    size, rank = case["size"], len(case["size"])
    attributes = {**case["attributes"], **extra}
    if not case["last"]:
        return [node(op, "x", *more, **attributes)], ["n", channels, *size]
    to_first = [0, rank + 1, *range(1, rank + 1)]
    to_last = [0, *range(2, rank + 2), 1]
    nodes = [
        node("Transpose", "x", to="t", perm=to_first),
        node(op, "t", *more, to="z", **attributes),
        node("Transpose", "z", perm=to_last),
    ]
    return nodes, ["n", *size, channels]


def ambiguous(case: dict[str, Any], ceil: bool) -> bool:
    """What engines disagree about and qfxc refuses for poolings."""
    return shrinks(case) or (ceil and case["attributes"].get("auto_pad") == "VALID")


def shrinks(case: dict[str, Any]) -> bool:
    """Whether SAME padding would have to be negative, which poolings refuse."""
    a = case["attributes"]
    spans = zip(case["size"], a["strides"], a["kernel_shape"], strict=True)
    same = a.get("auto_pad", "").startswith("SAME")
    return same and any((-(-n // s) - 1) * s + k < n for n, s, k in spans)


@seed(1)
@settings(max_examples=60, deadline=None, database=None)
@given(geometries(), st.sampled_from([(1, 3, 4), (2, 2, 4), (3, 3, 3), (2, 4, 2)]), st.booleans())
def test_conv(case: dict[str, Any], channels: tuple[int, int, int], bias: bool) -> None:
    groups, ins, outs = channels
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.standard_normal((outs, ins // groups, *case["attributes"]["kernel_shape"]))
    }
    if bias:
        constants["b"] = rng.standard_normal(outs)
    nodes, dims = around("Conv", case, ins, *constants, group=groups)
    graph = check(model(nodes, {"x": dims}, constants=constants))
    assert "transpose" not in stems(graph)


@seed(2)
@settings(max_examples=60, deadline=None, database=None)
@given(geometries(), st.booleans())
def test_max_pool(case: dict[str, Any], ceil: bool) -> None:
    assume(not ambiguous(case, ceil))
    nodes, dims = around("MaxPool", case, 3, ceil_mode=int(ceil))
    assert "transpose" not in stems(check(model(nodes, {"x": dims})))


@seed(3)
@settings(max_examples=80, deadline=None, database=None)
@given(geometries(dilated=False), st.booleans(), st.booleans())
def test_average_pool(case: dict[str, Any], ceil: bool, include: bool) -> None:
    assume(not ambiguous(case, ceil))
    nodes, dims = around(
        "AveragePool", case, 3, ceil_mode=int(ceil), count_include_pad=int(include)
    )
    assert "transpose" not in stems(check(model(nodes, {"x": dims})))


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
@pytest.mark.parametrize("size", [[5], [3, 4], [2, 3, 4]])
def test_global_pools(op: str, size: list[int]) -> None:
    check(model([node(op, "x")], {"x": ["n", 3, *size]}))


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceMax", "ReduceSum"])
@pytest.mark.parametrize("axes", [[1], [2], [3], [2, 3], [1, 2], [1, 3], [1, 2, 3], [-1]])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("behind_conv", [False, True])
def test_reductions(op: str, axes: list[int], keepdims: int, behind_conv: bool) -> None:
    nodes = [node("Conv", "x", "w", to="c")] if behind_conv else [node("Identity", "x", to="c")]
    nodes.append(node(op, "c", "axes", keepdims=keepdims))
    constants = {
        "axes": np.array(axes),
        "w": np.random.default_rng(0).standard_normal((3, 3, 2, 2)),
    }
    check(model(nodes, {"x": ["n", 3, 4, 5]}, constants=constants))


def test_a_pool_that_counts_nothing_is_refused() -> None:
    nodes = [node("AveragePool", "x", name="p", kernel_shape=[2, 2], pads=[2, 2, 0, 0])]
    with pytest.raises(UserError, match="leave whole windows"):
        check(model(nodes, {"x": ["n", 3, 4, 4]}))


def test_same_padding_with_strides_beyond_the_window_is_refused_for_pools() -> None:
    nodes = [node("MaxPool", "x", kernel_shape=[1], strides=[3], auto_pad="SAME_UPPER")]
    with pytest.raises(UserError, match="has no one meaning"):
        check(model(nodes, {"x": ["n", 3, 6]}))


def test_ceil_mode_with_valid_padding_is_refused_where_it_matters() -> None:
    attributes: dict[str, Any] = {
        "kernel_shape": [2],
        "strides": [2],
        "auto_pad": "VALID",
        "ceil_mode": 1,
    }
    check(model([node("MaxPool", "x", **attributes)], {"x": ["n", 3, 6]}))
    with pytest.raises(UserError, match="has no one meaning"):
        check(model([node("MaxPool", "x", **attributes)], {"x": ["n", 3, 7]}))
