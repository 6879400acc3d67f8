"""Operators, nodes and graphs. A node has one result, so the node *is* the value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import ClassVar

import networkx as nx
import numpy as np

from qfxc.errors import InternalError
from qfxc.ir.overflow import Overflow
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, TensorType


class Op:
    """One operator: a frozen dataclass whose fields are its attributes, in a module of its own.

    ``infer`` computes the result type (shape, proven range, scale) from the input types, ``run``
    computes the values: it *defines* the operator. Arrays carry a leading batch axis, except
    those of ``Const`` nodes, which have exactly the shape of their type.
    """

    stem: ClassVar[str] = ""
    data_inputs: ClassVar[int | None] = None
    """How many leading inputs are streams; the rest are constants. None: all are streams."""

    def __init_subclass__(cls) -> None:
        cls.stem = cls.__module__.rsplit(".", 1)[-1]

    def infer(self, *inputs: TensorType) -> TensorType:
        raise NotImplementedError

    def run(self, node: Node, *arrays: Array) -> Array:
        raise NotImplementedError

    def bind(self, node: Node) -> Callable[..., Array]:
        """``run`` for one node, called batch after batch: what does not change is prepared once."""
        return partial(self.run, node)

    def infer_node(self, inputs: tuple[Node, ...]) -> TensorType:
        """Override where the range depends on constant values, not on types alone."""
        return self.infer(*(node.type for node in inputs))


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An operator applied to nodes. The constructor infers the type: types are never copied."""

    op: Op
    inputs: tuple[Node, ...] = ()
    name: str = ""
    type: TensorType = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", self.op.infer_node(self.inputs))

    @property
    def streams(self) -> tuple[Node, ...]:
        """The inputs that carry data from frame to frame (not weights)."""
        return self.inputs[: self.op.data_inputs]

    def __repr__(self) -> str:
        return f"%{self.name} = {self.op.stem}({', '.join(n.name for n in self.inputs)})"


@dataclass(frozen=True, slots=True)
class Port:
    """How a graph input or output looks outside: its ONNX name, shape and axis order.

    ``shape`` has no batch axis; frame axis ``i`` holds outside axis ``perm[i]``. ``host`` names
    operators that the host applies (softmax at an output). ``kind`` is the ONNX element type of a
    tensor of integers ("INT8"; empty for real numbers): outside, code ``q`` is ``q + zero``.
    ``rounding`` and ``overflow`` name how the host turns real numbers into codes. ``offset``: what
    an output stands for is its scale times its codes plus this (one number, or one per channel;
    empty for zero).
    """

    name: str
    shape: tuple[int, ...]
    perm: tuple[int, ...]
    host: tuple[str, ...] = ()
    kind: str = ""
    zero: int = 0
    rounding: str = Rounding.HALF_UP.value
    offset: tuple[Fraction, ...] = ()
    overflow: str = Overflow.SAT.value

    def to_frame(self, array: Array, frame: tuple[int, ...]) -> Array:
        """A batch in the outside layout, as a batch of frames."""
        moved = array.transpose(0, *(axis + 1 for axis in self.perm))
        return np.ascontiguousarray(moved.reshape(len(array), *frame))

    def integers(self, array: Array) -> Array:
        """A batch of frames of codes as ONNX has them: its layout, zero point and number type."""
        codes = self.from_frame(array)
        if not self.kind:
            return codes
        sign, bits = self.kind.split("INT")
        return (codes + self.zero).astype(f"{sign.lower()}int{max(int(bits), 8)}")

    def from_frame(self, array: Array) -> Array:
        """A batch of frames, in the outside layout."""
        moved = array.reshape(len(array), *(self.shape[axis] for axis in self.perm))
        return np.ascontiguousarray(
            moved.transpose(0, *(1 + int(i) for i in np.argsort(self.perm)))
        )


@dataclass(frozen=True)
class Graph:
    """A network: inputs, outputs and, through them, every node. Names are unique."""

    name: str
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    in_ports: tuple[Port, ...]
    out_ports: tuple[Port, ...]

    def nodes(self) -> list[Node]:
        """Every node once, producers first, in a stable order (depth first from the outputs)."""
        order: list[Node] = []
        seen: set[int] = set()
        stack = [(node, False) for node in reversed((*self.inputs, *self.outputs))]
        while stack:
            node, ready = stack.pop()
            if ready:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((i, False) for i in reversed(node.inputs) if id(i) not in seen)
        return order

    def uses(self) -> Counter[str]:
        """How many times each node's value is consumed (a graph output counts once)."""
        count = Counter(i.name for node in self.nodes() for i in node.inputs)
        count.update(node.name for node in self.outputs)
        return count

    def networkx(self) -> nx.MultiDiGraph:
        """The same graph for networkx's algorithms; nodes are names."""
        out = nx.MultiDiGraph()
        for node in self.nodes():
            out.add_node(node.name, node=node)
            out.add_edges_from((i.name, node.name) for i in node.inputs)
        return out

    def check_names(self) -> None:
        twice = [n for n, k in Counter(node.name for node in self.nodes()).items() if k > 1]
        if twice:
            raise InternalError(f"names used by more than one node: {', '.join(sorted(twice))}")


Rule = Callable[[Node], Node | None]


def once(rule: Rule) -> Rule:
    """``rule``, asked once about every name: for rules that would match their own answer."""
    done: set[str] = set()

    def first(node: Node) -> Node | None:
        if node.name in done:
            return None
        done.add(node.name)
        return rule(node)

    return first


def _apply(node: Node, rules: tuple[Rule, ...]) -> Node:
    for _ in range(100):
        for rule in rules:
            new = rule(node)
            if new is not None and new is not node:
                node = new
                break
        else:
            return node
    raise InternalError(f"rewriting {node!r} does not end")


def rewrite(graph: Graph, *rules: Rule) -> Graph:
    """Rebuilds the graph bottom up; on every rebuilt node the rules run until none answers.

    A rule returns a replacement node, or None. Types are re-inferred; dead code vanishes.
    """
    new: dict[int, Node] = {}
    for node in graph.nodes():
        inputs = tuple(new[id(i)] for i in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        rebuilt = node if same else Node(node.op, inputs, node.name)
        new[id(node)] = _apply(rebuilt, rules)
    return Graph(
        graph.name,
        tuple(_input_of(new[id(n)]) for n in graph.inputs),
        tuple(new[id(n)] for n in graph.outputs),
        graph.in_ports,
        graph.out_ports,
    )


def _input_of(node: Node) -> Node:
    """The graph input inside what a rule made of one (a quantizer put behind it, say)."""
    return next(n for n in walk_up(node) if n.op.stem == "input")


def walk_up(node: Node) -> Iterator[Node]:
    """``node`` and everything it depends on, each once."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        top = stack.pop()
        if id(top) not in seen:
            seen.add(id(top))
            yield top
            stack.extend(top.inputs)
