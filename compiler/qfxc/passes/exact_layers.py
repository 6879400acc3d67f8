"""Layers, sums, averages and moves of real values that are exact functions of integers."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Node
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int, Scale, exact
from qfxc.ops._spatial import counts
from qfxc.ops.add import Add
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.concat import Concat
from qfxc.ops.const import const_value, int_const
from qfxc.ops.conv import Conv, per_weight
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.pad import Pad
from qfxc.ops.pool import Pool
from qfxc.ops.reshape import Reshape
from qfxc.ops.slice import Slice
from qfxc.ops.staircase import Staircase
from qfxc.ops.transpose import Transpose
from qfxc.ops.window import Window
from qfxc.passes.exact import Exact, NoCodes, exact_values, linear, squeezed

MOST_WEIGHT_BITS = 24
"""Of weights that take over the scales of their input's channels."""

IDENTITY = Piecewise.linear(Fraction(1))


def retyped(x: Exact, scale: Scale) -> Exact:
    """The same value; the node's type has another scale. Costs a stage that copies, if it differs.

    Types give integer operators their scales, and an Add checks them.
    """
    have = x.node.type.int
    if have.scale == scale:
        return x
    elem = have.scaled(scale)
    copy = Node(Staircase((IDENTITY,), Rounding.FLOOR, elem), (x.node,), f"{x.node.name}.scaled")
    return Exact(copy, x.pieces, x.then, x.after)


def dense(node: Node, x: Exact, w: Node) -> Exact:
    """Conv and MatMul with integer weights ``w``: scales and offsets of ``x`` go through."""
    slopes, offsets = x.line
    channels = node.type.channels
    steps = w.type.int.scale.channels(channels)
    bias = [Fraction(0)] * channels
    if len(node.inputs) > 2:
        bias = list(exact_values(node.inputs[2]))
        bias *= channels // len(bias)
    if any(offsets):
        sums = _weighted(node, w, offsets)
        bias = [b + t * o for b, t, o in zip(bias, steps, sums, strict=True)]
    if len(slopes) > 1:
        x, w, steps = _scales_into_weights(node, x, w, steps)
        slopes = (Fraction(1),)
    codes = Node(node.op, (x.node, w), node.name)
    return linear(codes, tuple(slopes[0] * s for s in steps), tuple(bias))


def _groups(node: Node) -> int:
    return node.op.groups if isinstance(node.op, Conv) else 1


def _weighted(node: Node, w: Node, values: tuple[Fraction, ...]) -> list[Fraction]:
    """``sum_k w[k, m] * values[channel of k]`` of every output m, exactly."""
    codes = const_value(w)
    over = lcm(*(v.denominator for v in values))
    row = np.array([int(v * over) for v in values], dtype=object)
    full = per_weight(row if len(row) > 1 else row.reshape(()), codes, _groups(node))
    sums = (codes.astype(object) * full).reshape(-1, codes.shape[-1]).sum(axis=0)
    return [Fraction(int(v), over) for v in sums]


def _scales_into_weights(
    node: Node, x: Exact, w: Node, steps: tuple[Fraction, ...]
) -> tuple[Exact, Node, tuple[Fraction, ...]]:
    """Integer weights for an input with a scale per channel: each takes its channel's multiple."""
    slopes, _ = x.line
    unit = common_step(slopes)
    if unit == 0:
        raise NoCodes(x)
    ratios = np.array([int(v / unit) for v in slopes], dtype=object)
    codes = const_value(w)
    scaled = codes.astype(object) * per_weight(ratios, codes, _groups(node))
    columns = scaled.reshape(-1, codes.shape[-1])
    shared = [gcd(*(int(v) for v in column)) or 1 for column in columns.T]
    reduced = scaled // np.array(shared, dtype=object)
    if max(abs(int(v)) for v in reduced.reshape(-1)).bit_length() >= MOST_WEIGHT_BITS:
        raise NoCodes(x)
    codes = reduced.astype(np.int64)
    elem = Int(int(codes.min()), int(codes.max()))
    made = int_const(codes, elem, f"{w.name}.by_channel")
    units = tuple(unit * s * k for s, k in zip(steps, shared, strict=True))
    return retyped(x, Scale.of(Fraction(1))), made, units


def common_step(values: tuple[Fraction, ...]) -> Fraction:
    """The largest step of which all values are integer multiples."""
    over = lcm(*(v.denominator for v in values))
    return Fraction(gcd(*(int(v * over) for v in values)), over)


def added(node: Node, op: Add, x: Exact, y: Exact) -> Exact:
    """Integer factors in lowest terms make both operands multiples of one step."""
    (a, o), (b, p) = x.line, y.line
    for value, slopes in ((x, a), (y, b)):
        if any(v <= 0 for v in slopes):
            raise NoCodes(value)
    count = max(len(a), len(b))
    ratios = squeezed(s / t for s, t in zip(_wide(a, count), _wide(b, count), strict=True))
    if len(ratios) > 1:
        raise NoCodes(x if len(a) > 1 else y)
    units = tuple(s / ratios[0].numerator for s in _wide(a, count))
    factors = (op.kx * ratios[0].numerator, op.ky * ratios[0].denominator)
    common = gcd(*factors)
    left, right = retyped(x, Scale.of(a)), retyped(y, Scale.of(b))
    join = Add(factors[0] // common, factors[1] // common)
    codes = Node(join, (left.node, right.node), node.name)
    ends = max(len(o), len(p), count)
    offsets = tuple(
        op.kx * u + op.ky * v for u, v in zip(_wide(o, ends), _wide(p, ends), strict=True)
    )
    return linear(codes, _wide(tuple(u * common for u in units), ends), offsets)


def _wide(values: tuple[Fraction, ...], count: int) -> tuple[Fraction, ...]:
    return values * (count // len(values))


def averaged(node: Node, op: AvgPool, x: Exact) -> Exact:
    """Integer sums; windows that count fewer positions get a factor, so one divisor serves all."""
    slopes, offsets = x.line
    if any(op.uncounted) and any(offsets):
        raise NoCodes(x)
    shape = node.inputs[0].type.shape
    divisor = counts((shape[0], shape[1]), op.kernel, op.stride, op.uncounted)
    common = lcm(*(int(d) for d in np.unique(divisor)))
    factors = tuple(int(common // d) for d in divisor.reshape(-1))
    factors = (1,) if set(factors) == {1} else factors
    taps = op.kernel[0] * op.kernel[1]
    if op.kernel == (shape[0], shape[1]):
        if not x.node.type.int.scale.per_tensor:
            x = retyped(x, Scale.of(Fraction(1)))
        flat = Node(Reshape((1, 1, node.inputs[0].type.size)), (x.node,), f"{node.name}.taps")
    else:
        flat = Node(Window(op.kernel, op.stride), (x.node,), f"{node.name}.window")
    codes = Node(Pool("sum", taps, factors), (flat,), node.name)
    ends = max(len(slopes), len(offsets))
    over = tuple(s / common for s in _wide(slopes, ends))
    return linear(codes, over, _wide(offsets, ends))


def padded(node: Node, op: Pad, x: Exact) -> Exact:
    """Padding with the codes of the values that pad."""
    if op.lowest:
        return moved(node, (x,))
    slopes, offsets = x.line
    count = max(len(slopes), len(offsets), len(op.value))
    values = _wide(tuple(exact(v) for v in op.value), count)
    rows = list(zip(values, _wide(slopes, count), _wide(offsets, count), strict=True))
    if any(s == 0 and v != o for v, s, o in rows):
        raise NoCodes(x)
    codes = squeezed((v - o) / s if s else Fraction(0) for v, s, o in rows)
    if any(c.denominator > 1 for c in codes):
        if len(slopes) > 1 or any(offsets):
            raise NoCodes(x)
        raise UserError(
            f"pad value {op.value} is not a multiple of the scale {slopes[0]}",
            where=f"{node.name} (Pad)",
            hint="quantize after the padding, or pad with zero",
        )
    made = Pad(op.before, op.after, tuple(int(c) for c in codes), op.lowest)
    return Exact(Node(made, (x.node,), node.name), x.pieces)


def moved(node: Node, inputs: tuple[Exact, ...]) -> Exact:
    """Operators that only move elements, or pick the largest: they act on codes alike."""
    if len(inputs) > 1:
        return _joined(node, inputs)
    (x,) = inputs
    largest = isinstance(node.op, (MaxPool, Pad))
    if x.then is not None or (largest and any(p.direction != 1 for p in x.pieces)):
        raise NoCodes(x)
    repeats = 1 if keeps_channels(node) or len(x.pieces) == 1 else _repeats(node)
    if not repeats:
        raise NoCodes(x)
    if not x.node.type.int.scale.per_tensor and not keeps_channels(node):
        x = retyped(x, Scale.of(Fraction(1)))
    return Exact(Node(node.op, (x.node,), node.name), x.pieces * repeats)


def _repeats(node: Node) -> int:
    """How often a channel comes again in a reshape that merges positions with channels."""
    old, new = node.inputs[0].type.channels, node.type.channels
    return new // old if isinstance(node.op, Reshape) and new % old == 0 else 0


def keeps_channels(node: Node) -> bool:
    """Whether every element stays in its channel."""
    match node.op:
        case Reshape():
            return node.type.channels == node.inputs[0].type.channels
        case Transpose(perm=perm):
            return perm[-1] == len(perm) - 1
        case Slice():
            return node.type.channels == node.inputs[0].type.channels
        case Concat(axis=axis):
            return axis < len(node.type.shape) - 1
    return not isinstance(node.op, Pad) or not (node.op.before[-1] or node.op.after[-1])


def _joined(node: Node, inputs: tuple[Exact, ...]) -> Exact:
    """A Concat, of codes of one scale; along the channels every part keeps its function."""
    steps = [x.step for x in inputs]
    unit = common_step(tuple(steps))
    for x, step in zip(inputs, steps, strict=True):
        if step != unit:
            raise NoCodes(x, unit)
    scale = Scale.of(unit)
    return linear(Node(node.op, tuple(retyped(x, scale).node for x in inputs), node.name), (unit,))
