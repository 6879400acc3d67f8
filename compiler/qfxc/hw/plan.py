"""The plan: how parallel every kernel is, under the board's budget or for a wanted frame rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, isfinite

from qfxc.errors import UserError
from qfxc.hw.board import Board
from qfxc.hw.search import Attempt, cheapest
from qfxc.hw.space import Space, space
from qfxc.ir.graph import Graph
from qfxc.ir.kernel import Cost, Fold

RESOURCES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18"}


@dataclass(frozen=True, slots=True)
class Row:
    """One kernel of the plan; ``cycles`` per frame."""

    name: str
    op: str
    fold: Fold
    cycles: int
    cost: Cost


@dataclass(frozen=True)
class Plan:
    """Folds by node name, and what follows from them.

    ``interval`` is in clock cycles per frame, ``fps`` in frames per second. ``bottleneck`` names
    the slowest kernel; ``limit`` says what keeps it from being faster. ``glue`` is the part of
    ``cost`` that FIFOs, forks and converters take. ``fits`` is False only for a plan that was
    asked for with ``allow_oversize``.
    """

    board: str
    clock_mhz: float
    folds: Mapping[str, Fold]
    rows: tuple[Row, ...]
    interval: int
    fps: float
    cost: Cost
    glue: Cost
    budget: Cost
    bottleneck: str
    limit: str
    fits: bool

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles per frame by node name."""
        return {row.name: row.cycles for row in self.rows}


def plan(
    graph: Graph,
    board: Board,
    clock_mhz: float,
    fps: float | None = None,
    *,
    allow_oversize: bool = False,
) -> Plan:
    """Folds for a graph of the KERNEL stage.

    Without ``fps``: the highest frame rate inside the board's budget. With it: the smallest
    design that reaches it. Raises UserError when the network does not fit the board (unless
    ``allow_oversize``: then the smallest plan comes back, marked) or when the rate is out of
    reach.
    """
    if not (isfinite(clock_mhz) and clock_mhz > 0):
        raise UserError(f"a clock of {clock_mhz:g} MHz", hint="the clock is a positive number")
    if fps is not None and not (isfinite(fps) and fps > 0):
        raise UserError(f"{fps:g} frames/s", hint="the frame rate is a positive number")
    problem = _Problem(space(graph), board, clock_mhz)
    smallest = problem.smallest()
    if not smallest.fits:
        if not allow_oversize:
            raise _oversize(smallest.cost, board)
        return problem.result(smallest, "the board is too small")
    if fps is not None:
        return problem.reach(fps)
    return problem.fastest(smallest)


@dataclass(frozen=True)
class _Problem:
    space: Space
    board: Board
    clock_mhz: float

    @property
    def traffic(self) -> int:
        """Cycles per frame that the memory interface takes: whole bytes in and out."""
        outs = [link.source for link in self.space.wiring.links if link.sink is None]
        sizes = [n.type.size * -(-n.type.int.bits // 8) for n in (*self.space.wiring.inputs, *outs)]
        return ceil(sum(sizes) * self.clock_mhz * 1e6 / self.board.bandwidth)

    def smallest(self) -> Attempt:
        return cheapest(self.space, self._slowest(), self.board.budget)

    def _slowest(self) -> int:
        """An interval that excludes nothing, converters that serialise included."""
        values = (link.source.type.size for link in self.space.wiring.links)
        return max(*self.space.rates, *values)

    def fastest(self, best: Attempt) -> Plan:
        """Binary search for the shortest interval that fits."""
        rates = [rate for rate in self.space.rates if rate >= self.traffic]
        rates = rates or [self.traffic]
        low, high = 0, len(rates)  # everything from ``high`` on fits, nothing below ``low`` does
        blocked: Attempt | None = None
        while low < high:
            middle = (low + high) // 2
            attempt = cheapest(self.space, rates[middle], self.board.budget)
            if attempt.fits:
                best, high = attempt, middle
            else:
                blocked, low = attempt, middle + 1
        if blocked is not None:
            return self.result(best, self._overrun(blocked.cost))
        bound = self.traffic > self.space.rates[0]
        return self.result(best, "memory bandwidth" if bound else "no faster fold exists")

    def reach(self, fps: float) -> Plan:
        target = int(self.clock_mhz * 1e6 / fps)
        if target >= max(self.space.rates[0], self.traffic):
            attempt = cheapest(self.space, target, self.board.budget)
            if attempt.fits:
                return self.result(attempt, "the requested frame rate")
        best = self.fastest(self.smallest())
        raise UserError(
            f"{fps:g} frames/s are out of reach on {self.board.name} at {self.clock_mhz:g} MHz; "
            f"the fastest plan reaches {best.fps:.1f} frames/s",
            where=best.bottleneck,
            hint=f"limited by: {best.limit}; try fewer bits, a higher clock or a larger board",
        )

    def _overrun(self, cost: Cost) -> str:
        budget = self.board.budget
        use = {r: getattr(cost, r) / max(getattr(budget, r), 1) for r in RESOURCES}
        worst = max(use, key=lambda r: use[r])
        return RESOURCES[worst] if use[worst] > 1 else "lanes of neighbouring kernels"

    def result(self, attempt: Attempt, limit: str) -> Plan:
        rows = []
        for node in self.space.wiring.nodes:
            fold = attempt.folds[node.name]
            cycles, cost = self.space.options[node.name].at(fold)
            rows.append(Row(node.name, node.op.stem, fold, cycles, cost))
        interval = max(self.space.interval(attempt.folds), self.traffic)
        return Plan(
            board=self.board.name,
            clock_mhz=self.clock_mhz,
            folds=dict(attempt.folds),
            rows=tuple(rows),
            interval=interval,
            fps=self.clock_mhz * 1e6 / interval,
            cost=attempt.cost,
            glue=self.space.glue(attempt.folds),
            budget=self.board.budget,
            bottleneck=max(rows, key=lambda row: row.cycles).name,
            limit=limit,
            fits=attempt.fits,
        )


def _oversize(cost: Cost, board: Board) -> UserError:
    """Which resources the smallest plan overruns, and by how much."""
    over = []
    for key, label in RESOURCES.items():
        used, most = getattr(cost, key), getattr(board.budget, key)
        if used > most:
            over.append(f"{label} {used:,} of {most:,} ({used / max(most, 1):.2f}x)")
    return UserError(
        f"the network does not fit: its smallest design needs {', '.join(over)}",
        where=board.name,
        hint="fewer bits per weight, a smaller network or a larger board",
    )
