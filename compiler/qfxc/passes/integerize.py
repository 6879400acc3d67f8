"""The QDQ graph becomes an integer graph, exactly: quantizers turn into staircases."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from qfxc.errors import InternalError, UserError
from qfxc.ir.graph import Graph, Node
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.types import exact
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
from qfxc.ops.unary import Unary
from qfxc.ops.window import Window
from qfxc.passes.base import Pass
from qfxc.passes.exact import Exact, chain_functions, linear, tabulated


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
        elif node.type.is_int:  # constants, and what moves the indices of an ArgMax
            moved = tuple(self.integer(i) for i in node.inputs)
            self._ints[id(node)] = Node(node.op, moved, node.name) if moved else node
        elif isinstance(node.op, Dequantize):
            codes = self.integer(node.inputs[0])
            self._exact[id(node)] = linear(codes, codes.type.int.scale.values)
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
                return inputs[0].map(*chain_functions(node))
            case Unary(program=program):
                return inputs[0].followed_by(program)
            case Add():
                return _add(node, node.op, *inputs)
            case Mul():
                codes = Node(node.op, tuple(i.node for i in inputs), node.name)
                return linear(codes, (inputs[0].step * inputs[1].step,))
            case AvgPool():
                return _average(node, node.op, inputs[0])
            case Pad():
                return _pad(node, node.op, inputs[0])
        step = inputs[0].step
        if any(i.step != step for i in inputs):
            raise InternalError(f"{node.name}: the inputs have different scales")
        return linear(Node(node.op, tuple(i.node for i in inputs), node.name), (step,))

    def _layer(self, node: Node, x: Exact) -> Exact:
        w = self.integer(node.inputs[1].inputs[0])
        codes = Node(node.op, (x.node, w), node.name)
        channels = node.type.channels
        scales = tuple(x.step * s for s in w.type.int.scale.channels(channels))
        if len(node.inputs) < 3:
            return linear(codes, scales)
        offsets = tuple(exact(v) for v in const_value(node.inputs[2]))
        return linear(codes, scales, offsets)


def _quantize(node: Node, x: Exact) -> Node:
    elem, rounding = node.type.int, node.op.rounding  # type: ignore[attr-defined]
    inverse = 1 / elem.scale.values[0]
    codes = x.map(lambda p: p.affine(inverse, Fraction(0)))
    if codes.then is not None:
        return Node(tabulated(codes, elem, rounding, node.name), (x.node,), node.name)
    if codes.pieces == (Piecewise.linear(Fraction(1)),):
        have = x.node.type.int
        if elem.lo <= have.lo and have.hi <= elem.hi and have.scale == elem.scale:
            return x.node
    return Node(Staircase(codes.pieces, rounding, elem), (x.node,), node.name)


def _add(node: Node, op: Add, x: Exact, y: Exact) -> Exact:
    """Integer factors in lowest terms make both operands multiples of one step."""
    ratio = x.step / y.step
    unit = x.step / ratio.numerator
    factors = (op.kx * ratio.numerator, op.ky * ratio.denominator)
    common = gcd(*factors)
    codes = Node(Add(factors[0] // common, factors[1] // common), (x.node, y.node), node.name)
    return linear(codes, (unit * common,))


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
    return linear(Node(Pool("sum", taps, factors), (flat,), node.name), (x.step / common,))


def _pad(node: Node, op: Pad, x: Exact) -> Exact:
    codes = [0] if op.lowest else [round(exact(v) / x.step) for v in op.value]
    if not op.lowest and any(float(c * x.step) != v for c, v in zip(codes, op.value, strict=True)):
        raise UserError(
            f"pad value {op.value} is not a multiple of the scale {x.step}",
            where=f"{node.name} (Pad)",
            hint="quantize after the padding, or pad with zero",
        )
    made = Pad(op.before, op.after, tuple(codes), op.lowest)
    return linear(Node(made, (x.node,), node.name), (x.step,))
