"""Rescales behind circuits of adders, part of these: the same integers in the simulator, in C++ and
in RTL, one instance for both, and the latency that is stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernel_cases import frames_of
from qfxc.backends import hls, rtl
from qfxc.hw.build import build_netlist
from qfxc.hw.netlist import Netlist
from qfxc.hw.sizing import first_latency
from qfxc.ir.circuit import Circuit, Lane, Operand, Sum
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.kernel import Fold, KernelOp, Variant
from qfxc.ir.overflow import Overflow
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops._behind import Rescale, rescaled
from qfxc.ops._pipeline import pipelined
from qfxc.ops._samples import source
from qfxc.ops.cast import Cast
from qfxc.ops.const import int_const
from qfxc.ops.csd import Csd
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.matvec import MatVec
from qfxc.ops.shift import Shift
from qfxc.sim import simulate
from qfxc.verify import csim, rtlsim

INT4, UINT4, INT6 = Int(-8, 7), Int(0, 15), Int(-32, 31)
VECTORS = 4
EVEN, SAT = Rounding.HALF_EVEN, Overflow.SAT
FOLDED = (Rounding.FLOOR, Rounding.CEIL, Rounding.HALF_UP, Rounding.HALF_DOWN, EVEN)


def dense(seed: int, inputs: int = 3, outputs: int = 4) -> Node:
    """The second of the results is zero, the third is a multiple of 8."""
    codes = np.random.default_rng(seed).integers(-8, 8, (1, inputs, outputs))
    codes[0, :, 1] = 0
    codes[0, :, 2] = 8 * np.sign(codes[0, :, 2])
    x = source((VECTORS, inputs), INT4, f"x{seed}")
    return Node(MatVec(), (x, int_const(codes, INT6, "w")), f"fc{seed}")


OPS: dict[str, KernelOp] = {
    "shift": Shift((0,), (4,), 3, INT4),
    "shift_per_channel": Shift((0, 1, 3, 2), (5, -60, 3, -4), 2, INT6),
    "shift_left": Shift((2,), (0, 1, 2, 3), 0, Int(-4000, 4000)),
    "wires": Shift((0,), (0,), 2, Int(-4000, 4000)),
    "one_code": Shift((0,), (4000,), 1, INT4),
    "all_below": Shift((0,), (256,), 6, Int(40, 50)),
    "all_above": Shift((0,), (4000,), 1, Int(-10, -6)),
    "even_per_channel": Cast((0, 1, 3, 2), (2, 60, 3, -4), 2, EVEN, SAT, Int(-20, 30)),
    "even_left": Cast((3, 4, 3, 3), (0, 0, 0, 4), 2, EVEN, SAT, Int(-50, 50)),
    "even_wide": Cast((2,), (2, 0, 1, -6), 2, EVEN, SAT, Int(-4000, 4000)),
    "relu": Cast((0,), (-9, 8, 0, 1), 3, EVEN, SAT, UINT4),
    "all_cut_off": Cast((0,), (7,), 11, EVEN, SAT, Int(-1, 1)),
    "nothing_cut_off": Cast((1,), (1, 2, 3, 4), 0, EVEN, SAT, INT6),
    "csd": Csd(((1, 3), (-1, 0)), (5, -6, 7, 100), 4, INT6),
    "csd_long": Csd(((-1, 5), (1, 3), (1, 1)), (5,), 6, INT6),
    "csd_negative": Csd(((-1, 3), (-1, 1)), (9, 0, -9, 1), 2, INT6),
    "dyadic": Dyadic(((77,),), ((5, 60, -7, 8),), (), 6, INT6),
    "dyadic_per_channel": Dyadic(((45, -23, 0, 1),), ((5, -60, 70, 8),), (), 5, Int(-90, 90)),
    "dyadic_relu": Dyadic(((-1, 2, 171, -96),), ((3,),), (), 7, UINT4),
    "csd_minus": Csd(((-1, 0),), (0,), 1, INT6),
    **{mode.value: Cast((0,), (1, 2, -3, 4), 2, mode, SAT, INT6) for mode in FOLDED},
}


def network(op: KernelOp, seed: int) -> Node:
    return Node(op, (dense(seed),), f"y{seed}")


CHAINED = ("wires", "relu", "even_left", "csd_negative", "dyadic_per_channel")
"""Behind the rescale ``wires``, of which nothing is left but that two bits are cut off."""

NODES = {name: network(op, seed) for seed, (name, op) in enumerate(OPS.items())} | {
    f"chained_{name}": Node(OPS[name], (network(OPS["wires"], 100 + seed),), f"z{seed}")
    for seed, name in enumerate(CHAINED)
}


def chain(node: Node) -> list[Node]:
    """A layer and the rescales behind it."""
    return [node] if node.op.stem == "matvec" else [*chain(node.inputs[0]), node]


def folds(nodes: list[Node], levels: int) -> dict[str, Fold]:
    found = {}
    for layer, *rest in map(chain, nodes):
        found[layer.name] = Fold(3, 4, Variant.TREE, levels)
        for n in rest:
            found[n.name] = Fold(4, 4, Variant.LUT if n.op.stem == "dyadic" else Variant.DSP)
    return found


def graph_of(nodes: list[Node]) -> Graph:
    inputs = tuple(chain(n)[0].inputs[0] for n in nodes)
    ins = tuple(Port(x.name, x.type.shape, (0, 1)) for x in inputs)
    outs = tuple(Port(n.name, n.type.shape, (0, 1)) for n in nodes)
    return Graph("rescaled", inputs, tuple(nodes), ins, outs)


def netlist(nodes: list[Node], levels: int) -> Netlist:
    return build_netlist(graph_of(nodes), folds(nodes, levels), "rescaled")


@pytest.mark.parametrize("levels", [1, 4])
@pytest.mark.parametrize("name", NODES)
def test_a_circuit_goes_on_with_a_rescale(name: str, levels: int) -> None:
    """On every input; the word of a frame in, that of the rescale out."""
    node = NODES[name]
    (instance,) = netlist([node], levels).instances
    assert instance.nodes == tuple(n.name for n in chain(node))
    assert instance.kernel.body is not None
    words = np.stack(np.meshgrid(*[np.arange(-8, 8)] * 3), axis=-1).reshape(-1, 3)
    (expected,) = simulate(graph_of([node]), [words.reshape(-1, VECTORS, 3)])
    found = instance.kernel.body.circuit.run(words)
    assert np.array_equal(found.reshape(expected.shape), expected)


@pytest.mark.slow
@pytest.mark.parametrize("levels", [3])
def test_engines_agree_and_latency_is_as_stated(levels: int) -> None:
    nodes = list(NODES.values())
    graph, made = graph_of(nodes), netlist(nodes, levels)
    rng = np.random.default_rng(1)
    inputs = [frames_of(x, rng) for x in graph.inputs]
    expected = simulate(graph, inputs)
    project = {**hls.render(made, "xczu3eg-sbva484-1-i", 5.0), **rtl.render(made)}
    got = csim.run(csim.build(project), made, inputs)
    outputs, timing = rtlsim.run(rtlsim.build(project), made, inputs)
    for values in (got, outputs):
        for y, e in zip(values, expected, strict=True):
            assert np.array_equal(y.reshape(e.shape), e)
    assert timing.latency == first_latency(made)
    assert timing.interval == VECTORS


def test_half_a_step_costs_no_addition() -> None:
    """A constant is added in any case, so rounding to the nearest takes as many sums as to even,
    and as many as a floor."""
    counts = set()
    for mode in FOLDED:
        made = netlist([network(Cast((0,), (50, 60, 70, 90), 3, mode, SAT, UINT4), 50)], 4)
        body = made.instances[0].kernel.body
        assert body is not None
        counts.add(
            sum(isinstance(wire, Sum) and len(wire.terms) > 0 for wire in body.circuit.wires)
        )
    assert len(counts) == 1


def test_constants_make_no_circuit_deeper() -> None:
    """(a + b) - 4 c + 12 is (a + b) - 4 (c - 3): c is there one level before it is needed. To a
    sum whose terms all come late, or that another result reads, 12 is added behind."""
    a, b, c = (Lane(INT4, lane) for lane in range(3))
    near = Sum(Int(-16, 14), (Operand(0), Operand(1)))
    far = Sum(Int(-44, 46), (Operand(3), Operand(2, 2, True)))
    both = (Operand(4), Operand(3))
    for outputs, depth in (((Operand(4),), 2), ((Operand(3),), 2), (both, 2), ((both[0],) * 2, 3)):
        made = rescaled(
            Circuit((a, b, c, near, far), outputs),
            Rescale((1,), (12,), 0, False, Int(-99, 99)),
        )
        assert pipelined(made, 1).stages == depth
        x = np.stack(np.meshgrid(*[np.arange(-8, 8)] * 3), axis=-1).reshape(-1, 3)
        assert np.array_equal(made.run(x), Circuit((a, b, c, near, far), outputs).run(x) + 12)


def test_a_sum_that_its_own_product_reads_is_made_once() -> None:
    """5 (a + b) + 12: the constant is not added to one of the two sums that a copy would be."""
    a, b = Lane(INT4, 0), Lane(INT4, 1)
    near = Sum(Int(-16, 14), (Operand(0), Operand(1)))
    made = rescaled(
        Circuit((a, b, near), (Operand(2),)), Rescale((5,), (12,), 0, False, Int(-99, 99))
    )
    assert sum(isinstance(w, Sum) and len(w.terms) == 2 for w in made.wires) == 2
    x = np.stack(np.meshgrid(*[np.arange(-8, 8)] * 2), axis=-1).reshape(-1, 2)
    assert np.array_equal(made.run(x)[:, 0], 5 * x.sum(axis=1) + 12)


def test_products_that_are_too_wide_stay_kernels() -> None:
    """3 = 4 - 1: five times 2**60 while it is added up."""
    x = source((VECTORS, 3), Int(-(1 << 38), 1 << 38))
    layer = Node(MatVec(), (x, int_const(np.ones((1, 3, 4), np.int64), INT6, "w")), "fc")
    node = Node(Dyadic(((3 << 20,),), ((0,),), (), 40, Int(-(1 << 22), 1 << 22)), (layer,), "y")
    made = netlist([node], 4)
    assert [i.kernel.name for i in made.instances] == ["adders", "dyadic"]


@pytest.mark.parametrize(
    "op",
    [
        Cast((0,), (0,), 2, Rounding.AWAY, SAT, INT4),
        Cast((0,), (0,), 2, EVEN, Overflow.WRAP, INT4),
        Dyadic(((1,), (3,)), ((0,), (5,)), ((4,),), 2, INT4),
        Dyadic((((1 << 24) + 1,),), ((0,),), (), 20, INT4),
    ],
    ids=["sign", "wrap", "segments", "wide"],
)
def test_other_modes_stay_kernels(op: KernelOp) -> None:
    made = netlist([network(op, 60)], 4)
    assert [i.kernel.name for i in made.instances] == ["adders", op.stem]


def test_products_of_dsps_stay_kernels() -> None:
    node = NODES["dyadic"]
    dsps = {**folds([node], 4), node.name: Fold(4, 4, Variant.DSP)}
    made = build_netlist(graph_of([node]), dsps, "dsps")
    assert [i.kernel.name for i in made.instances] == ["adders", "dyadic"]


def test_narrower_words_and_second_readers_stay_apart() -> None:
    node = NODES["shift"]
    narrow = {**folds([node], 4), node.name: Fold(2, 2)}
    made = build_netlist(graph_of([node]), narrow, "narrow")
    assert [i.kernel.name for i in made.instances] == ["adders", "width", "shift"]
    twin = Node(OPS["csd"], node.inputs, "twin")
    graph = graph_of([node])
    two = replace(
        graph,
        outputs=(node, twin),
        out_ports=(*graph.out_ports, replace(graph.in_ports[0], name="t")),
    )
    forked = build_netlist(two, folds([node, twin], 4), "forked")
    assert [i.kernel.name for i in forked.instances] == ["adders", "fork", "shift", "csd"]
