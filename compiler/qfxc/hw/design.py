"""A design: the plan and the netlist that follows from it, at what the netlist really takes.

The plan has to guess FIFO depths before it knows the schedule; the netlist has the depths that the
schedule needs. Where the guess was wrong by so much that the design overruns the budget, the plan
is made again with that much less to spend; where it was too careful, once with that much more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from qfxc.hw.board import Board
from qfxc.hw.build import build_netlist
from qfxc.hw.cost import netlist_cost
from qfxc.hw.netlist import Netlist
from qfxc.hw.plan import Plan, oversize, plan
from qfxc.ir.graph import Graph
from qfxc.ir.kernel import Cost, Fold

ROUNDS = 4
"""Plans with less and less to spend until the netlist fits."""


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
    attempt = partial(_attempt, graph, board, clock_mhz, fps, name, pinned)
    found, missing = attempt(Cost())
    reserve = Cost()
    for _ in range(ROUNDS):
        if found.plan.fits:
            break
        reserve = _largest(reserve, missing)
        found, missing = attempt(reserve)
    if found.plan.fits and fps is None and found.plan.step is not None and reserve == Cost():
        found = _faster(found, attempt(missing)[0])
    if not (found.plan.fits or allow_oversize):
        raise oversize(found.plan.cost, board)
    return found


def _attempt(
    graph: Graph,
    board: Board,
    clock_mhz: float,
    fps: float | None,
    name: str,
    pinned: Mapping[str, Fold] | None,
    reserve: Cost,
) -> tuple[Design, Cost]:
    """A plan that leaves ``reserve`` of the budget, and what its estimate missed."""
    planned = plan(
        graph, board, clock_mhz, fps, pinned=pinned, allow_oversize=True, reserve=reserve
    )
    netlist = build_netlist(graph, planned.folds, name)
    cost = netlist_cost(netlist)
    missing = cost - planned.cost
    real = replace(planned, cost=cost, glue=planned.glue + missing, fits=cost.fits(board.budget))
    return Design(real, netlist), missing


def _largest(a: Cost, b: Cost) -> Cost:
    return Cost(max(a.lut, b.lut), max(a.ff, b.ff), max(a.dsp, b.dsp), max(a.bram18, b.bram18))


def _faster(known: Design, other: Design) -> Design:
    """``other`` where it fits and is faster."""
    return other if other.plan.fits and other.plan.interval < known.plan.interval else known
