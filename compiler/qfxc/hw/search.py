"""The cheapest folds for a given interval: dynamic programming over a tree of links, by prices.

A price per resource makes costs comparable. Along the links of a spanning forest (every value's
first reader) the choice is exact, so lanes that match are found along chains; the other links
take their neighbours' present folds and the forest is solved again. Prices alone would build all
alike layers of DSPs or all of LUTs, so a knapsack settles that for the lanes found. An exact
method replaces ``cheapest``: nothing else knows how folds are found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qfxc.hw.links import Link
from qfxc.hw.space import Options, Space, cost_row
from qfxc.hw.variants import balanced, switchable
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Cost, Fold

LUT, _, DSP, _ = range(4)
"""Columns of ``cost_row``."""

MAX_CANDIDATES = 16
SWEEPS = 2
REPRICINGS = 5
TOO_SLOW = 1e9
"""Price of a converter that would miss the interval."""

Prices = tuple[float, float, float, float]
Folds = dict[str, Fold]


@dataclass(frozen=True)
class Attempt:
    """Folds for one interval and all that they cost."""

    folds: Folds
    cost: Cost
    fits: bool


def cheapest(space: Space, interval: int, budget: Cost) -> Attempt:
    """Folds whose kernels and converters take at most ``interval`` cycles, inside ``budget``.

    When the first choice overruns a resource, its price rises and the choice is repeated. Of
    several that do not fit, the one that overruns least is returned.
    """
    caps = np.maximum(np.array(cost_row(budget), dtype=float), 1.0)
    prices = 1.0 / caps
    best: tuple[float, Attempt] | None = None
    for _ in range(REPRICINGS):
        lanes = _Forest(space, interval, tuple(prices)).solve()
        folds = balanced(space, lanes, budget)
        cost = space.kernels(folds) + space.glue(folds)
        use = np.array(cost_row(cost)) / caps
        attempt = Attempt(folds, cost, cost.fits(budget) and space.interval(folds) <= interval)
        if attempt.fits:
            return attempt
        if best is None or use.max() < best[0]:
            best = (float(use.max()), attempt)
        if np.all(use <= 1):
            break
        if switchable(space, folds):  # what LUTs do instead of DSPs makes both as scarce
            use[DSP] = max(use[DSP], use[LUT])
        prices *= np.where(use > 1, 2.0 * use, 1.0)
    assert best is not None
    return best[1]


@dataclass
class _Forest:
    space: Space
    interval: int
    prices: tuple[float, ...]
    _memo: dict[tuple[Link, int, int], float] = field(default_factory=dict)

    def solve(self) -> Folds:
        self._choices = {n: self._candidates(o) for n, o in self.space.options.items()}
        folds = {
            name: self.space.options[name].folds[int(index[0])]
            for name, (index, _) in self._choices.items()
        }
        for _ in range(SWEEPS):
            again = self._sweep(folds)
            if again == folds:
                break
            folds = again
        return folds

    def _candidates(self, options: Options) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The cheapest folds that keep the interval: of every number of lanes on either side."""
        price = (options.costs + options.streams) @ np.array(self.prices)
        allowed = np.flatnonzero(options.cycles <= self.interval)
        if not len(allowed):
            allowed = np.flatnonzero(options.cycles == options.cycles.min())
        order = allowed[np.lexsort((options.cycles[allowed], price[allowed]))]
        chosen: list[int] = []
        seen: set[tuple[str, int]] = set()
        for index in order:
            fold = options.folds[index]
            keys = {("simd", fold.simd), ("pe", fold.pe)}
            if not keys <= seen:
                seen |= keys
                chosen.append(int(index))
            if len(chosen) == MAX_CANDIDATES:
                break
        picked = np.array(chosen)
        return picked, price[picked]

    def _parent(self, node: Node) -> Link | None:
        """The link that joins a value to the forest: the one to its first reader."""
        readers = self.space.wiring.readers(node)
        return next((link for link in readers if link.sink is not None), None)

    def _sweep(self, folds: Mapping[str, Fold]) -> Folds:
        """Solves the forest exactly; links outside it see ``folds`` at their other end."""
        nodes = self.space.wiring.nodes
        below: dict[str, NDArray[np.float64]] = {}
        back: dict[str, NDArray[np.intp]] = {}
        for node in nodes:  # producers first: a message to the reader for each of its folds
            total = self._own(node, folds)
            total = total + below.get(node.name, 0.0)
            parent = self._parent(node)
            if parent is None or parent.sink is None:
                back[node.name] = np.array([int(np.argmin(total))])
                continue
            table = total[:, None] + self._table(parent, node, parent.sink)
            back[node.name] = np.argmin(table, axis=0)
            message = table.min(axis=0)
            below[parent.sink.name] = below.get(parent.sink.name, 0.0) + message
        return self._trace(back)

    def _trace(self, back: Mapping[str, NDArray[np.intp]]) -> Folds:
        picked: dict[str, int] = {}
        for node in reversed(self.space.wiring.nodes):
            parent = self._parent(node)
            above = picked[parent.sink.name] if parent and parent.sink else 0
            picked[node.name] = int(back[node.name][above])
        return {node.name: self._fold(node, picked[node.name]) for node in self.space.wiring.nodes}

    def _fold(self, node: Node, choice: int) -> Fold:
        return self.space.options[node.name].folds[int(self._choices[node.name][0][choice])]

    def _folds(self, node: Node) -> list[Fold]:
        return [self._fold(node, i) for i in range(len(self._choices[node.name][0]))]

    def _own(self, node: Node, folds: Mapping[str, Fold]) -> NDArray[np.float64]:
        """Price of every candidate of a node with the links outside the forest."""
        total = self._choices[node.name][1].copy()
        parent = self._parent(node)
        wiring = self.space.wiring
        for link in wiring.readers(node):
            if link is not parent and link.sink is not None:
                reader = folds[link.sink.name].simd
                total += [self._price(link, f.pe, reader) for f in self._folds(node)]
        for link in wiring.writers(node):
            source = link.source.name
            if source in self.space.options and link is not self._parent(link.source):
                total += [self._price(link, folds[source].pe, f.simd) for f in self._folds(node)]
        return total

    def _table(self, link: Link, node: Node, sink: Node) -> NDArray[np.float64]:
        readers = self._folds(sink)
        return np.array(
            [[self._price(link, f.pe, r.simd) for r in readers] for f in self._folds(node)]
        )

    def _price(self, link: Link, lanes: int, reader: int) -> float:
        key = (link, lanes, reader)
        if key not in self._memo:
            cost = cost_row(self.space.link_cost(link, lanes, reader))
            price = sum(p * c for p, c in zip(self.prices, cost, strict=True))
            slow = self.space.link_cycles(link, lanes, reader) > self.interval
            self._memo[key] = price + (TOO_SLOW if slow else 0.0)
        return self._memo[key]
