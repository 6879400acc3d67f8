"""What exporters write for one activation becomes one table, and every entry is right."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import qfxc
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.table import Table

DIGITS = 60

Node = tuple[str, list[str], str, dict[str, Any]]

CONSTANTS = {
    "w": np.random.default_rng(0).standard_normal((4, 3, 1, 1)),
    "slopes": np.linspace(0.2, 1.5, 4).reshape(4, 1, 1),
    **{f"c{v}": np.asarray(v) for v in (0.01, 0.5, 1.0, 3.0, 6.0)},
    "root2": np.asarray(1.4142135381698608),
    "cubic": np.asarray(0.044714998453855515),
    "tanhs": np.asarray(0.7978845834732056),
}


def gelu(x: Any) -> Any:
    return x * (1 + mpmath.erf(x / mpmath.mpf(1.4142135381698608))) / 2


def gelu_tanh(x: Any) -> Any:
    inner = mpmath.mpf(0.7978845834732056) * (x + mpmath.mpf(0.044714998453855515) * x**3)
    return x * (1 + mpmath.tanh(inner)) / 2


def silu(x: Any) -> Any:
    return x / (1 + mpmath.exp(-x))


def mish(x: Any) -> Any:
    return x * mpmath.tanh(mpmath.log(1 + mpmath.exp(x)))


def hard_swish(x: Any) -> Any:
    return x * min(max(x + 3, 0), 6) / 6


SPELLINGS: dict[str, tuple[list[Node], Callable[[Any], Any]]] = {
    "x*sigmoid(x)": ([("Sigmoid", ["a"], "s", {}), ("Mul", ["a", "s"], "y", {})], silu),
    "erf": (
        [
            ("Div", ["a", "root2"], "b", {}),
            ("Erf", ["b"], "c", {}),
            ("Add", ["c", "c1.0"], "d", {}),
            ("Mul", ["a", "d"], "e", {}),
            ("Mul", ["e", "c0.5"], "y", {}),
        ],
        gelu,
    ),
    "tanh": (
        [
            ("Pow", ["a", "c3.0"], "b", {}),
            ("Mul", ["b", "cubic"], "c", {}),
            ("Add", ["a", "c"], "d", {}),
            ("Mul", ["d", "tanhs"], "e", {}),
            ("Tanh", ["e"], "f", {}),
            ("Add", ["f", "c1.0"], "g", {}),
            ("Mul", ["a", "c0.5"], "h", {}),
            ("Mul", ["h", "g"], "y", {}),
        ],
        gelu_tanh,
    ),
    "mish": (
        [
            ("Softplus", ["a"], "b", {}),
            ("Tanh", ["b"], "c", {}),
            ("Mul", ["a", "c"], "y", {}),
        ],
        mish,
    ),
    "relu6": (
        [
            ("Add", ["a", "c3.0"], "b", {}),
            ("Clip", ["b", "", "c6.0"], "c", {}),
            ("Relu", ["c"], "d", {}),
            ("Mul", ["a", "d"], "e", {}),
            ("Div", ["e", "c6.0"], "y", {}),
        ],
        hard_swish,
    ),
    "HardSigmoid": (
        [("HardSigmoid", ["a"], "b", {"alpha": 0.5}), ("Mul", ["a", "b"], "y", {})],
        lambda x: x * min(max(x / 2 + mpmath.mpf(1) / 2, 0), 1),
    ),
    "HardSwish": ([("HardSwish", ["a"], "y", {})], hard_swish),
    "Mish": ([("Mish", ["a"], "y", {})], mish),
    "Exp(-x^2)": (
        [
            ("Mul", ["a", "a"], "b", {}),
            ("Neg", ["b"], "c", {}),
            ("Exp", ["c"], "y", {}),
        ],
        lambda x: mpmath.exp(-x * x),
    ),
    "Elu": ([("Elu", ["a"], "y", {})], lambda x: x if x > 0 else mpmath.exp(x) - 1),
    "Sqrt(Abs)": (
        [("Abs", ["a"], "b", {}), ("Sqrt", ["b"], "y", {})],
        lambda x: mpmath.sqrt(abs(x)),
    ),
}


def compiled(nodes: list[Node], **options: Any) -> qfxc.driver.Compiled:
    made = [helper.make_node("Conv", ["x", "w"], ["a"])]
    made += [helper.make_node(op, inputs, [out], **more) for op, inputs, out, more in nodes]
    used = {i for n in made for i in n.input}
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, 4, 4])],
        [
            numpy_helper.from_array(np.asarray(v, np.float32), k)
            for k, v in CONSTANTS.items()
            if k in used
        ],
    )
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8
    )
    x = np.random.default_rng(1).standard_normal((16, 3, 4, 4)).astype(np.float32)
    return qfxc.compile(model, calib=x, verify="none", check=True, **options)


def tables(net: qfxc.driver.Compiled) -> list[Any]:
    return [n for n in net.integer.nodes() if isinstance(n.op, Table)]


@pytest.mark.parametrize("mode", [Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.FLOOR])
@pytest.mark.parametrize("name", SPELLINGS)
def test_one_table_with_the_right_entries(name: str, mode: Rounding) -> None:
    """mpmath with 60 digits says what every entry has to be."""
    nodes, truth = SPELLINGS[name]
    if name == "Exp(-x^2)":
        nodes = [("Neg", ["a"], "n", {}), ("Mul", ["a", "n"], "c", {}), ("Exp", ["c"], "y", {})]
    net = compiled(nodes, passes=f"quantize{{rounding={mode.value},outputs=9}}")
    (table,) = tables(net)
    source, out = table.inputs[0].type.int, table.type.int
    (step_in,), (step_out,) = source.scale.values, out.scale.values
    for code, entry in zip(range(source.lo, source.hi + 1), table.op.values[0], strict=True):
        with mpmath.workdps(DIGITS):
            wanted, y = expected(truth, code * step_in, step_out, mode)
        assert entry == min(max(wanted, out.lo), out.hi), (code, mpmath.nstr(y, 30))


def expected(
    truth: Callable[[Any], Any], x: Fraction, step: Fraction, mode: Rounding
) -> tuple[int, Any]:
    """The code before saturation, and the number that it is the rounded value of."""
    y = truth(mpmath.mpf(x.numerator) / x.denominator) * step.denominator / step.numerator
    return rounded(y, mode), y


def rounded(y: Any, mode: Rounding) -> int:
    if mode is Rounding.FLOOR:
        return int(mpmath.floor(y))
    up = int(mpmath.floor(y + 0.5))
    tie = y + mpmath.mpf(0.5) == up
    return up - up % 2 if tie and mode is Rounding.HALF_EVEN else up


def test_a_sum_and_a_product_of_a_value_with_itself_stay_what_they_are() -> None:
    net = compiled([("Mul", ["a", "a"], "b", {}), ("Add", ["b", "b"], "y", {})])
    assert not tables(net)


def test_arithmetic_per_channel_gets_a_table_per_channel() -> None:
    nodes: list[Node] = [
        ("Sigmoid", ["a"], "b", {}),
        ("Mul", ["b", "slopes"], "c", {}),
        ("Tanh", ["c"], "y", {}),
    ]
    (table,) = tables(compiled(nodes))
    assert len(table.op.values) == 4
    assert len(set(table.op.values)) == 4


def test_what_others_read_stays() -> None:
    nodes: list[Node] = [
        ("Sigmoid", ["a"], "b", {}),
        ("Exp", ["b"], "c", {}),
        ("Concat", ["b", "c"], "y", {"axis": 1}),
    ]
    assert {"sigmoid_1.q", "exp_2.q"} <= {t.name for t in tables(compiled(nodes))}


def test_steep_functions_get_finer_inputs() -> None:
    steep: list[Node] = [("Abs", ["a"], "b", {}), ("Add", ["b", "c0.01"], "d", {})]
    flat = compiled([("Sigmoid", ["a"], "y", {})])
    sharp = compiled([*steep, ("Reciprocal", ["d"], "y", {})])
    bits = [tables(net)[0].inputs[0].type.int.bits for net in (flat, sharp)]
    assert bits[0] == 8 < bits[1] <= 12
    assert isinstance(tables(flat)[0].op.elem, Int)
