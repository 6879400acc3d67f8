"""Which choices a cheapest plan never needs.

A choice goes when another one of its station takes no more of any resource, whatever the
neighbours choose: its own cost and the most that its links could cost more, added up. The other
one keeps the interval, too, so a plan stays a plan when they are exchanged. Of equal ones the first
stays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qfxc.hw.stations import Alive, Edge, Floats, Stations


def prune(problem: Stations, interval: int) -> list[NDArray[np.intp]] | None:
    """The choices left of every station at this interval; None where one has none."""
    alive = [np.flatnonzero(s.cycles <= interval) for s in problem.stations]
    if not all(map(len, alive)):
        return None
    links: list[list[Edge]] = [[] for _ in alive]
    for edge in problem.edges:
        links[edge.source].append(edge)
        links[edge.sink].append(edge)
    stale = {index for index, station in enumerate(problem.stations) if station.folds}
    while stale:
        again: set[int] = set()
        for index in sorted(stale):
            needed = _needed(problem, index, links[index], alive, interval)
            if not needed.all():  # fewer lanes here let more go at the other ends
                alive[index] = alive[index][needed]
                again |= {end for edge in links[index] for end in (edge.source, edge.sink)}
        stale = {index for index in again if problem.stations[index].folds}
    return alive


def _needed(
    problem: Stations, index: int, links: list[Edge], alive: Alive, interval: int
) -> NDArray[np.bool_]:
    """Which of the choices left no other one replaces."""
    station, left = problem.stations[index], alive[index]
    cost = station.cost[left].astype(np.float64)
    more = cost[:, None, :] - cost[None, :, :]  # of the first instead of the second
    for edge in links:
        own = station.pe if edge.source == index else station.simd
        _, at = np.unique(own[left], return_inverse=True)
        more += _exchange(problem, edge, index, alive, interval)[at[:, None], at[None, :]]
    covers = (more <= 0).all(axis=2)
    order = np.arange(len(left))
    better = covers & (~covers.T | (order[:, None] < order[None, :]))
    return np.asarray(~better.any(axis=0))


def _exchange(problem: Stations, edge: Edge, index: int, alive: Alive, interval: int) -> Floats:
    """What a link costs more at most with the first of two lanes of a station instead of the
    second, (n, n, 4), whatever its memory is; infinite where it would miss the interval."""
    _, ins, table = problem.table(edge, alive, interval)
    if edge.shared:  # other readers decide, too, how wide the input is: only equal lanes are safe
        return np.where(np.eye(len(ins), dtype=bool)[:, :, None], np.zeros(4), np.inf)
    if edge.source == index:
        table = table.transpose(0, 2, 1, 3)
    table = np.concatenate(list(table))  # (2 m, n, 4): both keep their memory
    missing = np.isinf(table)
    base = np.where(missing, 0.0, table)
    most = np.full((table.shape[1], *table.shape[1:]), -np.inf)
    for part, none, known in zip(table, missing, base, strict=True):
        np.maximum(most, np.where(none, -np.inf, part[:, None] - known), out=most)
    return np.where(np.isneginf(most), 0.0, most)
