"""Columns as differences of others: the parts add up, and pay where columns are alike."""

from __future__ import annotations

import numpy as np

from qfxc.adders.solve import least_depth, solve
from qfxc.ir.types import Int

BYTE = Int(-128, 127)


def test_the_parts_add_up() -> None:
    """Columns that are others negated, nearly others, and nothing, for one or two adders each."""
    rng = np.random.default_rng(0)
    found, few = 0, 0
    for _ in range(20):
        matrix = rng.integers(-128, 128, (6, 8))
        matrix[:, 4] = -matrix[:, 0]  # nothing is left of it
        matrix[:, 5] = matrix[:, 1] + np.eye(6, dtype=int)[0]
        matrix[:, 6] = 0
        matrix[:, 7] = 16 * np.eye(6, dtype=int)[1] - matrix[:, 1]
        graph = solve(matrix, [BYTE] * 6)
        apart = solve(np.delete(matrix, [4, 5, 6, 7], axis=1), [BYTE] * 6)
        assert np.array_equal(graph.matrix(), matrix)
        found, few = found + len(graph.adders), few + len(apart.adders) + 2
    assert 10 * found <= 11 * few


def test_alike_columns_are_one_addition_apart() -> None:
    """24 columns, each a common one plus one input: 24 adders beside those of the common one."""
    common = np.random.default_rng(1).integers(-100, 100, (24, 1))
    matrix = common + np.eye(24, dtype=np.int64)
    graph = solve(matrix, [BYTE] * 24, depth=least_depth(matrix) + 2)
    assert len(graph.adders) <= len(solve(common, [BYTE] * 24).adders) + 48
    alone = [solve(column[:, None], [BYTE] * 24).cost for column in matrix.T]
    assert graph.cost < sum(alone) / 6
