"""Factors of constant arithmetic and slopes of PReLU: few bits, so that rescales have few, too."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import frexp, lcm

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.types import Int, Scale, exact
from qfxc.ops._spatial import counts
from qfxc.ops.add import Add
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.const import const_value, int_const, real_const
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.mul import Mul
from qfxc.quantize.allowed import Allowed, few_ones
from qfxc.quantize.placement import MOVES

Known = Callable[[Node], Fraction | None]


def dequantized(node: Node) -> Fraction | None:
    """The step of a value of a QDQ graph that is codes times one step."""
    return node.inputs[0].type.int.scale.values[0] if isinstance(node.op, Dequantize) else None


def worth(node: Node, known: Known = dequantized) -> Fraction | None:
    """The step of a value that is a multiple of one, as integerize will find it; None of others.

    ``known`` gives the steps of quantized values.
    """
    found = known(node)
    if found is not None:
        return found
    steps = [worth(i, known) for i in node.streams]
    first = steps[0] if steps else None
    if first is None or any(step is None for step in steps):
        return None
    match node.op:
        case Mul():
            return first * (steps[1] or first)
        case Add():
            return first / (first / (steps[1] or first)).numerator
        case AvgPool() as op:
            size = node.inputs[0].type.shape
            divisors = np.unique(counts((size[0], size[1]), op.kernel, op.stride, op.uncounted))
            return first / lcm(*(int(d) for d in divisors))
    return first if isinstance(node.op, MOVES) else None


def on_grid(constant: Node, unit: Fraction, bits: int, ones: int = 0) -> Node:
    """The constant's numbers as the nearest ``p * 2**e * unit``, ``p`` of ``bits`` bits.

    ``ones``: ``p`` is a sum of at most that many signed powers of two; 0 for any.
    """
    value = const_value(constant)
    pairs = [_nearest(exact(v) / unit, bits, ones) for v in np.atleast_1d(value)]
    if unit == 1:
        rounded = np.array([p * 2.0**e for p, e in pairs]).reshape(value.shape)
        return real_const(rounded, constant.name)
    codes = np.array([p for p, _ in pairs], dtype=np.int64).reshape(value.shape)
    elem = Int(
        min(0, int(codes.min())),
        max(0, int(codes.max())),
        Scale.of([Fraction(2) ** e * unit for _, e in pairs]),
    )
    quantized = int_const(codes, elem, f"{constant.name}.q")
    return Node(Dequantize(), (quantized,), f"{constant.name}.dq")


def _nearest(number: Fraction, bits: int, ones: int) -> tuple[int, int]:
    """``(p, e)``: the nearest ``p * 2**e`` with an odd ``p`` of at most ``bits`` bits."""
    if number == 0:
        return 0, 0
    exponent = frexp(float(number))[1] - bits
    p = round(number / Fraction(2) ** exponent)
    if not few_ones(p, ones):
        p = int(Allowed((2 << bits) - 1, ones).nearest(np.array(float(p))))
    while p % 2 == 0:
        p, exponent = p // 2, exponent + 1
    return p, exponent
