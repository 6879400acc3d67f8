"""Columns as differences of others: the parts add up, and pay where columns are alike."""

from __future__ import annotations

import numpy as np

from qfxc.adders.differences import differences, joined
from qfxc.adders.solve import least_depth, plain, solve
from qfxc.ir.types import Int

BYTE = Int(-128, 127)


def test_the_parts_add_up() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = rng.integers(-8, 8, (6, 8))
        matrix[:, 4] = -matrix[:, 0]  # nothing is left of it
        matrix[:, 5] = matrix[:, 1] + np.eye(6, dtype=int)[0]
        matrix[:, 6] = 0
        apart = differences(matrix)
        signs = np.array(apart.signs)
        assert np.array_equal(apart.rest + signs * matrix[:, list(apart.roots)], matrix)
        assert all(apart.signs[root] == 0 for root in apart.roots)
        graph = joined(plain(apart.rest, [BYTE] * 6), apart)
        assert np.array_equal(graph.matrix(), matrix)


def test_alike_columns_are_one_addition_apart() -> None:
    """24 columns, each a common one plus one input: 24 adders beside those of the common one."""
    common = np.random.default_rng(1).integers(-100, 100, (24, 1))
    matrix = common + np.eye(24, dtype=np.int64)
    graph = solve(matrix, [BYTE] * 24, depth=least_depth(matrix) + 2)
    assert len(graph.adders) <= len(solve(common, [BYTE] * 24).adders) + 48
    assert graph.cost < plain(matrix, [BYTE] * 24).cost / 8
