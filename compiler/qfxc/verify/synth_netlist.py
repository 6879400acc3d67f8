"""Synthesis of a design, kernel by kernel, beside what the cost models said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qfxc.hw.cost import fifo_kernel, kernel_cost
from qfxc.hw.netlist import Netlist
from qfxc.ir.kernel import Cost
from qfxc.progress import Progress
from qfxc.verify import synth
from qfxc.verify.synth_source import kernel_module, version

FIFOS = "FIFOs"


def synthesise(netlist: Netlist, progress: Progress | None = None) -> dict[str, Any]:
    """Every kernel, fork, converter and FIFO of a design in Yosys, equal ones once.

    Plain data for the report: ``tool``; ``rows`` with ``name``, ``kernel``, ``estimate`` and
    ``yosys`` (null where synthesis took too long), all FIFOs in one row; ``total`` of the rows that
    Yosys finished. Raises UserError without pyosys.
    """
    named = [(i.name, i.kernel) for i in netlist.instances]
    named += [(FIFOS, fifo_kernel(s.depth, s.bits, s.block)) for s in netlist.streams if s.depth]
    modules = [kernel_module(kernel) for _, kernel in named]
    found = synth.measure(modules, progress)
    rows: list[dict[str, Any]] = []
    joined: list[tuple[Cost, Cost | None]] = []
    for (name, kernel), cost in zip(named, found, strict=True):
        if name == FIFOS:
            joined.append((kernel_cost(kernel), cost))
        else:
            rows.append(_row(name, kernel.name, kernel_cost(kernel), cost))
    rows.append(_row(FIFOS, "fifo", *_sum(joined)))
    done = [(_cost(row["estimate"]), _cost(row["yosys"])) for row in rows if row["yosys"]]
    estimate, yosys = _sum(done)
    total = {"estimate": _plain(estimate), "yosys": _plain(yosys)}
    return {"tool": version(), "rows": rows, "total": total}


def _sum(pairs: Sequence[tuple[Cost, Cost | None]]) -> tuple[Cost, Cost | None]:
    """Sums of both sides; None where one of them is missing."""
    estimate = sum((e for e, _ in pairs), Cost())
    found = [f for _, f in pairs if f is not None]
    return estimate, sum(found, Cost()) if len(found) == len(pairs) else None


def _row(name: str, kernel: str, estimate: Cost, found: Cost | None) -> dict[str, Any]:
    return {"name": name, "kernel": kernel, "estimate": _plain(estimate), "yosys": _plain(found)}


def _plain(cost: Cost | None) -> dict[str, int] | None:
    if cost is None:
        return None
    return {"lut": cost.lut, "ff": cost.ff, "dsp": cost.dsp, "bram18": cost.bram18}


def _cost(plain: dict[str, int]) -> Cost:
    return Cost(**plain)
