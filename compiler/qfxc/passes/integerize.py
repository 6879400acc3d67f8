"""The QDQ graph becomes an integer graph, exactly: quantizers turn into staircases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.types import Array, Int, exact
from qfxc.ops.add import Add
from qfxc.ops.affine import Affine
from qfxc.ops.argmax import ArgMax
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.clip import Clip
from qfxc.ops.const import const_value
from qfxc.ops.conv import Conv
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.divide import Divide
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.mul import Mul
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.quantize import Quantize
from qfxc.ops.staircase import Staircase
from qfxc.ops.thresholds import Thresholds
from qfxc.ops.unary import Unary
from qfxc.passes.base import Pass
from qfxc.passes.exact import (
    Exact,
    NoCodes,
    chain_functions,
    exact_values,
    linear,
    tabulated,
)
from qfxc.passes.exact_layers import added, averaged, dense, moved, padded


@dataclass(frozen=True)
class Integerize(Pass):
    """turns quantizers, biases, BatchNorm and activations into exact integer staircases"""

    exact = True

    def run(self, graph: Graph) -> Graph:
        build = Builder()
        for node in graph.nodes():
            build.visit(node)
        return Graph(
            graph.name,
            tuple(build.integer(n) for n in graph.inputs),
            tuple(build.integer(n) for n in graph.outputs),
            tuple(
                build.port(n, port) for n, port in zip(graph.inputs, graph.in_ports, strict=True)
            ),
            graph.out_ports,
        )


class Builder:
    """Visits nodes, producers first, and keeps what each one is in integers.

    ``visit`` raises NoCodes where a value would have to be quantized first.
    """

    def __init__(self) -> None:
        self._exact: dict[int, Exact] = {}
        self._ints: dict[int, Node] = {}
        self._host: dict[int, Quantize] = {}

    def port(self, source: Node, port: Port) -> Port:
        """The port of a graph input, with the host's rounding and overflow where a quantizer
        says them."""
        own = self._host.get(id(source))
        if own is None:
            return port
        return replace(port, rounding=own.rounding.value, overflow=own.overflow.value)

    def exact(self, node: Node) -> Exact | None:
        """A real value as a function of integers; None where it was not visited."""
        return self._exact.get(id(node))

    def known(self, node: Node) -> bool:
        """Whether ``node`` was visited with success."""
        return id(node) in self._exact or id(node) in self._ints

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
            slopes, offsets = ranked.line
            if len(slopes) > 1 or len(offsets) > 1 or slopes[0] <= 0:
                raise NoCodes(ranked)
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
        if id(source) not in self._ints:  # the host quantizes: every reader has the same type
            made = Node(Input(source.type.shape, node.type.int), (), source.name)
            self._ints[id(source)] = made
            assert isinstance(node.op, Quantize)
            self._host[id(source)] = node.op
        self._ints[id(node)] = self._ints[id(source)]

    def _real(self, node: Node, inputs: list[Exact]) -> Exact:
        match node.op:
            case Conv() | MatMul():
                return dense(node, inputs[0], self.integer(node.inputs[1].inputs[0]))
            case Affine() | Clip() | PRelu():
                return inputs[0].map(*chain_functions(node))
            case Unary(program=program):
                return inputs[0].followed_by(program)
            case Divide():
                return inputs[0].map(*(_over(d) for d in exact_values(node.inputs[1])))
            case Thresholds():
                if inputs[0].then is not None:
                    raise NoCodes(inputs[0])
                return inputs[0].map(*(_counting(t) for t in const_value(node.inputs[1])))
            case Add():
                return added(node, node.op, *inputs)
            case Mul():
                codes = Node(node.op, tuple(i.node for i in inputs), node.name)
                return linear(codes, (inputs[0].step * inputs[1].step,))
            case AvgPool():
                return averaged(node, node.op, inputs[0])
            case Pad():
                return padded(node, node.op, inputs[0])
        return moved(node, tuple(inputs))


def _quantize(node: Node, x: Exact) -> Node:
    op = node.op
    assert isinstance(op, Quantize)
    elem = op.elem
    codes = x.map(*(_over(s) for s in elem.scale.values))
    if codes.then is not None:
        return Node(tabulated(codes, op, node.name), (x.node,), node.name)
    if _is_on_grid(codes, elem):
        return x.node
    stairs = Staircase(codes.pieces, op.rounding, elem, op.overflow)
    return Node(stairs, (x.node,), node.name)


def _is_on_grid(codes: Exact, elem: Int) -> bool:
    """Whether a value that is its node's codes is in range and on the grid: no cast is needed."""
    have = codes.node.type.int
    if len(codes.pieces) > 1 or len(codes.pieces[0].segments) > 1:
        return False
    (line,) = codes.pieces[0].segments
    if line.intercept or line.slope.denominator > 1 or line.slope <= 0:
        return False
    ratio = line.slope.numerator
    same = have.scale.values == tuple(v * ratio for v in elem.scale.values)
    return same and elem.lo <= have.lo * ratio and have.hi * ratio <= elem.hi


def _counting(thresholds: Array) -> Callable[[Piecewise], Piecewise]:
    levels = [exact(t) for t in thresholds]
    return lambda p: p.steps(levels)


def _over(step: Fraction) -> Callable[[Piecewise], Piecewise]:
    return lambda p: p.affine(1 / step, Fraction(0))
