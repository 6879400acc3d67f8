"""Integer programs: HiGHS through scipy; one thread, no time limit, nothing on the screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from qfxc.errors import InternalError

NODES = 500
"""Nodes of a search tree before the best design so far is taken (time would not be repeatable)."""

PROOF = 1e-6
"""A relative gap that counts as a proof when a search ends early: a fraction of one LUT."""

OPTIMAL, INFEASIBLE = 0, 2
"""Of ``milp``; at its limit of nodes it returns another one and says so in words only."""

Floats = NDArray[np.float64]


def minimise(
    objective: Floats,
    integral: NDArray[np.bool_],
    most: Floats,
    constraints: Sequence[LinearConstraint],
    gap: float = 0.0,
) -> tuple[Floats | None, bool]:
    """Values from 0 to ``most`` of the least sum with ``objective``, whole where ``integral``.

    Returns them, None where there are none, and whether that is proved: False where the search
    stopped at ``NODES``. ``gap``: the relative distance from the least sum that is good enough.
    """
    with _silent():
        result = milp(
            objective,
            integrality=integral.astype(int),
            bounds=Bounds(0.0, most),
            constraints=list(constraints),
            options={"mip_rel_gap": gap, "node_limit": NODES},
        )
    known = result.status in (OPTIMAL, INFEASIBLE)
    if not known and "limit" not in result.message:
        raise InternalError(f"the integer program: {result.message}")
    return result.x, known or (result.x is not None and result.mip_gap <= PROOF)


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing reaches the standard output of the process: HiGHS has left a trace of its own in
    it, which would be in the middle of a report in JSON."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
