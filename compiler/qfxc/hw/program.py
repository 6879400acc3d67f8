"""The cheapest folds for a given interval, as an integer program; exact.

A binary variable for every choice of a station, one of which is taken. A link whose lanes are a
and b costs ``y[a, b]``, and the marginals of y are the sums of the choices that have a or b: with
the choices fixed, exactly one y of a link is 1, so y needs no integrality (a transport polytope;
on a tree of links the relaxation without budgets is integral, which makes its bounds tight). Every
resource is a row; the objective is the sum of the used fractions of the budget. docs/decisions/
0006-plan.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint
from scipy.sparse import csr_array

from qfxc.errors import InternalError
from qfxc.hw.links import Link
from qfxc.hw.prune import prune
from qfxc.hw.solver import minimise
from qfxc.hw.space import Space, cost_row
from qfxc.hw.stations import Edge, Floats, Ints, Stations, stations
from qfxc.ir.kernel import Cost, Fold

SCALE = 1000.0
"""Of the objective: the solver's absolute gap of 1e-6 is then less than any real difference."""

TIE = 1e-3
"""Most that all tie-breakers add to the objective together: one LUT of a million."""

OVERRUN = 1000.0
"""How much more than use an overrun counts where budgets may be exceeded."""

Chosen = tuple[list[int], set[Link]]

ANY = 1e9
"""A relative gap at which every design is good enough."""


@dataclass(frozen=True)
class Design:
    """Folds, the links with block memory, and all that they cost; whether that is inside the
    budget."""

    folds: dict[str, Fold]
    blocks: frozenset[Link]
    cost: Cost
    fits: bool


@dataclass(frozen=True)
class Answer:
    """``design``: None where there is none. ``proved`` is False where the search stopped at
    ``NODES``: a cheaper design, or one at all, may exist."""

    design: Design | None
    proved: bool = True


@dataclass(frozen=True, eq=False)
class Program:
    """Every design of a space."""

    space: Space
    problem: Stations

    @classmethod
    def of(cls, space: Space) -> Program:
        return cls(space, stations(space))

    def cheapest(
        self, interval: int, budget: Cost, *, oversize: bool = False, gap: float = 0.0
    ) -> Answer:
        """The design of the least sum of used fractions of ``budget`` whose kernels and converters
        take at most ``interval`` cycles.

        ``oversize``: the budget may be exceeded, but as little as possible. ``gap``: how far from
        the least, relatively, the design may be.
        """
        return self._solve(interval, budget, oversize, gap)

    def any(self, interval: int, budget: Cost) -> Answer:
        """Some design inside the budget, found sooner than the cheapest."""
        return self._solve(interval, budget, False, ANY)

    def relaxed(self, interval: int, budget: Cost) -> bool:
        """Whether fractions of kernels fit the budget: if not, no design does."""
        alive = prune(self.problem, interval)
        if alive is None:
            return False
        model = _Model(self.problem, alive, interval, whole=False)
        return model.solve(budget, False, ANY)[0] is not None

    def _solve(self, interval: int, budget: Cost, oversize: bool, gap: float) -> Answer:
        alive = prune(self.problem, interval)
        if alive is None:
            return Answer(None)
        chosen, proved = _Model(self.problem, alive, interval).solve(budget, oversize, gap)
        if chosen is None:
            return Answer(None, proved)
        choices, blocks = chosen
        kernels = zip(self.problem.stations, choices, strict=True)
        folds = {s.name: s.folds[choice] for s, choice in kernels if s.folds}
        cost = self.space.kernels(folds) + self.space.glue(folds, blocks)
        fits = cost.fits(budget)
        if self.space.interval(folds) > interval or not (fits or oversize):
            raise InternalError("the integer program's answer breaks its own constraints")
        return Answer(Design(folds, frozenset(blocks), cost, fits), proved)


@dataclass
class _Model:
    """Columns: the choices left of every station, then every pair of lanes of every edge."""

    problem: Stations
    alive: Sequence[NDArray[np.intp]]
    interval: int
    whole: bool = True
    """Whether choices are whole; else fractions of several are allowed."""
    costs: list[Floats] = field(default_factory=list)
    entries: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    low: list[Floats] = field(default_factory=list)
    high: list[Floats] = field(default_factory=list)
    blocks: list[tuple[Link, int]] = field(default_factory=list)
    """Links with the column of a pair of lanes whose deep FIFO is block memory."""
    rows: int = 0

    def solve(self, budget: Cost, oversize: bool, gap: float) -> tuple[Chosen | None, bool]:
        """The choice of every station and the links in block memory, if there are any; whether
        that is proved."""
        sizes = [len(left) for left in self.alive]
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self._choose_one()
        for edge in self.problem.edges:
            self._link(edge)
        self._widest_reader()
        caps = np.array(cost_row(budget), dtype=np.float64)
        values, proved = self._minimise(caps, oversize, gap)
        if values is None:
            return None, proved
        spans = zip(self.alive, self.starts[:-1], self.starts[1:], strict=True)
        choices = [int(left[np.argmax(values[a:b])]) for left, a, b in spans]
        return (choices, {link for link, column in self.blocks if values[column] > 0.5}), proved

    def _columns(self, station: int) -> NDArray[np.int64]:
        return np.arange(self.starts[station], self.starts[station + 1])

    def _add(
        self, count: int, parts: Sequence[tuple[Ints, Ints, float]], low: float, high: float
    ) -> None:
        """``count`` rows; a part has the rows (from 0), columns and the value of its entries."""
        for row, column, value in parts:
            self.entries.append((row + self.rows, column, np.full(len(column), value)))
        self.low.append(np.full(count, low))
        self.high.append(np.full(count, high))
        self.rows += count

    def _choose_one(self) -> None:
        for index, station in enumerate(self.problem.stations):
            self.costs.append(station.cost[self.alive[index]].astype(np.float64))
            columns = self._columns(index)
            self._add(1, [(np.zeros_like(columns), columns, 1.0)], 1.0, 1.0)

    def _link(self, edge: Edge) -> None:
        """The pairs of lanes that may meet, some with either memory, and their marginals."""
        outs, ins, table = self.problem.table(edge, self.alive, self.interval)
        deep = (table[1] != table[0]) & np.isfinite(table[0])
        block, i, j = np.nonzero(np.stack([np.isfinite(table[0, ..., 0]), deep.any(axis=2)]))
        first = sum(map(len, self.costs))
        pairs = np.arange(first, first + len(i))
        self.costs.append(table[block, i, j])
        self.blocks += [(edge.link, int(pair)) for pair in pairs[block == 1]]
        source, sink = self.problem.stations[edge.source], self.problem.stations[edge.sink]
        pe = np.searchsorted(outs, source.pe[self.alive[edge.source]])
        simd = np.searchsorted(ins, sink.simd[self.alive[edge.sink]])
        self._add(len(outs), [(i, pairs, 1.0), (pe, self._columns(edge.source), -1.0)], 0.0, 0.0)
        self._add(len(ins), [(j, pairs, 1.0), (simd, self._columns(edge.sink), -1.0)], 0.0, 0.0)

    def _widest_reader(self) -> None:
        """A shared graph input has the lanes of some reader; pairs say that it has no fewer."""
        for index, station in enumerate(self.problem.stations):
            if station.folds:
                continue
            lanes = station.pe[self.alive[index]]
            parts = [(np.arange(len(lanes)), self._columns(index), -1.0)]
            for sink in sorted({e.sink for e in self.problem.edges if e.source == index}):
                simd = self.problem.stations[sink].simd[self.alive[sink]]
                known = np.isin(simd, lanes)
                row = np.searchsorted(lanes, simd[known])
                parts.append((row, self._columns(sink)[known], 1.0))
            self._add(len(lanes), parts, 0.0, np.inf)

    def _minimise(self, budget: Floats, oversize: bool, gap: float) -> tuple[Floats | None, bool]:
        cost = np.concatenate(self.costs)
        scale = SCALE / np.maximum(budget, 1.0)
        objective = cost @ scale
        choices = int(self.starts[-1])
        ties = np.random.default_rng(0).random(choices)
        objective[:choices] += ties * (TIE / len(self.alive))
        used = (cost * scale).T  # scaled: the solver's tolerance is absolute
        extra = -np.eye(4) if oversize else np.zeros((4, 0))
        objective = np.concatenate([objective, np.full(extra.shape[1], OVERRUN)])
        row, column, value = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        matrix = csr_array((value, (row, column)), shape=(self.rows, len(objective)))
        integral = np.zeros(len(objective), dtype=bool)
        if self.whole:
            integral[:choices] = True
            integral[[column for _, column in self.blocks]] = True
        return minimise(
            objective,
            integral,
            np.where(np.arange(len(objective)) < len(cost), 1.0, np.inf),
            [
                LinearConstraint(matrix, np.concatenate(self.low), np.concatenate(self.high)),
                LinearConstraint(np.hstack([used, extra]), -np.inf, budget * scale),
            ],
            gap,
        )
