"""Functions of one value, however a model spells them, become one function with one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from qfxc.ir.function import MOST_STEPS, Program, X, apply, compose, constant
from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ops.add import Add
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.const import const_value
from qfxc.ops.mul import Mul
from qfxc.ops.prelu import PRelu
from qfxc.ops.unary import Unary
from qfxc.passes.base import Pass
from qfxc.quantize.placement import SUMS


@dataclass(frozen=True)
class FuseFunctions(Pass):
    """makes one table of elementwise arithmetic on one value: x*sigmoid(x), 0.5*x*(1+erf(x/c))"""

    exact = True
    optional = True

    def run(self, graph: Graph) -> Graph:
        uses = graph.uses()

        def fuse(node: Node) -> Node | None:
            return _join(node) if isinstance(node.op, (Add, Mul)) else _chain(node, uses)

        return rewrite(graph, fuse)


def _program(node: Node) -> Program | None:
    """The function that an elementwise node applies to its only stream; None of other nodes."""
    match node.op:
        case Unary(program=program):
            return program
        case Clip(lo=lo, hi=hi):
            above = X if lo == -inf else apply("max", X, lo)
            return above if hi == inf else apply("min", above, hi)
        case Affine():
            a, b = (constant(const_value(i)) for i in node.inputs[1:])
            return apply("add", apply("mul", a, X), b)
        case PRelu():
            slope = constant(const_value(node.inputs[1]))
            return apply("add", apply("max", X, 0.0), apply("mul", slope, apply("min", X, 0.0)))
    return None


def _functions_of(node: Node) -> dict[int, tuple[Node, Program]]:
    """Everything that ``node`` is a function of, element by element: itself first."""
    found, function = {id(node): (node, X)}, X
    while (step := _program(node)) is not None and len(function) + len(step) < MOST_STEPS:
        node, function = node.inputs[0], compose(function, step)
        found[id(node)] = (node, function)
    return found


def _join(node: Node) -> Node | None:
    """A sum or product of two functions of one value. ``x + x`` and ``x * x`` are left alone."""
    if _program(node.inputs[0]) is None and _program(node.inputs[1]) is None:
        return None
    left, right = (_functions_of(i) for i in node.inputs)
    shared = next((key for key in left if key in right), None)
    if shared is None:
        return None
    (source, f), (_, g) = left[shared], right[shared]
    if isinstance(node.op, Add):
        f, g = apply("mul", float(node.op.kx), f), apply("mul", float(node.op.ky), g)
    program = apply("add" if isinstance(node.op, Add) else "mul", f, g)
    return Node(Unary(program), (source,), node.name) if len(program) < MOST_STEPS else None


def _chain(node: Node, uses: Mapping[str, int]) -> Node | None:
    """Two functions of which nobody else reads the inner one: a table and arithmetic around it.

    What follows a sum of products directly stays: its quantizer takes it in at no cost.
    """
    outer = _program(node)
    inner = _program(node.inputs[0]) if outer is not None else None
    if outer is None or inner is None or uses[node.inputs[0].name] != 1:
        return None
    tables = [isinstance(n.op, Unary) for n in (node, node.inputs[0])]
    if not any(tables) or (not tables[1] and isinstance(_source(node.inputs[0]).op, SUMS)):
        return None
    program = compose(outer, inner)
    source = node.inputs[0].inputs[0]
    return Node(Unary(program), (source,), node.name) if len(program) < MOST_STEPS else None


def _source(node: Node) -> Node:
    """What the elementwise arithmetic in front of ``node`` starts from."""
    while not isinstance(node.op, Unary) and _program(node) is not None:
        node = node.inputs[0]
    return node
