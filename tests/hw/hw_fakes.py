"""Small operators with made-up hardware: what plan and netlist need, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import ClassVar

import numpy as np

from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.kernel import (
    Cost,
    Fold,
    Kernel,
    KernelOp,
    Variant,
    divisors,
    lane_folds,
    stream_params,
    words,
)
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops.const import int_const
from qfxc.ops.input import Input
from qfxc.ops.reshape import Reshape

U8 = Int(0, 255)


@dataclass(frozen=True)
class Same(KernelOp):
    """Any number of equal inputs, elementwise; ``late`` is its lag."""

    late: Fraction = Fraction(0)
    bits: int = 8

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(inputs[0].shape, Int(0, (1 << self.bits) - 1))

    def run(self, node: Node, *arrays: Array) -> Array:
        return arrays[0]

    def folds(self, node: Node) -> tuple[Fold, ...]:
        return lane_folds(node.type.channels)

    def cycles(self, node: Node, fold: Fold) -> int:
        return words(node.type, fold.pe)

    def cost(self, node: Node, fold: Fold) -> Cost:
        return Cost(lut=20 * fold.pe + 10, ff=10 * fold.pe)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        params = {"Lanes": fold.pe, "Words": words(node.type, fold.pe)}
        values = {"VPeriod": 1, "Size": 1 << self.bits}
        return Kernel(self.stem, {**params, **values, **stream_params("Y", node.type.int)})

    def lag(self, node: Node) -> Fraction:
        return self.late


@dataclass(frozen=True)
class Wide(Same):
    """Two inputs, as ``add``."""


@dataclass(frozen=True)
class Slow(Same):
    """As ``window``: steady, but late."""

    def pause(self, node: Node) -> Fraction:
        return self.late


@dataclass(frozen=True)
class Turn(Same):
    """As ``transpose``: not steady."""


@dataclass(frozen=True)
class Join(Same):
    """As ``concat``, on any axis."""

    axis: int = 0

    def infer(self, *inputs: TensorType) -> TensorType:
        shape = list(inputs[0].shape)
        shape[self.axis] = sum(i.shape[self.axis] for i in inputs)
        return TensorType(tuple(shape), U8)

    def folds(self, node: Node) -> tuple[Fold, ...]:
        return lane_folds(int(np.gcd.reduce([i.type.channels for i in node.inputs])))


@dataclass(frozen=True)
class Dot(KernelOp):
    """A matrix product with ``outs`` results per vector; multipliers cost DSPs."""

    data_inputs: ClassVar[int] = 1
    outs: int = 8

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType((*inputs[0].shape[:-1], self.outs), Int(-(1 << 15), (1 << 15) - 1))

    def folds(self, node: Node) -> tuple[Fold, ...]:
        ins = node.inputs[0].type.channels
        return tuple(Fold(s, p) for s in divisors(ins) for p in divisors(self.outs))

    def cycles(self, node: Node, fold: Fold) -> int:
        x = node.inputs[0].type
        return prod(x.shape[:-1]) * (x.channels // fold.simd) * (self.outs // fold.pe)

    def cost(self, node: Node, fold: Fold) -> Cost:
        lanes = fold.simd * fold.pe
        return Cost(lut=100 + 10 * lanes, ff=50 + 20 * lanes, dsp=lanes, bram18=1)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        x = node.inputs[0].type
        params = {
            "Simd": fold.simd,
            "Pe": fold.pe,
            "Vectors": prod(x.shape[:-1]),
            "Groups": 1,
            "Tiles": self.outs // fold.pe,
            "Depth": x.channels // fold.simd,
            "Fabric": int(fold.variant is Variant.LUT),
        }
        for letter, elem in (("X", x.int), ("W", U8), ("Y", node.type.int)):
            params |= stream_params(letter, elem)
        return Kernel("matvec", params)

    def multipliers(self, node: Node, fold: Fold) -> int:
        return fold.simd * fold.pe

    def lag(self, node: Node) -> Fraction:
        return Fraction(1, max(1, prod(node.type.shape[:-1])))


@dataclass(frozen=True)
class Twin(Dot):
    """Multipliers of DSPs, or of 70 LUTs each."""

    def folds(self, node: Node) -> tuple[Fold, ...]:
        folds = Dot.folds(self, node)
        return tuple(Fold(f.simd, f.pe, v) for f in folds for v in (Variant.DSP, Variant.LUT))

    def cost(self, node: Node, fold: Fold) -> Cost:
        cost = Dot.cost(self, node, fold)
        return replace(cost, lut=cost.lut + 70 * cost.dsp, dsp=0) if fold.variant else cost


@dataclass(frozen=True)
class Rough(KernelOp):
    """Any lanes, cycles and costs: made up out of the seed. Values have ``bits`` bits."""

    seed: int = 0
    bits: int = 8

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(inputs[0].shape, Int(0, (1 << self.bits) - 1))

    def folds(self, node: Node) -> tuple[Fold, ...]:
        lanes = divisors(node.type.channels)
        every = [Fold(s, p, v) for s in lanes for p in lanes for v in (Variant.DSP, Variant.LUT)]
        chosen = np.random.default_rng(self.seed).choice(len(every), 7, replace=False)
        return tuple(every[i] for i in sorted(chosen))

    def _numbers(self, fold: Fold) -> np.random.Generator:
        return np.random.default_rng((self.seed, fold.simd, fold.pe, fold.variant))

    def cycles(self, node: Node, fold: Fold) -> int:
        slowest = words(node.type, min(fold.simd, fold.pe))
        return slowest * int(self._numbers(fold).integers(1, 4))

    def cost(self, node: Node, fold: Fold) -> Cost:
        lut, ff, dsp, bram18 = self._numbers(fold).integers(0, 60, 4)
        return Cost(20 * int(lut), 10 * int(ff), int(dsp), int(bram18) // 20)


# The compiler knows kernels by their stems; these play the parts of real ones.
Same.stem, Wide.stem, Slow.stem, Turn.stem = "table", "add", "window", "transpose"
Join.stem, Dot.stem, Twin.stem = "concat", "matvec", "matvec"
Rough.stem = "table"


def frame(*shape: int, name: str = "x") -> Node:
    return Node(Input(shape, U8), (), name)


def const(*shape: int, name: str = "c") -> Node:
    values = np.arange(prod(shape), dtype=np.int64).reshape(shape) % 256
    return int_const(values, U8, name)


def same(node: Node, name: str, late: Fraction = Fraction(0)) -> Node:
    return Node(Same(late), (node,), name)


def dot(node: Node, outs: int, name: str) -> Node:
    weights = const(node.type.channels, outs, name=f"{name}.w")
    return Node(Dot(outs), (node, weights), name)


def twin(node: Node, outs: int, name: str) -> Node:
    weights = const(node.type.channels, outs, name=f"{name}.w")
    return Node(Twin(outs), (node, weights), name)


def flat(node: Node, name: str) -> Node:
    return Node(Reshape((node.type.size,)), (node,), name)


def graph(inputs: list[Node], outputs: list[Node], name: str = "net") -> Graph:
    def ports(nodes: list[Node], letter: str) -> tuple[Port, ...]:
        axes = [tuple(range(len(n.type.shape))) for n in nodes]
        return tuple(
            Port(f"{letter}{i}", n.type.shape, a)
            for i, (n, a) in enumerate(zip(nodes, axes, strict=True))
        )

    return Graph(name, tuple(inputs), tuple(outputs), ports(inputs, "x"), ports(outputs, "y"))


def residual(late: Fraction, rows: int = 16, channels: int = 8) -> Graph:
    """x -> a -> (late path, skip) -> add."""
    x = frame(rows, rows, channels)
    head = same(x, "head")
    slow = Node(Slow(late), (head,), "slow")
    return graph([x], [Node(Wide(), (slow, head), "join")])
