"""From a constant matrix to an adder graph that computes exactly its products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.digits import canonical
from qfxc.adders.graph import Adder, AdderGraph, Term
from qfxc.errors import InternalError
from qfxc.ir.types import Int


def solve(
    matrix: NDArray[np.int64],
    inputs: Sequence[Int],
    *,
    depth: int | None = None,
    effort: int = 1,
) -> AdderGraph:
    """An adder graph of ``y = x @ matrix`` for a matrix (K, M) and K inputs.

    ``depth``: adders on the longest path at most; raised to what the matrix needs at least.
    """
    graph = plain(matrix, inputs)
    if not np.array_equal(graph.matrix(), matrix):
        raise InternalError("an adder graph does not compute its matrix")
    return graph


def plain(matrix: NDArray[np.int64], inputs: Sequence[Int]) -> AdderGraph:
    """Nothing shared: every column a balanced tree of its canonical signed digits."""
    adders: list[Adder] = []
    outputs: list[Term | None] = []
    for column in np.asarray(matrix, np.int64).T:
        terms = [
            Term(row, position, sign < 0)
            for row, weight in enumerate(column)
            for position, sign in canonical(int(weight))
        ]
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=False)
            rest = terms[len(terms) & ~1 :]
            terms = [_add(a, b, adders, len(inputs)) for a, b in pairs] + rest
        outputs.append(terms[0] if terms else None)
    return AdderGraph(tuple(inputs), tuple(adders), tuple(outputs))


def _add(a: Term, b: Term, adders: list[Adder], count: int) -> Term:
    """A new adder of two terms; a sum of two negative ones is the negative of their sum."""
    shift = min(a.shift, b.shift)
    both = a.negative and b.negative
    adders.append(
        Adder(
            Term(a.node, a.shift - shift, a.negative and not both),
            Term(b.node, b.shift - shift, b.negative and not both),
        )
    )
    return Term(count + len(adders) - 1, shift, both)
