"""What a kernel costs in LUTs, flip-flops, DSPs and block memories: models fitted to Yosys.

DSPs and block memories are exact formulas. LUTs and flip-flops are sums of what a kernel is made of
(``hw/cost_terms``), each part times a coefficient that ``bench/fit_costs.py`` has fitted to
synthesised instances; ``costs.json`` keeps the coefficients and how far they are off. See
docs/decisions/0007-cost-models.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from qfxc.hw import cost_movement, cost_products, cost_terms
from qfxc.hw.cost_terms import Params, Terms
from qfxc.hw.netlist import Netlist
from qfxc.ir.kernel import Cost, Kernel

TERMS: Mapping[str, Callable[[Params], Terms]] = {
    "add": cost_terms.add,
    "adders": cost_terms.adders,
    "argmax": cost_terms.argmax,
    "cast": cost_terms.cast,
    "compare": cost_terms.compare,
    "concat": cost_movement.concat,
    "const": cost_terms.const,
    "csd": cost_terms.csd,
    "depthwise": cost_products.depthwise,
    "dyadic": cost_products.dyadic,
    "expand": cost_movement.expand,
    "fifo": cost_terms.fifo,
    "fork": cost_terms.fork,
    "matvec": cost_products.matvec,
    "mul": cost_products.mul,
    "pad": cost_movement.pad,
    "pool": cost_products.pool,
    "shift": cost_terms.shift,
    "slice": cost_movement.slice_,
    "stencil": cost_movement.stencil,
    "table": cost_terms.table,
    "transpose": cost_movement.transpose,
    "width": cost_terms.width,
    "window": cost_movement.window,
}
"""Every module that a netlist instantiates, the FIFO included."""

DATA = Path(__file__).with_name("costs.json")


def kernel_cost(kernel: Kernel) -> Cost:
    """The cost of an instance, from its name, its parameters and the shapes of its memories."""
    return _cost(kernel.name, TERMS[kernel.name](kernel.structure))


def expected_cost(kernel: Kernel) -> Cost:
    """As ``kernel_cost``, of the circuit that a body is expected to become: no adder graph is
    solved for it."""
    return _cost(kernel.name, TERMS[kernel.name](kernel.expected))


@cache
def fifo_cost(depth: int, bits: int, block: bool = False) -> Cost:
    """A FIFO of ``depth`` words of ``bits`` bits; of depth 0 it is wires."""
    return kernel_cost(fifo_kernel(depth, bits, block)) if depth else Cost()


def fifo_kernel(depth: int, bits: int, block: bool = False) -> Kernel:
    """The library's FIFO as an instance like any other."""
    return Kernel("fifo", {"Width": bits, "Depth": depth, "Block": int(block)})


def netlist_cost(netlist: Netlist) -> Cost:
    """All kernels, forks, converters and FIFOs of a design."""
    kernels = (kernel_cost(instance.kernel) for instance in netlist.instances)
    fifos = (fifo_cost(s.depth, s.bits, s.block) for s in netlist.streams)
    return sum(fifos, sum(kernels, Cost()))


def _cost(name: str, terms: Terms) -> Cost:
    lut, ff = _coefficients()[name]
    return Cost(_dot(lut, terms.lut), _dot(ff, terms.ff), terms.dsp, terms.bram18)


def _dot(coefficients: Mapping[str, float], terms: Mapping[str, float]) -> int:
    return round(sum(coefficients[name] * value for name, value in terms.items()))


@cache
def _coefficients() -> dict[str, tuple[dict[str, float], dict[str, float]]]:
    return {name: (fit["lut"], fit["ff"]) for name, fit in models()["kernels"].items()}


def models() -> dict[str, Any]:
    """The content of ``costs.json``: coefficients, their errors, what they were fitted to."""
    data: dict[str, Any] = json.loads(DATA.read_text())
    return data
