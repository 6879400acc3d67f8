"""From constant weights to the circuit of adders that replaces all their products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.estimate import estimate
from qfxc.adders.graph import AdderGraph, Term
from qfxc.adders.solve import solve
from qfxc.ir.circuit import (
    NARROW,
    Body,
    Circuit,
    Counts,
    Lane,
    Operand,
    Register,
    Sum,
    Wire,
)
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Kernel, words
from qfxc.ir.types import Int
from qfxc.ops._hardware import MAX_WORD_BITS, io_params

LEVELS = 2
"""Additions between two registers, as in the products of LUTs: 200 MHz on UltraScale+ devices."""

TREE_WORK = 1 << 20
"""Weights that are not zero times inputs, of the largest matrix that is offered as a circuit: what
the solver's time grows with."""

TREE_BITS = 24
"""Bits of the widest weights; results have twice as many at most. The solver counts in 64."""


SHORT = 0.15
"""Part of the adder bits that lies in short adders, for every bit that inputs have less than
those."""

UNREAD = -1
"""The wire of an element whose weights are all zero."""


@dataclass(frozen=True, slots=True)
class Block:
    """A matrix (K, M) between some elements of the input word and some of the output word."""

    matrix: NDArray[np.int64]
    lanes: tuple[int, ...]
    outputs: tuple[int, ...]


def unrolls(node: Node, weights: NDArray[np.int64]) -> bool:
    """Whether a whole vector goes in and out as a word and the adders are not too many."""
    vectors = words(node.type, node.type.channels)
    source = node.inputs[0].type
    widest = max(source.size // vectors * source.int.bits, node.type.channels * node.type.int.bits)
    few = np.count_nonzero(weights) * weights.shape[-2] <= TREE_WORK
    narrow = node.inputs[1].type.int.bits <= TREE_BITS and node.type.int.bits <= 2 * TREE_BITS
    return bool(few and narrow and widest <= MAX_WORD_BITS)


def adders_kernel(node: Node, blocks: Sequence[Block]) -> Kernel:
    """The kernel ``adders``: every output of a vector at once, from blocks without shared lanes
    and of one shape. Adder graphs are solved when the body's circuit is read."""
    vectors = words(node.type, node.type.channels)
    params = {
        "Simd": node.inputs[0].type.size // vectors,
        "Pe": node.type.channels,
        "Words": vectors,
        **io_params(node),
    }
    elem = node.inputs[0].type.int
    elem = Int(elem.lo, elem.hi)  # whatever its scale

    def make() -> Circuit:
        parts = [(_solved(_Matrix.of(b.matrix), elem), b) for b in blocks]
        return _pipelined(parts, node.type.channels)

    matrices = _Matrix.of(np.stack([b.matrix for b in blocks]))
    return Kernel("adders", params, body=Body(_expected(matrices, elem), make))


@dataclass(frozen=True, slots=True)
class _Matrix:
    """An array as a key: equal ones are solved once, however often designs are compared."""

    content: bytes
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: NDArray[np.int64]) -> _Matrix:
        return cls(np.ascontiguousarray(values, dtype=np.int64).tobytes(), values.shape)

    @property
    def values(self) -> NDArray[np.int64]:
        return np.frombuffer(self.content, dtype=np.int64).reshape(self.shape)


@lru_cache(maxsize=512)
def _solved(matrix: _Matrix, elem: Int) -> AdderGraph:
    return solve(matrix.values, [elem] * matrix.shape[0])


@lru_cache(maxsize=512)
def _expected(matrices: _Matrix, elem: Int) -> Counts:
    """The counts of a circuit, from an estimate. Waiting takes about as many bits of registers as
    there are of adders; of those of narrow inputs, some are short."""
    found = estimate(matrices.values, elem)
    bits = round(found.bits)
    return {
        "Stages": max(-(-found.depth // LEVELS), 1),
        "AdderBits": bits,
        "NarrowBits": round(bits * SHORT * max(NARROW - elem.bits, 0)),
        "RegisterBits": bits,
    }


def _pipelined(parts: Sequence[tuple[AdderGraph, Block]], width: int) -> Circuit:
    """Every addition as soon as it can be, LEVELS of them in a stage; values wait in registers."""
    deepest = max((d for graph, _ in parts for d in _levels(graph)), default=0)
    pipe = _Pipe(max(-(-deepest // LEVELS), 1))
    outputs: list[Operand | None] = [None] * width
    for graph, block in parts:
        for index, operand in zip(block.outputs, pipe.append(graph, block), strict=True):
            outputs[index] = operand
    return Circuit(tuple(pipe.wires), tuple(outputs), pipe.stages)


def _levels(graph: AdderGraph) -> Iterator[int]:
    """Additions on the way to every output; a negation is one."""
    depths = graph.depth()
    for term in graph.outputs:
        if term is not None:
            yield depths[term.node] + term.negative


@dataclass
class _Pipe:
    """The wires of a circuit of ``stages`` stages, as they are added."""

    stages: int
    wires: list[Wire] = field(default_factory=list)
    _stage: list[int] = field(default_factory=list)
    _held: dict[int, int] = field(default_factory=dict)
    """The register behind a wire."""
    _minus: dict[int, int] = field(default_factory=dict)
    """The negative of a wire."""

    def append(self, graph: AdderGraph, block: Block) -> list[Operand | None]:
        """A graph's wires; returns the operands of its outputs behind the last stage."""
        ranges, depths = graph.ranges(), graph.depth()
        read = {term.node for adder in graph.adders for term in (adder.a, adder.b)}
        read |= {term.node for term in graph.outputs if term is not None}
        made = [
            self._add(Lane(x, lane), 0) if node in read else UNREAD
            for node, (x, lane) in enumerate(zip(graph.inputs, block.lanes, strict=True))
        ]
        for number, adder in enumerate(graph.adders, len(made)):
            stage = (depths[number] - 1) // LEVELS
            terms = tuple(self._at(made, term, stage) for term in (adder.a, adder.b))
            elem = Int(ranges[number].lo, ranges[number].hi)
            made.append(self._add(Sum(elem, terms), stage))
        return [None if t is None else self._output(made, t, depths) for t in graph.outputs]

    def _output(self, made: Sequence[int], term: Term, depths: Sequence[int]) -> Operand:
        wire = made[term.node]
        if term.negative:
            if wire not in self._minus:
                stage, elem = depths[term.node] // LEVELS, self.wires[wire].elem
                operand = Operand(self._until(wire, stage), 0, True)
                self._minus[wire] = self._add(Sum(Int(-elem.hi, -elem.lo), (operand,)), stage)
            wire = self._minus[wire]
        return Operand(self._until(wire, self.stages), term.shift)

    def _at(self, made: Sequence[int], term: Term, stage: int) -> Operand:
        return Operand(self._until(made[term.node], stage), term.shift, term.negative)

    def _until(self, wire: int, stage: int) -> int:
        """The wire that holds the same value in a later stage."""
        while self._stage[wire] < stage:
            if wire not in self._held:
                ends = self._stage[wire]
                register = Register(self.wires[wire].elem, wire, ends)
                self._held[wire] = self._add(register, ends + 1)
            wire = self._held[wire]
        return wire

    def _add(self, wire: Wire, stage: int) -> int:
        self.wires.append(wire)
        self._stage.append(stage)
        return len(self.wires) - 1
