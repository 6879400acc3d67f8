"""Staircases as two nodes, where no single form is exact: a sum of two lines, or a sign change.

Ties that go to even codes put thresholds alternately half a code too early and too late: every
second threshold lies on one line, the others on another, so ``y`` is a sum of two staircases of
half the slope. Rounding towards zero, or away from it, has one line above zero and one below; so
has a PReLU, with a slope of its own for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Node
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.types import Int
from qfxc.ops.add import Add
from qfxc.ops.dyadic import Dyadic
from qfxc.passes.rescale_forms import comparisons, forms_of, squeezed
from qfxc.passes.rescale_search import Ints, Steps, slope_of, smallest_shift

Chosen = NDArray[np.bool_]


def sums_of_two(
    node: Node, steps: Steps, pieces: Sequence[Piecewise], signs: Ints, digits: int
) -> Iterator[tuple[Node, Node, Node]]:
    """``(sum, first, second)`` for every way to part the thresholds that gives two exact lines."""
    source, out = node.inputs[0].type.int, node.type.int
    ks = steps.ks
    below = [slope_of(p) for p in pieces]
    above = [slope_of(p, last=True) for p in pieces]
    halves = [s / 2 for s in below]
    for part, thinner in ((ks % 2 == 0, (halves, halves)), (ks <= 0, (below, above))):
        if not part.any() or part.all():
            continue
        nodes = []
        parts = (("low", part, out.lo), ("high", ~part, 0))
        for (name, chosen, lo), slopes in zip(parts, thinner, strict=True):
            elem = Int(lo, lo + int(chosen.sum()), out.scale)
            inner = Steps(steps.thresholds[:, chosen], lo + 1, steps.lo, steps.hi)
            found = smallest_shift(inner, slopes)
            if found is None:
                break
            best = forms_of(found, signs, source, elem, digits)
            nodes.append(Node(best, node.inputs, f"{node.name}.{name}"))
        if len(nodes) == 2:
            yield Node(Add(), (nodes[0], nodes[1]), node.name), nodes[0], nodes[1]


def compared_in_minus_x(node: Node, steps: Steps, signs: Ints) -> Node:
    """Comparators for falling channels: those see ``-x``."""
    x, out = node.inputs[0], node.type.int
    ends = [int(s) * v for s in np.unique(signs) for v in (x.type.int.lo, x.type.int.hi)]
    elem = Int(min(ends), max(ends), x.type.int.scale)
    turn = Dyadic((squeezed(signs),), ((0,),), (), 0, elem)
    return Node(comparisons(steps, out), (Node(turn, (x,), f"{node.name}.turned"),), node.name)
