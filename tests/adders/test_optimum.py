"""Adder graphs of tiny matrices beside the fewest adders there are, found by exhaustive search."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.solve import solve
from qfxc.ir.types import Int

Form = tuple[int, int]
"""A linear form of two inputs, up to its sign and powers of two, which cost nothing."""

EDGE = 15
SHIFTS = range(4)
INPUTS = frozenset({(1, 0), (0, 1)})


def form(a: int, b: int) -> Form:
    while a % 2 == b % 2 == 0:
        a, b = a // 2, b // 2
    return (a, b) if (a, b) > (0, 0) else (-a, -b)


def sums(nodes: frozenset[Form]) -> Iterator[Form]:
    """What one more adder can make."""
    for u in nodes:
        for v in nodes:
            for shift in SHIFTS:
                for sign in (1, -1):
                    a, b = u[0] + sign * (v[0] << shift), u[1] + sign * (v[1] << shift)
                    if (a or b) and max(abs(a), abs(b)) <= EDGE:
                        yield form(a, b)


def reachable(nodes: frozenset[Form], targets: frozenset[Form], adders: int) -> bool:
    missing = targets - nodes
    if len(missing) > adders or not missing:
        return not missing
    makes = set(sums(nodes)) - nodes
    if len(missing) == adders:  # every adder has to make a target
        makes &= missing
    return any(reachable(nodes | {made}, targets, adders - 1) for made in sorted(makes))


def optimum(matrix: NDArray[np.int64]) -> int:
    targets = frozenset(form(*column) for column in matrix.T.tolist() if any(column))
    return next(n for n in range(8) if reachable(INPUTS, targets, n))


def test_few_adders_more_than_the_optimum() -> None:
    """The solver weighs LUTs and never undoes a choice: 132 adders here where 128 would do."""
    rng = np.random.default_rng(0)
    found, fewest = 0, 0
    for _ in range(40):
        matrix = rng.integers(-7, 8, (2, 2))
        adders, least = len(solve(matrix, [Int(-128, 127)] * 2).adders), optimum(matrix)
        assert least <= adders <= least + 1, matrix
        found, fewest = found + adders, fewest + least
    assert 20 * found <= 21 * fewest
