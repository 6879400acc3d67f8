"""Streams that are wires, and FIFOs that are block memory: which, and that it is the cheapest."""

import itertools

import pytest
from test_tokens import GRAPHS, random_folds

from qfxc.hw.build import build_netlist
from qfxc.hw.cost import netlist_cost
from qfxc.hw.glue import BLOCK_DEPTH
from qfxc.hw.latency import latency
from qfxc.hw.netlist import Netlist
from qfxc.hw.sizing import flow_of
from qfxc.hw.space import cost_row
from qfxc.hw.storage import OVERRUN, stored, with_blocks
from qfxc.hw.wires import LEVELS, SHORT, joinable, joined
from qfxc.ir.kernel import Cost

NAMES = sorted(GRAPHS)


def built(name: str, seed: int = 0) -> Netlist:
    g = GRAPHS[name]
    return build_netlist(g, random_folds(g, seed), name)


def price(cost: Cost, budget: Cost) -> float:
    """The objective: used fractions, and overruns at their price."""
    pairs = list(zip(cost_row(cost), cost_row(budget), strict=True))
    use = sum(used / max(most, 1) for used, most in pairs)
    return use + OVERRUN * sum(max(0, used - most) / max(most, 1) for used, most in pairs)


@pytest.mark.parametrize("share", [(2.0, 2.0), (1.01, 2.0), (0.99, 0.5), (2.0, 0.0)])
@pytest.mark.parametrize("name", ["stacked", "squeeze", "turned", "downsampling"])
def test_no_other_memories_are_cheaper(name: str, share: tuple[float, float]) -> None:
    """With plenty, with LUTs that hardly suffice, with too few, and without a block memory."""
    net = built(name)
    deep = [s.name for s in net.streams if s.depth >= BLOCK_DEPTH][:8]
    used = netlist_cost(net)
    budget = Cost(int(used.lut * share[0]), 2 * used.ff, 2 * used.dsp, int(4 * share[1]))
    found = stored(net, budget)
    chosen = {s.name for s in found.streams if s.block}
    subsets = (set(c) for n in range(len(deep) + 1) for c in itertools.combinations(deep, n))
    rest = chosen - set(deep)
    prices = [price(netlist_cost(with_blocks(net, rest | c)), budget) for c in subsets]
    assert price(netlist_cost(found), budget) <= min(prices) * (1 + 1e-9)
    assert [s.depth for s in found.streams] == [s.depth for s in net.streams]


@pytest.mark.parametrize("name", NAMES)
def test_wires_come_out_of_registers_and_end_in_kernels(name: str) -> None:
    net = built(name)
    writers = {s.name: i for i in net.instances for s in i.outputs}
    outputs = {s.name for s in net.outputs}
    wires = [s for s in net.streams if s.depth == 0]
    assert wires
    for stream in wires:
        assert latency(writers[stream.name].kernel) > 0
        assert stream.name not in outputs


@pytest.mark.parametrize("name", NAMES)
def test_paths_of_ready_are_short(name: str) -> None:
    """Counted backwards, from readers to writers; the library counts forwards."""
    net = built(name)
    reached: dict[str, int] = {}
    for instance in reversed(net.instances):
        behind = [reached[s.name] for s in instance.outputs if s.depth == 0]
        own = 1 if latency(instance.kernel) <= SHORT else 2
        reached |= {s.name: own + max(behind, default=0) for s in instance.inputs}
    assert max(reached.values()) <= LEVELS


def test_the_widest_streams_are_joined_first() -> None:
    flow = flow_of(built("stacked"))
    wires = joinable(flow)
    widest = wires.index(True)
    bits = [1 + (stream == widest) for stream in range(flow.streams)]
    assert joined(flow, bits, wires)[widest]
    assert sum(joined(flow, bits, wires)) < sum(wires)
