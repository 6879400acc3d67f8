"""Columns as differences: a column close to another one is that one plus few digits.

A minimum spanning tree over the columns would do so along paths (Gustafsson 2007); here a column
is a root or one addition away from a root, which costs one level of depth and no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.graph import Adder, AdderGraph, Term, append_sum

WORTH = 3
"""Digits that a difference saves at least, beside its addition: sharing saves some of them too."""


@dataclass(frozen=True)
class Differences:
    """Column ``j`` is column ``j`` of ``rest``, plus ``signs[j]`` times column ``roots[j]``.

    ``roots[j] == j`` and ``signs[j] == 0`` where it stands for itself.
    """

    rest: NDArray[np.int64]
    roots: tuple[int, ...]
    signs: tuple[int, ...]


def differences(matrix: NDArray[np.int64]) -> Differences:
    """Columns in the order of their digits: each becomes a root, or the neighbour of one."""
    count = matrix.shape[1]
    digits = _digits(matrix)
    roots, signs, waiting = list(range(count)), [0] * count, np.ones(count, bool)
    for _ in range(count):
        column = int(np.argmin(np.where(waiting, digits, np.iinfo(np.int64).max)))
        waiting[column] = False
        if signs[column]:
            continue
        for sign in (1, -1):
            apart = _digits(matrix - sign * matrix[:, [column]]) + 1 + WORTH
            for other in np.flatnonzero(waiting & (apart < digits)).tolist():
                roots[other], signs[other], digits[other] = column, sign, apart[other]
    rest = matrix - np.array(signs, np.int64) * matrix[:, roots]
    return Differences(rest, tuple(roots), tuple(signs))


def joined(graph: AdderGraph, of: Differences) -> AdderGraph:
    """The graph of the whole matrix from that of ``of.rest``, one level deeper."""
    adders, outputs = list[Adder](graph.adders), list(graph.outputs)
    for column, (root, sign) in enumerate(zip(of.roots, of.signs, strict=True)):
        base, own = graph.outputs[root], graph.outputs[column]
        if not sign or base is None:
            continue
        term = Term(base.node, base.shift, base.negative != (sign < 0))
        outputs[column] = append_sum(own, term, adders, len(graph.inputs)) if own else term
    return AdderGraph(graph.inputs, tuple(adders), tuple(outputs))


def _digits(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """The canonical signed digits of every column: w and 3 w differ in as many bits."""
    size = np.abs(matrix).ravel()
    bits = np.unpackbits((size ^ 3 * size).view(np.uint8)).reshape(*matrix.shape, 64)
    return np.asarray(bits.sum(axis=(0, 2)), np.int64)
