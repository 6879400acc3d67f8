"""The plan: how parallel every kernel is, under the board's budget or for a wanted frame rate."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import ceil, isfinite

from qfxc.errors import UserError
from qfxc.hw.board import Board
from qfxc.hw.constant import hardware
from qfxc.hw.delay import additions
from qfxc.hw.pinned import pin
from qfxc.hw.program import Answer, Design, Program
from qfxc.hw.search import Search
from qfxc.hw.space import Space, cost_row, space, with_circuits, without_dsps
from qfxc.ir.graph import Graph
from qfxc.ir.kernel import Cost, Fold

NOTHING = Cost()

RESOURCES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18"}


@dataclass(frozen=True, slots=True)
class Row:
    """One kernel of the plan; ``cycles`` per frame, ``multipliers`` of a dot product (else 0)."""

    name: str
    op: str
    fold: Fold
    cycles: int
    cost: Cost
    multipliers: int = 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates per frame: a dot product uses all its multipliers every cycle."""
        return self.multipliers * self.cycles


@dataclass(frozen=True, slots=True)
class Step:
    """The next faster design, whatever it costs: ``over`` is what the budget lacks for it."""

    interval: int
    fps: float
    cost: Cost
    over: Cost


@dataclass(frozen=True)
class Plan:
    """Folds by node name, and what follows from them.

    ``interval`` is in clock cycles per frame, ``fps`` in frames per second. ``bottleneck`` names
    the slowest kernel; ``limit`` says what keeps it from being faster, ``binding`` the resources
    among that, ``step`` what being faster at all would take (None: nothing is faster, or the
    plan does not fit). ``glue`` is the part of ``cost`` that FIFOs, forks and converters take.
    ``fits`` is False only for a plan that was asked for with ``allow_oversize``. ``proved``: no
    plan is faster, and none of the same interval uses less of the budget in sum.
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
    binding: tuple[str, ...]
    step: Step | None
    fits: bool
    proved: bool

    @property
    def cycles(self) -> dict[str, int]:
        """Cycles per frame by node name."""
        return {row.name: row.cycles for row in self.rows}

    def utilisation(self, row: Row | None = None) -> float | None:
        """Multiply-accumulates per frame, as a part of what the multipliers of a kernel (or of
        all kernels) could do in an interval; None where there are none."""
        rows = self.rows if row is None else (row,)
        most = sum(r.multipliers for r in rows) * self.interval
        return sum(r.macs for r in rows) / most if most else None


def plan(
    graph: Graph,
    board: Board,
    clock_mhz: float,
    fps: float | None = None,
    *,
    pinned: Mapping[str, Fold] | None = None,
    allow_oversize: bool = False,
    reserve: Cost = NOTHING,
    circuits: Mapping[str, Cost] | None = None,
) -> Plan:
    """Folds for a graph of the KERNEL stage; those of ``pinned`` are given.

    ``reserve``: how much of the budget is left alone (below zero: how much more is spent), for
    what the estimates of FIFO depths miss. ``circuits``: what those of some nodes cost; others
    are priced by an estimate.

    Without ``fps``: the highest frame rate inside the board's budget, and of its designs that
    with the least sum of used fractions of the budget. With it: the least such sum that reaches
    it. Raises UserError for pinned folds that do not exist, when the network does not fit the
    board (unless ``allow_oversize``: then the design that overruns least comes back, marked), when
    the rate is out of reach, or for kernels that need DSPs where the board allows none.
    """
    if not (isfinite(clock_mhz) and clock_mhz > 0):
        raise UserError(
            f"a clock of {clock_mhz:g} MHz", where="--clock", hint="the clock is a positive number"
        )
    if fps is not None and not (isfinite(fps) and fps > 0):
        raise UserError(
            f"{fps:g} frames/s", where="--fps", hint="the frame rate is a positive number"
        )
    planner = _planner(graph, board, clock_mhz, pinned, reserve, circuits)
    return planner.fastest(allow_oversize) if fps is None else planner.reach(fps, allow_oversize)


def faster_plan(
    graph: Graph,
    board: Board,
    clock_mhz: float,
    interval: int,
    above: int = 0,
    *,
    pinned: Mapping[str, Fold] | None = None,
    reserve: Cost = NOTHING,
    circuits: Mapping[str, Cost] | None = None,
) -> Plan | None:
    """As ``plan``, of fewer than ``interval`` cycles and more than ``above``; None where none of
    them fits."""
    planner = _planner(graph, board, clock_mhz, pinned, reserve, circuits)
    return planner.faster(interval, above)


def _planner(
    graph: Graph,
    board: Board,
    clock_mhz: float,
    pinned: Mapping[str, Fold] | None,
    reserve: Cost,
    circuits: Mapping[str, Cost] | None,
) -> _Planner:
    levels = board.levels or additions(board.part.family, clock_mhz)
    every, dsps = with_circuits(space(graph, levels), circuits or {}), board.max_dsp != 0
    free = every if dsps else without_dsps(every)
    wanted = pin(every, pinned, dsps) if pinned else free
    wanted = wanted if dsps else without_dsps(wanted)
    return _Planner(free, wanted, board, clock_mhz, reserve, tuple(pinned or ()))


@dataclass(frozen=True)
class _Planner:
    """``free`` is the space without pinned folds: what would be possible."""

    free: Space
    space: Space
    board: Board
    clock_mhz: float
    reserve: Cost
    pinned: tuple[str, ...]
    search: Search = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "search", self._search(self.space))

    def _search(self, space: Space) -> Search:
        return Search(Program.of(space), self.traffic, self.budget)

    @property
    def budget(self) -> Cost:
        """What the estimates may add up to."""
        return self.board.budget - self.reserve

    @property
    def traffic(self) -> int:
        """Cycles per frame that the memory interface takes: whole bytes in and out."""
        outs = [link.source for link in self.space.wiring.links if link.sink is None]
        sizes = [n.type.size * -(-n.type.int.bits // 8) for n in (*self.space.wiring.inputs, *outs)]
        return ceil(sum(sizes) * self.clock_mhz * 1e6 / self.board.bandwidth)

    def fastest(self, allow_oversize: bool) -> Plan:
        answer = self.search.fastest()
        return self._smallest(allow_oversize) if answer.design is None else self._plan(answer)

    def faster(self, interval: int, above: int) -> Plan | None:
        answer = self.search.fastest(interval, above)
        return None if answer.design is None else self._plan(answer)

    def reach(self, fps: float, allow_oversize: bool) -> Plan:
        target = int(self.clock_mhz * 1e6 / fps)
        if target >= self.traffic:
            answer = self.search.program.cheapest(target, self.budget)
            if answer.design is not None:
                return self._plan(answer, "the requested frame rate")
        best = self.fastest(allow_oversize)
        if not best.fits:
            return best
        raise UserError(
            f"{fps:g} frames/s are out of reach on {self.board.name} at {self.clock_mhz:g} MHz; "
            f"the fastest plan reaches {best.fps:.1f} frames/s",
            where=best.bottleneck,
            hint=f"limited by: {best.limit}; try fewer bits, a higher clock or a larger board",
        )

    def _smallest(self, allow_oversize: bool) -> Plan:
        answer = self.search.smallest()
        assert answer.design is not None  # at the slowest interval every fold is allowed
        if not allow_oversize:
            raise oversize(answer.design.cost, self.board, self.pinned)
        return self._plan(answer, "the board is too small")

    def _step(self, interval: int) -> tuple[Step | None, bool]:
        """The next faster design without pinned folds, and whether that is proved."""
        search = self.search if self.space is self.free else self._search(self.free)
        answer = search.faster(interval)
        if answer.design is None:
            return None, answer.proved
        cost = answer.design.cost
        pairs = zip(cost_row(cost), cost_row(self.budget), strict=True)
        over = Cost(*(max(0, used - most) for used, most in pairs))
        faster = max(search.program.space.interval(answer.design.folds), self.traffic)
        return Step(faster, self.clock_mhz * 1e6 / faster, cost, over), answer.proved

    def _limit(self, interval: int, step: Step | None, binding: tuple[str, ...]) -> str:
        if step is None:
            return "memory bandwidth" if self.traffic >= interval else "no faster fold exists"
        return " and ".join(binding) or "the pinned folds"

    def _plan(self, answer: Answer, limit: str = "") -> Plan:
        design = answer.design
        assert design is not None
        rows = tuple(self._rows(design))
        interval = max(self.space.interval(design.folds), self.traffic)
        step, known = self._step(interval) if design.fits else (None, True)
        over = step.over if step else Cost()
        binding = tuple(name for key, name in RESOURCES.items() if getattr(over, key))
        return Plan(
            board=self.board.name,
            clock_mhz=self.clock_mhz,
            folds=dict(design.folds),
            rows=rows,
            interval=interval,
            fps=self.clock_mhz * 1e6 / interval,
            cost=design.cost,
            glue=self.space.glue(design.folds, design.blocks),
            budget=self.board.budget,
            bottleneck=max(rows, key=lambda row: row.cycles).name,
            limit=limit or self._limit(interval, step, binding),
            binding=binding,
            step=step,
            fits=design.fits,
            proved=answer.proved and known,
        )

    def _rows(self, design: Design) -> list[Row]:
        rows = []
        for node in self.space.wiring.nodes:
            fold = design.folds[node.name]
            cycles, cost = self.space.options[node.name].at(fold)
            multipliers = hardware(node).multipliers(node, fold)
            rows.append(Row(node.name, node.op.stem, fold, cycles, cost, multipliers))
        return rows


def oversize(cost: Cost, board: Board, pinned: Collection[str] = ()) -> UserError:
    """Which resources the smallest plan overruns, and by how much. ``pinned``: nodes whose folds
    are given, which may be why."""
    over = []
    for key, label in RESOURCES.items():
        used, most = getattr(cost, key), getattr(board.budget, key)
        if used > most:
            over.append(f"{label} {used:,} of {most:,} ({used / max(most, 1):.2f}x)")
    given = f" with the given folds of {', '.join(pinned)}" if pinned else ""
    limited = board.max_dsp is not None and cost.dsp > board.budget.dsp
    hints = ["other folds"] * bool(pinned) + ["more DSPs (--max-dsp)"] * limited
    return UserError(
        f"the network does not fit: its smallest design{given} needs {', '.join(over)}",
        where=board.name,
        hint=", ".join([*hints, "fewer bits per weight, a smaller network or a larger board"]),
    )
