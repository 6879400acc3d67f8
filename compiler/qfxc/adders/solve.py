"""From a constant matrix to an adder graph that computes exactly its products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.build import call
from qfxc.adders.digits import digit_counts
from qfxc.adders.graph import AdderGraph
from qfxc.errors import InternalError, UserError
from qfxc.ir.types import Int

SLACK = 2
"""Levels that sharing gets beyond those of the shallowest trees, unless a depth is given."""
WIDEST = 24
"""Bits of a weight that the solver takes; its digit masks then stay in 32, depth sums in 64."""
LONGEST = 61
"""Bits of a product that fits whatever its digits are: their sum is below twice the weight."""
DEEPEST = 62
"""Levels that the core counts in; no graph of weights that it takes is as deep."""
ATTEMPTS = (12, 18)
"""What one effort is for small and for larger matrices, whose sharing takes others more time."""
LARGE = 1 << 16
"""Pairs of digits in the columns of a larger one."""


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
    Raises UserError for a depth that no graph of these weights' digits has, for weights of more
    than 24 bits, and for a matrix that is none of integers with a row per input; InternalError
    where the result's own matrix is not ``matrix``.
    """
    matrix = _checked(matrix, len(inputs))
    digits = digit_counts(matrix).sum(axis=0)
    limit = _limit(_least(digits), depth)
    low = np.array([x.lo for x in inputs], np.int64)
    high = np.array([x.hi for x in inputs], np.int64)
    tries, room = effort * ATTEMPTS[int(digits @ digits) >= LARGE], int(digits.sum())
    adders, outputs, _ = call(matrix, low, high, limit, tries, room)
    graph = AdderGraph(tuple(inputs), adders, outputs)
    if not np.array_equal(graph.matrix(), matrix) or max(graph.depth(), default=0) > limit:
        raise InternalError("an adder graph does not compute its matrix")
    return graph


def _checked(matrix: NDArray[np.int64], inputs: int) -> NDArray[np.int64]:
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or len(matrix) != inputs or matrix.dtype.kind not in "iu":
        what = f"{matrix.dtype} {matrix.shape} for {inputs} inputs"
        raise UserError(f"adder graphs take a matrix of integers, a row per input, not {what}")
    if matrix.size and max(abs(int(matrix.min())), abs(int(matrix.max()))) >> WIDEST:
        raise UserError(f"adder graphs take weights of {WIDEST} bits at most")
    return np.ascontiguousarray(matrix, np.int64)


def _limit(least: int, depth: int | None) -> int:
    limit = least + SLACK if depth is None else depth
    if limit < least:
        raise UserError(f"these weights need {least} levels of adders, {limit} are allowed")
    return min(limit, DEEPEST)


def least_depth(matrix: NDArray[np.int64]) -> int:
    """Levels of two-input adders that the column with the most signed digits needs."""
    return _least(digit_counts(matrix).sum(axis=0))


def _least(digits: NDArray[np.int64]) -> int:
    return (int(digits.max(initial=1)) - 1).bit_length()
