"""Reductions over whole axes: global poolings, sums, means, norms, maxima, minima."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from math import prod

import numpy as np

from qfxc.errors import UserError
from qfxc.frontend.call import Call, converts
from qfxc.frontend.onnx_unary import unary
from qfxc.frontend.value import Shape, Value
from qfxc.ir.function import Program, X, apply
from qfxc.ir.graph import Node
from qfxc.ops.affine import Affine
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.matmul import MatMul
from qfxc.ops.maxpool import MaxPool


def reduce_axes(call: Call, value: Value, axes: Shape, kind: str) -> Value:
    """``value`` with the body ``axes`` reduced to size 1 by ``kind``, "mean" or "max".

    Neighbouring frame axes are reduced together; the mean of equal means is the mean.
    """
    body = tuple(1 if a in axes else n for a, n in enumerate(value.body))
    node, frame = value.node, [value.body[a] for a in value.order]
    flags = [a in axes for a in value.order]
    runs = [list(run) for _, run in groupby(range(len(frame)), key=lambda i: flags[i])]
    for run in reversed([r for r in runs if flags[r[0]]]):
        node = _reduce_run(call, node, frame, run, kind)
        for i in run:
            frame[i] = 1
    return value.with_body(call.reshape(node, tuple(frame)), body, value.order)


def _reduce_run(call: Call, node: Node, frame: list[int], run: list[int], kind: str) -> Node:
    """Reduces the neighbouring frame axes ``run``; the result's shape is to be ignored."""
    before, inside = prod(frame[: run[0]]), [frame[i] for i in run]
    after = prod(frame[run[-1] + 1 :])
    if prod(inside) == 1:
        return node
    if kind == "mean" and after == 1:
        flat = call.reshape(node, (before, prod(inside)))
        ones = call.const(np.full((prod(inside), 1), 1 / prod(inside)), "w")
        return call.make(MatMul(), flat, ones)
    image = before == 1 and len(inside) == 2
    size = (inside[0], inside[1]) if image else (before, prod(inside))
    kernel = size if image else (1, size[1])
    stack = call.reshape(node, (*size, after))
    op = AvgPool(kernel, kernel) if kind == "mean" else MaxPool(kernel, kernel)
    return call.make(op, stack)


@converts("GlobalAveragePool", "GlobalMaxPool", notes="any number of spatial axes")
def global_pool(call: Call) -> Value:
    x = call.value(0)
    rank = len(x.body)
    if not x.lead or rank < 2:
        raise UserError(f"its input {list(x.shape)} is not (N,C,spatial..)")
    x = call.arrange(x, (*range(1, rank), 0))
    kind = "mean" if call.op == "GlobalAveragePool" else "max"
    return reduce_axes(call, x, tuple(range(1, rank)), kind)


BEFORE: dict[str, Program] = {
    "ReduceL1": apply("abs", X),
    "ReduceL2": apply("mul", X, X),
    "ReduceLogSumExp": apply("exp", X),
    "ReduceMin": apply("neg", X),
    "ReduceSumSquare": apply("mul", X, X),
}
AFTER: dict[str, Program] = {
    "ReduceL2": apply("sqrt", X),
    "ReduceLogSum": apply("log", X),
    "ReduceLogSumExp": apply("log", X),
    "ReduceMin": apply("neg", X),
}
"""What a reduction does to every element, and to every result, around a sum, mean or maximum."""


@converts(
    *("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceSumSquare"),
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"),
    notes="constant axes, not the batch",
)
def reduce(call: Call) -> Value:
    x = call.value(0)
    axes = call.ints("axes", call.indices(1) if call.given(1) else ())
    empty = not axes and bool(call.attr("noop_with_empty_axes", 0))
    first = int(x.lead and x.batch == 1)
    chosen = tuple(x.axis(a) for a in (axes or range(first, len(x.shape))))
    y = _around(call, x, () if empty else chosen)
    if call.attr("keepdims", 1) or empty:
        return y
    gone = {a + int(x.lead) for a in chosen} | ({0} if first and not axes else set())
    return call.reshape_to(y, tuple(n for a, n in enumerate(y.shape) if a not in gone))


def _around(call: Call, x: Value, axes: Shape) -> Value:
    """The reduction itself, with the functions that belong to it."""
    if call.op in BEFORE:
        x = _mapped(call, x, BEFORE[call.op], "before")
    kind = "max" if call.op in ("ReduceMax", "ReduceMin") else "mean"
    y = reduce_axes(call, x, axes, kind)
    if kind == "mean" and call.op != "ReduceMean" and axes:
        y = _times(call, y, prod(x.body[a] for a in axes))
    return _mapped(call, y, AFTER[call.op], "after") if call.op in AFTER else y


def _mapped(call: Call, x: Value, program: Program, suffix: str) -> Value:
    if program != apply("neg", X):
        return unary(call, x, program, suffix)
    constants = (call.const(np.asarray(v), f"{suffix}.{n}") for n, v in (("a", -1.0), ("b", 0.0)))
    return replace(x, node=call.make(Affine(), x.node, *constants, suffix=suffix))


def _times(call: Call, value: Value, count: int) -> Value:
    factor = call.const(np.asarray(float(count)), "count")
    shift = call.const(np.asarray(0.0), "zero")
    return replace(value, node=call.make(Affine(), value.node, factor, shift, suffix="sum"))
