"""Chooses, for every staircase, the cheapest implementation that reproduces every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qfxc.errors import InternalError, UserError
from qfxc.ir.graph import Graph, Node, Op, rewrite
from qfxc.ir.types import Int
from qfxc.ops.compare import Compare
from qfxc.ops.csd import Csd
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.shift import Shift
from qfxc.ops.staircase import Staircase
from qfxc.ops.table import Table
from qfxc.passes.base import Pass
from qfxc.passes.rescale_forms import (
    comparisons,
    exact_segments,
    one_line,
    one_line_per_segment,
    staircase_steps,
)
from qfxc.passes.rescale_search import exact_lines, rising, smallest_shift, steepest

MOST_SEARCHED_BITS = 10
"""Wider results take the closed form where there is one: no search over every threshold."""

MOST_COMPARATORS = 255
"""Where no multiply-add is exact, comparators always are; this many fit beside a layer."""


MOST_ENTRIES = 1 << 14
"""Of a table for a function that nothing else computes."""


@dataclass(frozen=True)
class Rescale(Pass):
    """implements every staircase exactly: shift, dyadic, few signed digits, comparisons or table

    ``digits``: most signed digits of an adders-only multiplier. ``compare``: most steps done by
    comparators. ``table``: most entries of a table for a monotone staircase.
    """

    digits: int = 3
    compare: int = 3
    table: int = 256
    exact = True

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, self._choose)

    def _choose(self, node: Node) -> Node | None:
        if not isinstance(node.op, Staircase):
            return None
        source, out = node.inputs[0].type.int, node.type.int
        options = list(self._options(node.op, source, out))
        if not options:
            raise UserError(
                f"no exact form for rounding '{node.op.rounding.value}' over {source}",
                where=node.name,
                hint="use rounding half-up, or fewer activation bits",
            )
        best = min(options, key=lambda op: implementation_cost(op, source))
        return Node(best, node.inputs, node.name)

    def _options(self, op: Staircase, source: Int, out: Int) -> Iterator[Op]:
        size = source.hi - source.lo + 1
        monotone = all(p.direction for p in op.pieces)
        segments = exact_segments(op, source, out)
        if segments is not None and (not monotone or out.bits > MOST_SEARCHED_BITS):
            yield segments
        if size <= (self.table if monotone or segments else MOST_ENTRIES):
            yield Table(op.table(source), out)
        if not monotone:
            if segments is None and (form := one_line_per_segment(op, source, out)) is not None:
                yield form
            return
        if out.bits > MOST_SEARCHED_BITS:
            lines = exact_lines(op.pieces, op.rounding, out.lo, out.hi)
            if lines is not None:
                signs = np.ones(len(op.pieces), np.int64)
                yield from one_line(lines, signs, source, out, self.digits)
            if lines is not None or segments is not None:
                return
        pieces, signs = rising(op.pieces)
        steps = staircase_steps(op, pieces, signs, source, out)
        rises = bool((signs == 1).all())
        found = smallest_shift(steps, [steepest(p).slope for p in pieces])
        if found is not None:
            yield from one_line(found, signs, source, out, self.digits)
        elif (form := one_line_per_segment(op, source, out)) is not None:
            yield form
        elif segments is not None:
            yield segments
        elif rises and out.hi - out.lo <= MOST_COMPARATORS:
            yield comparisons(steps, out)
        if rises and 0 < out.hi - out.lo <= self.compare:
            yield comparisons(steps, out)


def implementation_cost(op: Op, source: Int) -> float:
    """LUTs per lane, roughly: adders and comparators a LUT per bit, ROMs 64 entries per LUT."""
    match op:
        case Shift(left=left, b=b):
            wide = op.wide(source).bits
            barrel = wide * max(left).bit_length() / 2 if len(left) > 1 else 0
            return wide + barrel + _rom(len(b), wide)
        case Csd(digits=digits, b=b):
            wide = op.wide(source).bits
            return len(digits) * wide + _rom(len(b), wide)
        case Dyadic(a=a, b=b):
            bits = max(max(abs(v) for v in part).bit_length() for part in a)
            wide = op.wide(source).bits
            channels = max(len(v) for v in (*a, *b))
            return 0.6 * bits * source.bits + len(a) * (wide + _rom(channels, wide + bits))
        case Compare(thresholds=t):
            return len(t) * (source.bits / 2 + _rom(max(len(v) for v in t), source.bits))
        case Table(values=values):
            return _rom(len(values[0]) * len(values), op.elem.bits) * 1.5
    raise InternalError(f"{op.stem} is no staircase implementation")


def _rom(depth: int, bits: int) -> float:
    return depth * bits / 64
