"""Sums of codes of unrelated scales: short factors that give every quantizer behind the same codes.

Two float scales have no short common multiple: exact factors have 24 bits, their sum more than 32,
and a staircase over that range may need a comparator per step. But codes are few: of all 2**16
pairs, each is on its side of every threshold by some margin, and factors within it do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.add import Add
from qfxc.ops.staircase import MOST_THRESHOLDS, Staircase
from qfxc.passes.base import Pass

Ints = NDArray[np.int64]

MOST_PAIRS = 1 << 20
"""Pairs of codes that are looked at, every one."""

MOST_SHIFT = 32


@dataclass(frozen=True)
class JoinFactors(Pass):
    """shortens the factors of sums that one quantizer reads, checked on every pair of codes

    ``bits``: factors up to this long stay as they are.
    """

    bits: int = 8
    exact = True
    optional = True

    def run(self, graph: Graph) -> Graph:
        uses = graph.uses()
        return rewrite(graph, lambda node: self._shortened(node, uses))

    def _shortened(self, node: Node, uses: Mapping[str, int]) -> Node | None:
        if not isinstance(node.op, Staircase):
            return None
        join = node.inputs[0]
        if not isinstance(join.op, Add) or not join.op.aligned or uses[join.name] != 1:
            return None
        longest = max(abs(join.op.kx), abs(join.op.ky)).bit_length()
        if longest <= self.bits or not _feasible(node, join):
            return None
        found = _search(node, node.op, join, join.op)
        if found is None:
            return None
        kx, ky, b, shift = found
        total = Node(Add(kx, ky, aligned=False), join.inputs, join.name)
        line = Piecewise.linear(Fraction(1, 1 << shift), Fraction(b, 1 << shift))
        return Node(Staircase((line,), Rounding.FLOOR, node.type.int), (total,), node.name)


def _feasible(node: Node, join: Node) -> bool:
    """One rising function of sums of few pairs of codes."""
    ranges = [i.type.int for i in join.inputs]
    pairs = (ranges[0].hi - ranges[0].lo + 1) * (ranges[1].hi - ranges[1].lo + 1)
    out, (piece, *others) = node.type.int, node.op.pieces  # type: ignore[attr-defined]
    steps = out.hi - out.lo
    few = pairs <= MOST_PAIRS and 0 < steps <= MOST_THRESHOLDS
    return few and not others and piece.direction == 1 and join.type.int.magnitude < 1 << 60


def _search(node: Node, op: Staircase, join: Node, add: Add) -> tuple[int, int, int, int] | None:
    """``(kx, ky, b, shift)``: ``(kx x + ky y + b) >> shift`` gives all codes, smallest shift first.

    Doubling all four changes nothing, so any larger shift would do as well.
    """
    x, y = (_codes(i.type.int) for i in join.inputs)
    pairs = _Pairs.of(x, y, add, op.thresholds(join.type.int, node.type.int)[0])
    slope = max(s.slope for s in op.pieces[0].segments)
    for shift in range(MOST_SHIFT):
        both = [_around(k * slope * (1 << shift)) for k in (add.kx, add.ky)]
        for kx, ky in product(*both):
            b = pairs.offset(kx * x[:, None] + ky * y[None, :], node.type.int.lo, shift)
            if kx and ky and b is not None:
                return kx, ky, b, shift
    return None


def _codes(elem: Int) -> Ints:
    return np.arange(elem.lo, elem.hi + 1, dtype=np.int64)


def _around(value: Fraction) -> tuple[int, ...]:
    return tuple(dict.fromkeys((round(value), floor(value), ceil(value))))


@dataclass(frozen=True)
class _Pairs:
    """All pairs of codes in the order of their results: ``order``; ``levels`` begin at ``starts``.

    A level counts the steps that a pair has reached; ``top`` is the last step.
    """

    order: Ints
    starts: Ints
    levels: Ints
    top: int

    @staticmethod
    def of(x: Ints, y: Ints, add: Add, steps: Ints) -> _Pairs:
        sums = (add.kx * x[:, None] + add.ky * y[None, :]).reshape(-1)
        reached = np.searchsorted(steps, sums, side="right")
        order = np.argsort(reached, kind="stable")
        levels, starts = np.unique(reached[order], return_index=True)
        return _Pairs(order, starts, levels.astype(np.int64), len(steps))

    def offset(self, sums: Ints, lo: int, shift: int) -> int | None:
        """A ``b`` with which ``(sums + b) >> shift``, saturated, gives every pair its result."""
        ordered = sums.reshape(-1)[self.order]
        least = np.minimum.reduceat(ordered, self.starts)
        most = np.maximum.reduceat(ordered, self.starts)
        codes = (self.levels + lo) << shift
        rises, stays = self.levels > 0, self.levels < self.top
        low = (codes - least)[rises].max(initial=np.iinfo(np.int64).min)
        high = (codes + (1 << shift) - 1 - most)[stays].min(initial=np.iinfo(np.int64).max)
        return int(low) + (int(high) - int(low)) // 2 if low <= high else None
