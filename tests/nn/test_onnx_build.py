"""Casts as QONNX says them: the qonnx package's own executor gives the same numbers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from qfxc.errors import UserError
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array
from qfxc.nn.fixed import fixed
from qfxc.nn.format import Format, Overflow
from qfxc.nn.onnx_build import FIXED_DOMAIN, Builder, Value, quant_attributes

MODES = [
    (rounding, overflow, signed)
    for rounding in Rounding
    for overflow in Overflow
    for signed in (True, False)
]


def format_of(rounding: Rounding, overflow: Overflow, signed: bool, *fbit: int) -> Format:
    return Format(4, fbit, 1 if len(fbit) > 1 else None, signed, rounding, overflow)


def single(format: Format, shape: tuple[int, ...]) -> onnx.ModelProto:
    builder = Builder()
    x = Value("x", shape)
    return builder.model("cast", [x], [builder.cast(x, format, "y")], "test")


def executed(model: onnx.ModelProto, x: Array) -> Array:
    return np.asarray(execute_onnx(ModelWrapper(model), {"x": x})["y"])


def reference(format: Format, x: Array) -> Array:
    fbit = torch.tensor(format.fbit)
    if len(format.fbit) == 1:
        fbit = fbit[0]
    y = fixed(
        torch.from_numpy(x), format.wbit, fbit, format.rounding, format.overflow, format.signed
    )
    return y.numpy()


@pytest.mark.parametrize(("rounding", "overflow", "signed"), MODES)
def test_quant_is_used_where_it_is_equal(
    rounding: Rounding, overflow: Overflow, signed: bool
) -> None:
    """All multiples of a quarter step, from twice the range below to twice above: every tie."""
    format = format_of(rounding, overflow, signed, 3)
    x = np.arange(-160, 161, dtype=np.float32)[None] / 32
    half = rounding in (Rounding.HALF_UP, Rounding.HALF_DOWN)
    expressible = overflow in (Overflow.SAT, Overflow.SAT_SYM) and not (signed and half)
    assert (quant_attributes(format) is not None) == expressible
    if expressible:
        model = single(format, x.shape)
        assert [n.op_type for n in model.graph.node] == ["Quant"]
        assert (executed(model, x) == reference(format, x)).all()


def test_quant_has_a_scale_per_channel() -> None:
    format = format_of(Rounding.HALF_EVEN, Overflow.SAT, True, -1, 0, 3)
    x = np.arange(-60, 60, dtype=np.float32).reshape(2, 3, 20) / 8
    assert (executed(single(format, x.shape), x) == reference_per_channel(format, x)).all()


def reference_per_channel(format: Format, x: Array) -> Array:
    parts = [
        reference(Format(4, (f,), None, format.signed, format.rounding, format.overflow), x[:, c])
        for c, f in enumerate(format.fbit)
    ]
    return np.stack(parts, axis=1)


def test_fixed_says_the_rest() -> None:
    format = format_of(Rounding.HALF_UP, Overflow.WRAP, True, 2, 3)
    (node,) = single(format, (1, 2)).graph.node
    assert (node.op_type, node.domain) == ("Fixed", FIXED_DOMAIN)
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert attributes == {
        "wbit": 4,
        "fbit": [2, 3],
        "axis": 1,
        "signed": 1,
        "rounding": b"RND",
        "overflow": b"WRAP",
    }


def test_one_signed_bit_is_no_quant() -> None:
    """QONNX's one signed bit is -1 and 1."""
    format = Format(1, (0,), None, True, Rounding.HALF_EVEN, Overflow.SAT)
    assert [n.op_type for n in single(format, (1,)).graph.node] == ["Fixed"]


@pytest.mark.parametrize("rounding", [Rounding.CEIL, Rounding.AWAY])
def test_roundings_that_ap_fixed_lacks(rounding: Rounding) -> None:
    with pytest.raises(UserError, match="with overflow WRAP has no operator in ONNX"):
        single(format_of(rounding, Overflow.WRAP, True, 0), (1,))


def test_constants_are_float32() -> None:
    format = Format(26, (0,), None, True, Rounding.HALF_EVEN, Overflow.SAT)
    Builder().on_grid(np.array([2.0**24]), format, "w")
    with pytest.raises(UserError, match="more than 24 bits"):
        Builder().on_grid(np.array([2.0**24 + 1]), format, "w")
