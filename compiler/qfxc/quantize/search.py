"""Ranges of activations chosen one after the other for the least error at the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat

import numpy as np

from qfxc.ir.graph import Graph
from qfxc.ir.types import Array
from qfxc.quantize.ranges import levels

FRAMES = 48
"""Calibration frames that the search looks at."""

MOST_ELEMENTS = 1 << 26
"""Values that it keeps: large networks are seen on fewer frames."""

FACTORS = (0.6, 0.7, 0.8, 0.9, 1.12, 1.25)
"""What a range is multiplied with, one at a time."""

SWEEPS = 2
"""Rounds over all points."""

FINE_BITS = 12
"""Points of so many bits are left as they are: their rounding is hardly seen."""


def search(
    graph: Graph,
    points: Mapping[str, tuple[int, bool]],
    tops: Mapping[str, float],
    frames: Sequence[Array],
) -> dict[str, float]:
    """``tops`` with better ones for ``points`` (bits and sign), by coordinate descent.

    The real ``graph`` runs with its points rounded and its weights real. A trial changes one range
    and computes again only what is behind it; the cost is about half of ``SWEEPS *
    len(FACTORS) * len(points)`` simulations of a few frames.
    """
    found = dict(tops)
    rounded = _Rounded(graph, points, found, frames)
    coarse = [name for name, (bits, _) in points.items() if bits < FINE_BITS]
    for _ in repeat(None, SWEEPS):
        before = dict(found)
        for name in coarse:
            found[name] = rounded.improve(name, [found[name] * f for f in FACTORS])
        if found == before:
            break
    return found


class _Rounded:
    """The graph with rounded points, and all its values on some frames."""

    def __init__(
        self,
        graph: Graph,
        points: Mapping[str, tuple[int, bool]],
        tops: Mapping[str, float],
        frames: Sequence[Array],
    ) -> None:
        self._nodes = graph.nodes()
        self._outputs = [n.name for n in graph.outputs]
        self._bound = {n.name: n.op.bind(n) for n in self._nodes}
        self._points, self._tops = points, dict(tops)
        size = sum(n.type.size for n in self._nodes)
        count = int(np.clip(MOST_ELEMENTS // size, 1, FRAMES))
        self._inputs = {
            n.name: _evenly(x, count) for n, x in zip(graph.inputs, frames, strict=True)
        }
        real = self._run({}, plain=True)
        self._real = [real[name] for name in self._outputs]
        self._values = self._run({})
        self._error = self._distance(self._values)

    def improve(self, name: str, candidates: Sequence[float]) -> float:
        """The best range for one point: one of the candidates, or the one it has."""
        for top in candidates:
            kept, self._tops[name] = self._tops[name], top
            values = self._run(self._values, start=name)
            error = self._distance(values)
            if error < self._error:
                self._error, self._values = error, values
            else:
                self._tops[name] = kept
        return self._tops[name]

    def _run(
        self, known: Mapping[str, Array], *, start: str = "", plain: bool = False
    ) -> dict[str, Array]:
        """All values; of ``known`` those that do not depend on the point ``start`` stay."""
        values = dict(known)
        changed = {start}
        for node in self._nodes:
            if known and node.name != start and not any(i.name in changed for i in node.inputs):
                continue
            changed.add(node.name)
            if node.name in self._inputs:
                value = self._inputs[node.name]
            else:
                value = self._bound[node.name](*(values[i.name] for i in node.inputs))
            values[node.name] = value if plain else self._round(node.name, value)
        return values

    def _round(self, name: str, value: Array) -> Array:
        if name not in self._points:
            return value
        bits, signed = self._points[name]
        most = levels(bits, signed)
        step = self._tops[name] / most
        codes = np.floor(value / step + 0.5)
        inside = np.clip(codes, -most - 1 if signed else 0, most)
        return np.asarray(inside * value.dtype.type(step))

    def _distance(self, values: Mapping[str, Array]) -> float:
        """The noise of the worst output, in parts of its signal."""
        return max(
            float(np.square(values[name] - real).mean() / max(np.square(real).mean(), 1e-30))
            for name, real in zip(self._outputs, self._real, strict=True)
        )


def _evenly(x: Array, count: int) -> Array:
    return np.asarray(x[np.linspace(0, len(x) - 1, min(count, len(x))).astype(np.int64)])
