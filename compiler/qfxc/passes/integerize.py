"""The QDQ graph becomes an integer graph, exactly: quantizers turn into staircases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from qfxc.errors import InternalError, UserError
from qfxc.ir.graph import Graph, Node
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.types import Int, exact
from qfxc.ops._spatial import counts
from qfxc.ops.add import Add
from qfxc.ops.affine import Affine
from qfxc.ops.argmax import ArgMax
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.clip import Clip
from qfxc.ops.const import const_value
from qfxc.ops.conv import Conv
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.mul import Mul
from qfxc.ops.pad import Pad
from qfxc.ops.pool import Pool
from qfxc.ops.prelu import PRelu
from qfxc.ops.quantize import Quantize
from qfxc.ops.reshape import Reshape
from qfxc.ops.staircase import Staircase
from qfxc.ops.table import Table
from qfxc.ops.unary import FUNCTIONS, Unary
from qfxc.ops.window import Window
from qfxc.passes.base import Pass

Function = Callable[[Fraction], Fraction]


@dataclass(frozen=True)
class Exact:
    """A real value as an exact function of integers.

    The real tensor equals ``pieces[channel](node)`` element by element, followed by ``then``
    where that is not None (a function with no finite description, to be tabulated).
    """

    node: Node
    pieces: tuple[Piecewise, ...]
    then: Function | None = None

    def map(self, *functions: Callable[[Piecewise], Piecewise]) -> Exact:
        """Applies one function per channel, or one to all."""
        if self.then is not None:
            raise InternalError(f"{self.node.name}: a table must be quantized first")
        count = max(len(functions), len(self.pieces))
        wide_f = functions * (count // len(functions))
        wide_p = self.pieces * (count // len(self.pieces))
        return Exact(self.node, tuple(f(p) for f, p in zip(wide_f, wide_p, strict=True)))

    @property
    def step(self) -> Fraction:
        """The scale of a value that is one constant times its codes; anything else is a bug."""
        first = self.pieces[0].segments[0]
        if self.then or len(self.pieces) > 1 or len(self.pieces[0].segments) > 1 or first.intercept:
            raise InternalError(
                f"{self.node.name}: codes were expected, this value is not quantized"
            )
        return first.slope


def _linear(node: Node, scales: tuple[Fraction, ...], offsets: tuple[Fraction, ...] = ()) -> Exact:
    offsets = offsets or (Fraction(0),) * len(scales)
    if len(set(scales)) == len(set(offsets)) == 1:
        scales, offsets = scales[:1], offsets[:1]
    pairs = zip(scales, offsets, strict=True)
    return Exact(node, tuple(Piecewise.linear(a, b) for a, b in pairs))


@dataclass(frozen=True)
class Integerize(Pass):
    """turns quantizers, biases, BatchNorm and activations into exact integer staircases"""

    exact = True

    def run(self, graph: Graph) -> Graph:
        build = _Builder()
        for node in graph.nodes():
            build.visit(node)
        return Graph(
            graph.name,
            tuple(build.integer(n) for n in graph.inputs),
            tuple(build.integer(n) for n in graph.outputs),
            graph.in_ports,
            graph.out_ports,
        )


class _Builder:
    def __init__(self) -> None:
        self._exact: dict[int, Exact] = {}
        self._ints: dict[int, Node] = {}

    def integer(self, node: Node) -> Node:
        """The integer node of a quantized value (its own, or the codes of its real value)."""
        if id(node) in self._ints:
            return self._ints[id(node)]
        return self._exact[id(node)].node

    def visit(self, node: Node) -> None:
        if isinstance(node.op, Quantize) and isinstance(node.inputs[0].op, Input):
            self._input(node)
        elif isinstance(node.op, Quantize):
            self._ints[id(node)] = _quantize(node, self._exact[id(node.inputs[0])])
        elif isinstance(node.op, ArgMax):
            ranked = self._exact[id(node.inputs[0])]
            _ = ranked.step
            self._ints[id(node)] = Node(node.op, (ranked.node,), node.name)
        elif node.type.is_int:
            self._ints[id(node)] = node
        elif isinstance(node.op, Dequantize):
            codes = self.integer(node.inputs[0])
            self._exact[id(node)] = _linear(codes, codes.type.int.scale.values)
        elif node.streams and not isinstance(node.op, Input):
            inputs = [self._exact[id(i)] for i in node.streams]
            self._exact[id(node)] = self._real(node, inputs)

    def _input(self, node: Node) -> None:
        source = node.inputs[0]
        made = Node(Input(source.type.shape, node.type.int), (), source.name)
        self._ints[id(node)] = self._ints[id(source)] = made

    def _real(self, node: Node, inputs: list[Exact]) -> Exact:
        match node.op:
            case Conv() | MatMul():
                return self._layer(node, inputs[0])
            case Affine() | Clip() | PRelu():
                return _chain(node, inputs[0])
            case Unary(fn=fn):
                return Exact(inputs[0].node, inputs[0].pieces, FUNCTIONS[fn][1])
            case Add():
                return _add(node, node.op, *inputs)
            case Mul():
                codes = Node(node.op, tuple(i.node for i in inputs), node.name)
                return _linear(codes, (inputs[0].step * inputs[1].step,))
            case AvgPool():
                return _average(node, node.op, inputs[0])
            case Pad():
                return _pad(node, node.op, inputs[0])
        step = inputs[0].step
        if any(i.step != step for i in inputs):
            raise InternalError(f"{node.name}: the inputs have different scales")
        return _linear(Node(node.op, tuple(i.node for i in inputs), node.name), (step,))

    def _layer(self, node: Node, x: Exact) -> Exact:
        w = self.integer(node.inputs[1].inputs[0])
        codes = Node(node.op, (x.node, w), node.name)
        channels = node.type.channels
        scales = tuple(x.step * s for s in w.type.int.scale.channels(channels))
        if len(node.inputs) < 3:
            return _linear(codes, scales)
        offsets = tuple(exact(v) for v in const_value(node.inputs[2]))
        return _linear(codes, scales, offsets)


def _quantize(node: Node, x: Exact) -> Node:
    elem, rounding = node.type.int, node.op.rounding  # type: ignore[attr-defined]
    inverse = 1 / elem.scale.values[0]
    name = node.name
    if x.then is not None:
        return Node(_tabulate(node, x, elem, inverse), (x.node,), name)
    pieces = x.map(lambda p: p.affine(inverse, Fraction(0))).pieces
    if pieces == (Piecewise.linear(Fraction(1)),):
        codes = x.node.type.int
        if elem.lo <= codes.lo and codes.hi <= elem.hi and codes.scale == elem.scale:
            return x.node
    return Node(Staircase(pieces, rounding, elem), (x.node,), name)


def _tabulate(node: Node, x: Exact, elem: Int, inverse: Fraction) -> Table:
    codes = x.node.type.int
    if codes.bits > 12 or x.then is None:
        raise UserError(
            f"a function of {codes.bits}-bit codes needs {codes.hi - codes.lo + 1} table entries",
            where=node.name,
            hint="use at most 12 activation bits",
        )
    rounding = node.op.rounding  # type: ignore[attr-defined]
    rows = []
    for piece in x.pieces:
        values = (_value(x.then, piece.at(c)) for c in range(codes.lo, codes.hi + 1))
        rows.append(
            tuple(
                elem.hi if v is None else min(max(rounding.round(v * inverse), elem.lo), elem.hi)
                for v in values
            )
        )
    return Table(tuple(rows), elem)


def _value(function: Function, x: Fraction) -> Fraction | None:
    """The function's value; None at a pole, which saturates."""
    try:
        return function(x)
    except ZeroDivisionError:
        return None


def _chain(node: Node, x: Exact) -> Exact:
    match node.op:
        case Clip(lo=lo, hi=hi):
            low = None if lo == -np.inf else exact(lo)
            high = None if hi == np.inf else exact(hi)
            return x.map(lambda p: p.clip(low, high))
        case Affine():
            a, b = (np.atleast_1d(const_value(i)) for i in node.inputs[1:])
            count = max(len(a), len(b))
            pairs = zip(np.broadcast_to(a, count), np.broadcast_to(b, count), strict=True)
            return x.map(*(_affine_of(exact(u), exact(v)) for u, v in pairs))
    slopes = np.atleast_1d(const_value(node.inputs[1]))
    return x.map(*(_prelu_of(exact(s)) for s in slopes))


def _affine_of(a: Fraction, b: Fraction) -> Callable[[Piecewise], Piecewise]:
    return lambda p: p.affine(a, b)


def _prelu_of(slope: Fraction) -> Callable[[Piecewise], Piecewise]:
    return lambda p: p.prelu(slope)


def _add(node: Node, op: Add, x: Exact, y: Exact) -> Exact:
    """Integer factors in lowest terms make both operands multiples of one step."""
    ratio = x.step / y.step
    unit = x.step / ratio.numerator
    factors = (op.kx * ratio.numerator, op.ky * ratio.denominator)
    common = gcd(*factors)
    codes = Node(Add(factors[0] // common, factors[1] // common), (x.node, y.node), node.name)
    return _linear(codes, (unit * common,))


def _average(node: Node, op: AvgPool, x: Exact) -> Exact:
    """Integer sums; windows that count fewer positions get a factor, so one divisor serves all."""
    shape = node.inputs[0].type.shape
    divisor = counts((shape[0], shape[1]), op.kernel, op.stride, op.uncounted)
    common = lcm(*(int(d) for d in np.unique(divisor)))
    factors = tuple(int(common // d) for d in divisor.reshape(-1))
    factors = (1,) if set(factors) == {1} else factors
    taps = op.kernel[0] * op.kernel[1]
    if op.kernel == (shape[0], shape[1]):
        flat = Node(Reshape((1, 1, node.inputs[0].type.size)), (x.node,), f"{node.name}.taps")
    else:
        flat = Node(Window(op.kernel, op.stride), (x.node,), f"{node.name}.window")
    return _linear(Node(Pool("sum", taps, factors), (flat,), node.name), (x.step / common,))


def _pad(node: Node, op: Pad, x: Exact) -> Exact:
    codes = [exact(v) / x.step for v in op.value] if not op.lowest else [Fraction(0)]
    if any(c.denominator != 1 for c in codes):
        raise UserError(
            f"pad value {op.value} is not a multiple of the scale {x.step}",
            where=f"{node.name} (Pad)",
            hint="quantize after the padding, or pad with zero",
        )
    made = Pad(op.before, op.after, tuple(int(c) for c in codes), op.lowest)
    return _linear(Node(made, (x.node,), node.name), (x.step,))
