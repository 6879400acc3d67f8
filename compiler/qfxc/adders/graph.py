"""Networks of two-input adders on shifted values: what they compute, their ranges, their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import InternalError
from qfxc.ir.types import Int

LIMIT = 1 << 62
"""Every value and every coefficient stays below it, so 64-bit integers hold them."""


@dataclass(frozen=True, slots=True)
class Term:
    """``(-1)**negative * (value(node) << shift)``."""

    node: int
    shift: int = 0
    negative: bool = False

    def __post_init__(self) -> None:
        if self.node < 0 or self.shift < 0:
            raise ValueError(f"a term of node {self.node} shifted by {self.shift}")


@dataclass(frozen=True, slots=True)
class Adder:
    """``a + b``; at most one of them negative."""

    a: Term
    b: Term

    def __post_init__(self) -> None:
        if self.a.negative and self.b.negative:
            raise ValueError("an adder negates one operand at most")


@dataclass(frozen=True, slots=True)
class Range:
    """Proven bounds of a node: ``lo <= value <= hi``, divisible by ``2**zeros``."""

    lo: int
    hi: int
    zeros: int

    @property
    def bits(self) -> int:
        """Bits of the narrowest code, its constant zeros below included."""
        return _bits(self.lo, self.hi)

    @property
    def signed_bits(self) -> int:
        """Bits of the narrowest two's complement code."""
        return self.bits + (self.lo >= 0)


@dataclass(frozen=True)
class AdderGraph:
    """``y = x @ matrix()`` by shifts and two-input adders; producers come first.

    Node ``i < len(inputs)`` is input ``i``, every other one ``adders[i - len(inputs)]``.
    An output is a term of a node; None is the constant zero.
    Raises ValueError for terms of nodes that come later, InternalError beyond 62 bits.
    """

    inputs: tuple[Int, ...]
    adders: tuple[Adder, ...]
    outputs: tuple[Term | None, ...]

    def __post_init__(self) -> None:
        for node, adder in enumerate(self.adders, len(self.inputs)):
            if max(adder.a.node, adder.b.node) >= node:
                raise ValueError(f"adder node {node} reads a node that comes later")
        count = len(self.inputs) + len(self.adders)
        if any(term.node >= count for term in self.outputs if term is not None):
            raise ValueError("an output reads a node that does not exist")
        self._check_width()

    def _check_width(self) -> None:
        """Bounds by Python's integers, before anything is computed in 64 bits."""
        largest = [max(abs(x.lo), abs(x.hi), 1) for x in self.inputs]
        for adder in self.adders:
            largest.append(sum(largest[t.node] << t.shift for t in (adder.a, adder.b)))
        ends = [largest[t.node] << t.shift for t in self.outputs if t is not None]
        if max(largest + ends, default=0) >= LIMIT:
            raise InternalError("an adder graph needs more than 62 bits")

    @cached_property
    def _coefficients(self) -> NDArray[np.int64]:
        """Every node as a linear form of the inputs; shape (nodes, K)."""
        count = len(self.inputs)
        forms = np.zeros((count + len(self.adders), count), np.int64)
        forms[:count] = np.eye(count, dtype=np.int64)
        for node, adder in enumerate(self.adders, count):
            forms[node] = _signed(adder.a, forms) + _signed(adder.b, forms)
        return forms

    def matrix(self) -> NDArray[np.int64]:
        """The matrix (K, M) that the graph multiplies by, from its structure alone."""
        return self._outputs(self._coefficients).T

    def _outputs(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        result = np.zeros((len(self.outputs), nodes.shape[1]), np.int64)
        for row, term in zip(result, self.outputs, strict=True):
            if term is not None:
                row[:] = _signed(term, nodes)
        return result

    def run(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """The outputs (N, M) of inputs (N, K), adder by adder."""
        count = len(self.inputs)
        nodes = np.zeros((count + len(self.adders), len(x)), np.int64)
        nodes[:count] = np.asarray(x, np.int64).T
        for node, adder in enumerate(self.adders, count):
            nodes[node] = _signed(adder.a, nodes) + _signed(adder.b, nodes)
        return self._outputs(nodes).T

    @cached_property
    def _ranges(self) -> tuple[Range, ...]:
        """Exact: a linear form of independent inputs reaches the sum of its terms' extremes."""
        forms = self._coefficients
        low = np.array([x.lo for x in self.inputs], np.int64)
        high = np.array([x.hi for x in self.inputs], np.int64)
        up, down = np.maximum(forms, 0), np.minimum(forms, 0)
        los, his = up @ low + down @ high, up @ high + down @ low
        common = np.bitwise_or.reduce(forms, axis=1) if forms.size else np.zeros(0, np.int64)
        return tuple(
            Range(int(lo), int(hi), _zeros(int(bits)))
            for lo, hi, bits in zip(los, his, common, strict=True)
        )

    def ranges(self) -> tuple[Range, ...]:
        """The proven range and the trailing zeros of every node."""
        return self._ranges

    def depth(self) -> tuple[int, ...]:
        """Adders on the longest path to every node; 0 for inputs."""
        depths = [0] * len(self.inputs)
        for adder in self.adders:
            depths.append(1 + max(depths[adder.a.node], depths[adder.b.node]))
        return tuple(depths)

    def costs(self) -> tuple[int, ...]:
        """LUT bits of every adder: the bits its carry chain or logic is as long as."""
        count = len(self.inputs)
        return tuple(
            adder_bits(a, self._ranges, self._ranges[i]) for i, a in enumerate(self.adders, count)
        )

    @property
    def cost(self) -> int:
        """LUT bits of all adders, and of the outputs that have to be negated."""
        return sum(self.costs()) + sum(
            self._ranges[t.node].bits for t in set(self.outputs) if t is not None and t.negative
        )


def adder_bits(adder: Adder, ranges: Sequence[Range], result: Range) -> int:
    """LUTs of one adder, as measured with Yosys for UltraScale+ (docs/decisions/0010).

    One for every bit from the first that both operands reach; those below pass through. None for
    the bits above both: the LUT of their sign bits drives them too. One more for a difference.
    Where the operand that starts lower is the negated one, its borrow starts at its lowest bit.
    Unsigned bits that end below the other operand's lowest are appended to it for nothing.
    """
    low, high = sorted((adder.a, adder.b), key=lambda t: ranges[t.node].zeros + t.shift)
    first = ranges[low.node].zeros + low.shift
    start = ranges[high.node].zeros + high.shift
    below = ranges[low.node]
    minus = low.negative or high.negative
    if not minus and below.lo >= 0 and below.hi << low.shift < 1 << start:
        return 0
    top = max(ranges[t.node].signed_bits + t.shift for t in (low, high))
    end = min(top, result.signed_bits)
    if low.negative and first < start:
        return end - first
    return max(end - start + minus, 0)


@lru_cache(1 << 16)
def _bits(lo: int, hi: int) -> int:
    return Int(lo, hi).bits


def _signed(term: Term, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    value: NDArray[np.int64] = nodes[term.node] << term.shift
    return -value if term.negative else value


def _zeros(bits: int) -> int:
    """Zeros below the lowest one; 0 for zero, which no node of a solver is."""
    return max((bits & -bits).bit_length() - 1, 0)
