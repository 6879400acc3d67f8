"""From constant weights to the circuit of adders that replaces all their products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.digits import digit_counts
from qfxc.adders.estimate import estimate
from qfxc.adders.graph import AdderGraph
from qfxc.adders.solve import solve
from qfxc.ir.circuit import (
    NARROW,
    Body,
    Circuit,
    Counts,
    Lane,
    Operand,
    Wire,
)
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, words
from qfxc.ir.types import Int
from qfxc.ops._hardware import MAX_WORD_BITS, io_params
from qfxc.ops._pipeline import pipelined
from qfxc.ops._wires import appended

LEVELS = 4
"""Additions between two registers unless a fold says how many: what hw/delay.py has for 200 MHz
on UltraScale+ devices."""

TREE_WORK = 1 << 22
"""Pairs of signed digits in the columns of the largest matrix that is offered as a circuit: the
solver's time grows with them."""

TREE_BITS = 24
"""Bits of the widest weights; results have twice as many at most. The solver counts in 64."""


SHORT = 0.15
"""Part of the adder bits that lies in short adders, for every bit that inputs have less than
those."""

WAITING = 1.75
"""Bits that cross a boundary between two stages, over the mean bits of a level of adders: the
median of 24 matrices of 4x2 to 48x40 with 1 to 8 levels per stage; the bits of all registers of
these are off by 14 % in the median."""

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
    few = _pairs(np.count_nonzero(weights, axis=-2)) <= TREE_WORK
    few = few and _pairs(digit_counts(weights).sum(axis=-2)) <= TREE_WORK
    narrow = node.inputs[1].type.int.bits <= TREE_BITS and node.type.int.bits <= 2 * TREE_BITS
    return bool(few and narrow and widest <= MAX_WORD_BITS)


def _pairs(columns: NDArray[np.int64]) -> int:
    return int((columns * columns).sum())


def adders_kernel(node: Node, blocks: Sequence[Block], fold: Fold) -> Kernel:
    """The kernel ``adders``: every output of a vector at once, from blocks without shared lanes
    and of one shape, ``fold.levels`` additions between two registers. Adder graphs are solved when
    the body's circuit is read."""
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
        return _joined(parts, node.type.channels)

    levels = fold.levels or LEVELS
    matrices = _Matrix.of(np.stack([b.matrix for b in blocks]))
    body = Body(_expected(matrices, elem, levels), make, partial(pipelined, levels=levels))
    return Kernel("adders", params, body=body)


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
def _expected(matrices: _Matrix, elem: Int, levels: int) -> Counts:
    """The counts of a circuit, from an estimate; of the bits of adders of narrow inputs, some are
    short. Registers hold the results, and what crosses the boundaries between stages."""
    found = estimate(matrices.values, elem)
    bits, stages = round(found.bits), max(-(-found.depth // levels), 1)
    spans = np.abs(matrices.values).sum(axis=1) * (elem.hi - elem.lo)
    crossing = WAITING * found.bits * (stages - 1) / max(found.depth, 1)
    return {
        "Stages": stages,
        "AdderBits": bits,
        "NarrowBits": round(bits * SHORT * max(NARROW - elem.bits, 0)),
        "RegisterBits": round(crossing + np.ceil(np.log2(spans + 1.0)).sum()),
    }


def _joined(parts: Sequence[tuple[AdderGraph, Block]], width: int) -> Circuit:
    """The graphs side by side; elements of the output word that none of them has are zero."""
    wires: list[Wire] = []

    def add(wire: Wire) -> int:
        wires.append(wire)
        return len(wires) - 1

    outputs: list[Operand | None] = [None] * width
    for graph, block in parts:
        read = {term.node for adder in graph.adders for term in (adder.a, adder.b)}
        read |= {term.node for term in graph.outputs if term is not None}
        lanes = [
            add(Lane(x, lane)) if node in read else UNREAD
            for node, (x, lane) in enumerate(zip(graph.inputs, block.lanes, strict=True))
        ]
        for index, operand in zip(block.outputs, appended(graph, lanes, add), strict=True):
            outputs[index] = operand
    return Circuit(tuple(wires), tuple(outputs))
