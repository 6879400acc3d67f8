"""Chooses, for every staircase, the cheapest implementation that reproduces every step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, Op, rewrite
from qfxc.ir.overflow import Overflow
from qfxc.ir.types import Int
from qfxc.ops._weights import MOST_TERMS
from qfxc.ops.cast import Cast
from qfxc.ops.csd import Csd
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.shift import Shift
from qfxc.ops.staircase import Staircase
from qfxc.ops.table import Table
from qfxc.passes.base import Pass
from qfxc.passes.rescale_casts import cast_forms
from qfxc.passes.rescale_forms import (
    comparisons,
    exact_segments,
    implementation_cost,
    one_line,
    one_line_per_segment,
    staircase_steps,
)
from qfxc.passes.rescale_modes import simplified
from qfxc.passes.rescale_pairs import compared_in_minus_x, sums_of_two
from qfxc.passes.rescale_search import OFFSETS, exact_lines, rising, slope_of, smallest_shift
from qfxc.passes.rescale_wide import wide_forms

MOST_SEARCHED_BITS = 10
"""Wider results take the closed form where there is one: no search over every threshold."""

MOST_COMPARATORS = 255
"""Where no multiply-add is exact, comparators always are; this many fit beside a layer."""


Form = tuple[float, Node]
"""A cost, and what computes a staircase for it."""

SINGLE = (Cast, Csd, Dyadic, Shift)
"""Forms that are a line by themselves, or one per segment."""

MOST_THRESHOLDS = 1 << 16
"""Of a staircase: more of them are not searched one by one."""

MOST_ENTRIES = 1 << 14
"""Of a table for a function that nothing else computes."""


MOST_DIGITS = 64
"""Signed digits of an adders-only multiplier where there must be no other one."""


@dataclass(frozen=True)
class Rescale(Pass):
    """implements every staircase exactly: shift, dyadic, few signed digits, comparisons or table

    ``digits``: most signed digits of an adders-only multiplier. ``compare``: most steps done by
    comparators. ``table``: most entries of a table for a monotone staircase. ``multiply``: off,
    shifts, adders, comparators and tables do it all, whatever they cost, and factors that differ
    from channel to channel have at most ``digits`` digits each.
    """

    digits: int = 3
    compare: int = 3
    table: int = 256
    multiply: bool = True
    exact = True

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, self._choose)

    @property
    def _digits(self) -> int:
        return self.digits if self.multiply else MOST_DIGITS

    def _choose(self, node: Node) -> Node | None:
        if not isinstance(node.op, Staircase):
            return None
        source, out = node.inputs[0].type.int, node.type.int
        op = simplified(node.op, source)
        floors = op.rounding in OFFSETS and op.overflow is Overflow.SAT
        costs = [] if floors else self._legal(node, cast_forms(node, op, self._digits))
        if not costs or out.bits <= MOST_SEARCHED_BITS:
            options = self._options(op, source, out)
            made = (
                (implementation_cost(o, source), Node(o, node.inputs, node.name)) for o in options
            )
            costs += self._legal(node, made)
        if op.overflow is Overflow.SAT and not any(isinstance(n.op, SINGLE) for _, n in costs):
            costs += self._legal(node, self._pairs(node, op))
        if not costs and floors:
            costs += self._legal(node, cast_forms(node, op, self._digits))
        if not costs:
            costs += self._legal(node, wide_forms(node, op))
        if not costs:
            raise self._without_form(node, node.op.rounding.value)
        return min(costs, key=lambda pair: pair[0])[1]

    def _without_form(self, node: Node, rounding: str) -> UserError:
        source, hint = node.inputs[0].type.int, "use rounding half-up, or fewer activation bits"
        how = f"rounding '{rounding}'"
        if not self.multiply:
            how += " without a multiplication"
            hint = "--passes 'rescale{multiply=true}' allows multiplications"
        return UserError(f"no exact form for {how} over {source}", where=node.name, hint=hint)

    def _legal(self, node: Node, costs: Iterable[Form]) -> list[Form]:
        """The forms that may be taken in the place of a staircase."""
        x, digits = node.inputs[0], min(self.digits, MOST_TERMS)
        return [f for f in costs if self.multiply or not _multiplies(f[1], x, digits)]

    def _pairs(self, node: Node, op: Staircase) -> Iterator[tuple[float, Node]]:
        """Two nodes in the place of a monotone staircase, with their costs."""
        source, out = node.inputs[0].type.int, node.type.int
        few = 0 < out.hi - out.lo <= MOST_COMPARATORS
        if not all(p.direction for p in op.pieces) or not (few or out.bits <= MOST_SEARCHED_BITS):
            return
        pieces, signs = rising(op.pieces)
        steps = staircase_steps(op, pieces, signs, source, out)
        for join, *parts in sums_of_two(node, steps, pieces, signs, self._digits):
            yield sum(implementation_cost(p.op, source) for p in parts) + out.bits, join
        if few and (signs != 1).any():
            compared = compared_in_minus_x(node, steps, signs)
            yield implementation_cost(compared.op, source) + source.bits, compared

    def _options(self, op: Staircase, source: Int, out: Int) -> Iterator[Op]:
        size = source.hi - source.lo + 1
        if op.overflow is not Overflow.SAT:
            if size <= self.table:
                yield Table(op.table(source), out)
            return
        monotone = all(p.direction for p in op.pieces)
        segments = exact_segments(op, source, out)
        closed = out.bits > MOST_SEARCHED_BITS or not self.multiply
        if segments is not None and (not monotone or closed):
            yield segments
        if size <= (self.table if monotone or segments else MOST_ENTRIES):
            yield Table(op.table(source), out)
        if not monotone:
            if segments is None and (form := one_line_per_segment(op, source, out)) is not None:
                yield form
            return
        lines = exact_lines(op.pieces, op.rounding, out.lo, out.hi) if closed else None
        if lines is not None:
            signs = np.ones(len(op.pieces), np.int64)
            yield from one_line(lines, signs, source, out, self._digits)
        if out.bits > MOST_SEARCHED_BITS:
            wide = out.hi - out.lo > MOST_THRESHOLDS
            if lines is not None or segments is not None or wide:
                return
        pieces, signs = rising(op.pieces)
        steps = staircase_steps(op, pieces, signs, source, out)
        rises = bool((signs == 1).all())
        flat = not any(s.slope for p in pieces for s in p.segments)
        found = smallest_shift(steps, [slope_of(p) for p in pieces])
        if found is not None:
            yield from one_line(found, signs, source, out, self._digits)
        elif not flat and (form := one_line_per_segment(op, source, out)) is not None:
            yield form
        elif not flat and segments is not None:
            yield segments
        elif rises and out.hi - out.lo <= MOST_COMPARATORS:
            yield comparisons(steps, out)
        if rises and 0 < out.hi - out.lo <= self.compare:
            yield comparisons(steps, out)


def _multiplies(node: Node, source: Node, digits: int) -> bool:
    """Whether anything behind ``source`` multiplies by sums of more than ``digits`` powers."""
    if node is source:
        return False
    here = isinstance(node.op, Dyadic) and node.op.powers.terms > digits
    return here or any(_multiplies(i, source, digits) for i in node.streams)
