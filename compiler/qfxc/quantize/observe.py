"""Statistics of every value over the calibration inputs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Array
from qfxc.sim import simulate

SAMPLES = 1 << 16
"""Values kept per tensor for percentiles and error searches."""

POSITION_STEP = 7919
"""How far the sampled positions move from frame to frame (a prime, so that all are visited)."""


@dataclass(frozen=True)
class Stats:
    """Exact extremes, an even subsample of the values (float64), and moments per channel.

    ``mean`` of the values, ``power``: of their squares.
    """

    low: float
    high: float
    sample: NDArray[np.float64]
    mean: NDArray[np.float64]
    power: NDArray[np.float64]


class _Collector:
    def __init__(self, names: Collection[str], frames: int, seed: int) -> None:
        self._names = set(names)
        self._per_frame = max(1, SAMPLES // max(frames, 1))
        self._seed = seed
        self._positions: dict[str, NDArray[np.int64]] = {}
        self._frames: dict[str, int] = {}
        self._low: dict[str, float] = {}
        self._high: dict[str, float] = {}
        self._parts: dict[str, list[Array]] = {}
        self._sums: dict[str, Array] = {}
        self._powers: dict[str, Array] = {}
        self._counts: dict[str, int] = {}

    def __call__(self, node: Node, value: Array) -> None:
        if node.name not in self._names:
            return
        low, high = float(value.min()), float(value.max())
        self._low[node.name] = min(self._low.get(node.name, low), low)
        self._high[node.name] = max(self._high.get(node.name, high), high)
        self._add(node.name, value.reshape(-1, value.shape[-1] if value.ndim > 1 else 1))
        picked = self._sample(node.name, value.reshape(len(value), -1))
        self._parts.setdefault(node.name, []).append(picked.reshape(-1).astype(np.float64))

    def _sample(self, name: str, rows: Array) -> Array:
        """Some values of every frame, at positions that do not depend on how frames are batched."""
        size = rows.shape[1]
        if size <= self._per_frame:
            return rows
        if name not in self._positions:
            rng = np.random.default_rng(self._seed)
            self._positions[name] = rng.integers(0, size, self._per_frame)
        first = self._frames.get(name, 0)
        self._frames[name] = first + len(rows)
        moved = np.arange(first, first + len(rows))[:, None] * POSITION_STEP
        return np.take_along_axis(rows, (self._positions[name] + moved) % size, axis=1)

    def _add(self, name: str, rows: Array) -> None:
        total = rows.sum(axis=0, dtype=np.float64)
        self._sums[name] = self._sums.get(name, 0) + total
        power = np.einsum("nc,nc->c", rows, rows, dtype=np.float64)
        self._powers[name] = self._powers.get(name, 0) + power
        self._counts[name] = self._counts.get(name, 0) + len(rows)

    def stats(self) -> dict[str, Stats]:
        return {
            name: Stats(
                self._low[name],
                self._high[name],
                np.concatenate(parts),
                np.asarray(self._sums[name] / self._counts[name]),
                np.asarray(self._powers[name] / self._counts[name]),
            )
            for name, parts in self._parts.items()
        }


def observe(graph: Graph, frames: Sequence[Array], names: Collection[str]) -> dict[str, Stats]:
    """Runs the real graph on calibration frames; returns the statistics of the named values."""
    collector = _Collector(names, len(frames[0]), seed=0)
    simulate(graph, frames, collector)
    return collector.stats()
