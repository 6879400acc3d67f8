"""A design: the plan and the netlist that follows from it, at what the netlist really takes.

The plan has to guess FIFO depths before it knows the schedule, and what circuits of adders cost
before their graphs are solved; the netlist has the depths that the schedule needs, and the circuits
that were chosen. Where the guess was wrong by so much that the design overruns the budget, the plan
is made again with that much less to spend, and those circuits at their price; from the design that
fits, faster ones are tried with what the estimates missed there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qfxc.hw.board import Board
from qfxc.hw.build import build_netlist
from qfxc.hw.cost import kernel_cost, netlist_cost
from qfxc.hw.joined import extra
from qfxc.hw.netlist import Netlist
from qfxc.hw.plan import Plan, Row, Step, faster_plan, oversize, plan
from qfxc.hw.space import cost_row
from qfxc.hw.storage import stored
from qfxc.ir.graph import Graph
from qfxc.ir.kernel import Cost, Fold, Variant

ROUNDS = 4
"""Plans with less and less to spend until the netlist fits, besides those that a circuit of a new
layer made dearer."""

NEARLY = 0.005
"""Part of the budget that the estimates of a plan may lack for its netlist to be tried."""


@dataclass(frozen=True)
class Design:
    """``plan.cost`` and ``plan.glue`` are those of the netlist, its FIFOs as deep as they are."""

    plan: Plan
    netlist: Netlist


def design(
    graph: Graph,
    board: Board,
    clock_mhz: float,
    fps: float | None = None,
    *,
    name: str,
    pinned: Mapping[str, Fold] | None = None,
    allow_oversize: bool = False,
) -> Design:
    """The plan of ``plan.plan`` and its netlist. Raises UserError as that does."""
    attempt = _Attempt(graph, board, clock_mhz, fps, name, pinned)
    found, missing = attempt(Cost())
    reserve, left = Cost(), ROUNDS
    while left and not found.plan.fits:
        reserve, known = _by_resource(max, reserve, missing), len(attempt.circuits)
        found, missing = attempt(reserve)
        left -= len(attempt.circuits) == known
    if found.plan.fits and fps is None:
        found = attempt.fastest(found, missing)
    if not (found.plan.fits or allow_oversize):
        raise oversize(found.plan.cost, board, pinned or ())
    return found


@dataclass
class _Attempt:
    """A plan that leaves ``reserve`` of the budget, its netlist, and what the estimates missed
    besides circuits; what those of a netlist cost is known from then on."""

    graph: Graph
    board: Board
    clock_mhz: float
    fps: float | None
    name: str
    pinned: Mapping[str, Fold] | None
    circuits: dict[str, Cost] = field(default_factory=dict)

    def __call__(self, reserve: Cost) -> tuple[Design, Cost]:
        planned = plan(
            self.graph, self.board, self.clock_mhz, self.fps,
            pinned=self.pinned, allow_oversize=True, reserve=reserve, circuits=self.circuits,
        )  # fmt: skip
        return self._built(planned)

    def fastest(self, known: Design, missing: Cost) -> Design:
        """The fastest design that is found to fit, from a known one on.

        Tried are those that fit by the estimates if these are as wrong as for that one, and the
        next one if it lacks no more than ``NEARLY`` of the budget. What does not fit is tried again
        with as much less to spend as it lacked, then slower ones with what there was before.
        """
        usual = reserve = _by_resource(min, missing, self._nearly(known.plan.step))
        failed = 0
        for _ in range(ROUNDS):
            planned = self._faster(known, failed - 1, reserve)
            if planned is None and failed:
                planned = self._faster(known, failed, usual)
            if planned is None:
                break
            other, missing = self._built(planned)
            if other.plan.fits:
                known, usual = other, missing
                reserve = usual
            else:
                failed, reserve = other.plan.interval, _by_resource(max, usual, missing)
        return known

    def _faster(self, known: Design, above: int, reserve: Cost) -> Plan | None:
        return faster_plan(
            self.graph, self.board, self.clock_mhz, known.plan.interval, above,
            pinned=self.pinned, reserve=reserve, circuits=self.circuits,
        )  # fmt: skip

    def _nearly(self, step: Step | None) -> Cost:
        """A reserve, below zero, with which the plan's next step fits, if it lacks little."""
        near = _by_resource(lambda most, _: int(NEARLY * most), self.board.budget, Cost())
        return Cost() - step.over if step is not None and step.over.fits(near) else Cost()

    def _built(self, planned: Plan) -> tuple[Design, Cost]:
        sized = build_netlist(self.graph, planned.folds, self.name)
        netlist = stored(sized, self.board.budget)
        self._learn(netlist, planned.folds)
        cost, rows = netlist_cost(netlist), _priced(planned.rows, netlist)
        glue = cost - sum((row.cost for row in rows), Cost())
        fits = cost.fits(self.board.budget)
        real = replace(planned, rows=rows, cost=cost, glue=glue, fits=fits)
        return Design(real, netlist), cost - self._expected(planned)

    def _learn(self, netlist: Netlist, folds: Mapping[str, Fold]) -> None:
        """What the circuits of new nodes cost, without the nodes that are part of them."""
        nodes = {node.name: node for node in self.graph.nodes()}
        for instance in netlist.instances:
            if instance.kernel.body is None or instance.nodes[0] in self.circuits:
                continue
            first, *rest = instance.nodes
            pair = [(nodes[name], folds[name]) for name in (first, *rest[:1])]
            more = extra(*pair[0], *pair[1]) if rest else None
            self.circuits[first] = kernel_cost(instance.kernel) - (more or Cost())

    def _expected(self, planned: Plan) -> Cost:
        """What a plan would have said with the prices of its circuits."""
        trees = (row for row in planned.rows if row.name in self.circuits)
        trees = (row for row in trees if row.fold.variant is Variant.TREE)
        return sum((self.circuits[row.name] - row.cost for row in trees), planned.cost)


def _priced(rows: Sequence[Row], netlist: Netlist) -> tuple[Row, ...]:
    """The rows of a plan at what their circuits cost; nodes that are part of a circuit cost
    nothing besides."""
    circuits = {i.nodes[0]: i for i in netlist.instances if i.kernel.body is not None}
    inside = {name for instance in circuits.values() for name in instance.nodes[1:]}
    return tuple(
        replace(row, cost=Cost())
        if row.name in inside
        else replace(row, cost=kernel_cost(circuits[row.name].kernel))
        if row.name in circuits
        else row
        for row in rows
    )


def _by_resource(choose: Callable[[int, int], int], a: Cost, b: Cost) -> Cost:
    return Cost(*map(choose, cost_row(a), cost_row(b)))
