"""Which FIFOs are block memory: what the netlist as a whole then takes least of the budget.

The depths allow either (hw/sizing.py), so this is a choice by price alone, of an integer program
with a binary variable per FIFO: the least sum of used fractions of the budget; where the budget is
too small anyway, the least overrun.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import LinearConstraint

from qfxc.hw.cost import fifo_cost, netlist_cost
from qfxc.hw.glue import BLOCK_DEPTH
from qfxc.hw.netlist import Netlist, Stream
from qfxc.hw.sizing import with_streams
from qfxc.hw.solver import minimise
from qfxc.hw.space import cost_row
from qfxc.ir.kernel import Cost

OVERRUN = 1000.0
"""How much more than use an overrun counts where budgets may be exceeded."""


def stored(netlist: Netlist, budget: Cost) -> Netlist:
    """The netlist with the memories of its FIFOs chosen for a budget."""
    free = [stream for stream in netlist.streams if stream.depth >= BLOCK_DEPTH]
    plain = with_blocks(netlist, set())
    if not free:
        return plain
    fixed = np.array(cost_row(netlist_cost(plain)), dtype=np.float64)
    caps = np.array(cost_row(budget), dtype=np.float64)
    more = np.array([_more(stream) for stream in free], dtype=np.float64)
    scale = 1000.0 / np.maximum(caps, 1.0)  # the solver's tolerances are absolute
    used = np.hstack([(more * scale).T, -np.eye(4)])
    values, _ = minimise(
        np.concatenate([more @ scale, np.full(4, OVERRUN)]),
        np.arange(len(free) + 4) < len(free),
        np.where(np.arange(len(free) + 4) < len(free), 1.0, np.inf),
        [LinearConstraint(used, -np.inf, (caps - fixed) * scale)],
    )
    assert values is not None  # any choice is one, with its overrun
    return with_blocks(netlist, {s.name for s, v in zip(free, values, strict=False) if v > 0.5})


def with_blocks(netlist: Netlist, names: set[str]) -> Netlist:
    """The netlist with the FIFOs of these streams in block memory, no others."""
    return with_streams(netlist, {s: replace(s, block=s.name in names) for s in netlist.streams})


def _more(stream: Stream) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """What a FIFO costs more in block memory than without."""
    block, plain = (cost_row(fifo_cost(stream.depth, stream.bits, b)) for b in (True, False))
    return np.subtract(block, plain)
