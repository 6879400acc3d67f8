"""From a constant matrix to an adder graph that computes exactly its products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.build import Strategy, call
from qfxc.adders.differences import differences, joined
from qfxc.adders.digits import canonical
from qfxc.adders.graph import Adder, AdderGraph, Term, append_sum
from qfxc.errors import InternalError, UserError
from qfxc.ir.types import Int

SLACK = 2
"""Levels that sharing gets beyond those of the shallowest trees, unless a depth is given."""
WIDEST = 24
"""Bits of a weight that the solver takes; its digit masks and depth sums then stay in 64."""

PAIRS = 3 << 15
"""Pairs of digits that the attempts of one effort look at, as far as ATTEMPTS allows."""
ATTEMPTS = (4, 6)
MARGIN = Fraction(101, 100)
"""What differences have to gain: their longer trees of private sums are what synthesis tools turn
into carry-save adders, which costs more LUTs."""
BASES = (8, 0, 32)
"""What an adder counts beside its LUTs where shared sums are weighed: the attempts take turns."""


def solve(
    matrix: NDArray[np.int64],
    inputs: Sequence[Int],
    *,
    depth: int | None = None,
    effort: int = 1,
) -> AdderGraph:
    """An adder graph of ``y = x @ matrix`` for a matrix (K, M) of K inputs in proven ranges.

    ``depth``: adders on the longest path at most (two more than needed if not given).
    ``effort``: multiplies the attempts, each with another order among equals; the cheapest is
    taken, and no sharing at all where that is cheaper. The same arguments give the same graph.
    Raises UserError for a depth that no graph of these weights' digits has, and for weights of
    more than 24 bits; InternalError where the result's own matrix is not ``matrix``.
    """
    matrix = np.ascontiguousarray(matrix, np.int64)
    digits = digit_counts(matrix)
    least = (max([1, *digits]) - 1).bit_length()
    limit = least + SLACK if depth is None else depth
    if limit < least:
        raise UserError(f"these weights need {least} levels of adders, {limit} are allowed")
    if matrix.size and int(np.abs(matrix).max()) >> WIDEST:
        raise UserError(f"adder graphs take weights of {WIDEST} bits at most")
    tries = effort * attempts(digits)
    _, graph = min(_candidates(matrix, inputs, limit, tries), key=lambda found: found[0])
    if not np.array_equal(graph.matrix(), matrix) or max(graph.depth(), default=0) > limit:
        raise InternalError("an adder graph does not compute its matrix")
    return graph


def digit_counts(matrix: NDArray[np.int64]) -> list[int]:
    """The signed digits of every column; their minimal number."""
    return [sum(len(canonical(w)) for w in column) for column in matrix.T.tolist()]


def least_depth(matrix: NDArray[np.int64]) -> int:
    """Levels of two-input adders that the column with the most signed digits needs."""
    return (max([1, *digit_counts(matrix)]) - 1).bit_length()


def attempts(digits: Sequence[int]) -> int:
    """Orders that one effort tries: more of them where the columns have few pairs of digits."""
    pairs = max(sum(n * n for n in digits), 1)
    return min(max(PAIRS // pairs, ATTEMPTS[0]), ATTEMPTS[1])


def _candidates(
    matrix: NDArray[np.int64], inputs: Sequence[Int], limit: int, tries: int
) -> Iterator[tuple[Fraction, AdderGraph]]:
    """Graphs and what they count: shared sums; a third of the attempts are for columns as
    differences; nothing shared.
    """
    apart = differences(matrix)
    pays = any(apart.signs) and least_depth(apart.rest) < limit
    shared = _shared(matrix, inputs, limit, tries - tries // 3 if pays else tries)
    yield Fraction(shared.cost), shared
    if pays:
        graph = joined(_shared(apart.rest, inputs, limit - 1, tries // 3), apart)
        yield graph.cost * MARGIN, graph
    unshared = plain(matrix, inputs)
    yield Fraction(unshared.cost), unshared


def _shared(matrix: NDArray[np.int64], inputs: Sequence[Int], depth: int, tries: int) -> AdderGraph:
    low = np.array([x.lo for x in inputs], np.int64)
    high = np.array([x.hi for x in inputs], np.int64)
    strategies = [Strategy(1, BASES[i % len(BASES)], i, depth) for i in range(tries)]
    adders, outputs = call(matrix, low, high, strategies, sum(digit_counts(matrix)))
    return AdderGraph(tuple(inputs), adders, outputs)


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
            terms = [append_sum(a, b, adders, len(inputs)) for a, b in pairs] + rest
        outputs.append(terms[0] if terms else None)
    return AdderGraph(tuple(inputs), tuple(adders), tuple(outputs))
