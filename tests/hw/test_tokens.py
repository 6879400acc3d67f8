"""Real operators, cycle by cycle: every network keeps exactly the interval that is stated."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hw_fakes import graph
from hw_tokens import run, schedule

from qfxc.hw.board import load
from qfxc.hw.build import build_netlist, connect
from qfxc.hw.constant import hardware
from qfxc.hw.links import wire
from qfxc.hw.netlist import Netlist
from qfxc.hw.plan import plan
from qfxc.hw.sizing import first_latency, interval
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Fold, KernelOp
from qfxc.ir.types import Int
from qfxc.ops import registry
from qfxc.ops.add import Add
from qfxc.ops.concat import Concat
from qfxc.ops.const import int_const
from qfxc.ops.expand import Expand
from qfxc.ops.input import Input
from qfxc.ops.matvec import MatVec
from qfxc.ops.mul import Mul
from qfxc.ops.pad import Pad
from qfxc.ops.pool import Pool
from qfxc.ops.reshape import Reshape
from qfxc.ops.shift import Shift
from qfxc.ops.slice import Slice
from qfxc.ops.transpose import Transpose
from qfxc.ops.window import Window
from qfxc.passes.lower import Lower

U4 = Int(0, 15)


def image(size: int = 8, channels: int = 4) -> Node:
    return Node(Input((size, size, channels), U4), (), "x")


def conv(x: Node, outs: int, name: str, size: int = 3, stride: int = 1) -> Node:
    """Pad, window, matvec, shift."""
    border, channels = size // 2, x.type.channels
    if border:
        around = (border, border, 0)
        x = Node(Pad(around, around), (x,), f"{name}.pad")
    if size > 1 or stride > 1:
        x = Node(Window((size, size), (stride, stride)), (x,), f"{name}.window")
    values = np.random.default_rng(0).integers(0, 2, (1, size * size * channels, outs))
    w = int_const(values, Int(0, 1), f"{name}.w")
    return small(Node(MatVec(), (x, w), name), f"{name}.q")


def small(x: Node, name: str) -> Node:
    return Node(Shift((0,), (0,), 4, U4), (x,), name)


def add(x: Node, y: Node, name: str) -> Node:
    return small(Node(Add(), (x, y), name), f"{name}.q")


def residual(stride: int) -> Graph:
    x = image()
    body = conv(conv(x, 4, "c1", stride=stride), 4, "c2")
    skip = conv(x, 4, "c3", 1, stride) if stride > 1 else x
    return graph([x], [add(body, skip, "join")])


def stacked() -> Graph:
    """Skips over skips, and one from the input to the end."""
    x = image()
    a = add(conv(x, 4, "c1"), x, "a1")
    b = add(conv(conv(a, 4, "c2"), 4, "c3"), a, "a2")
    return graph([x], [add(b, x, "a3")])


def inception(axis: int) -> Graph:
    x = image()
    around = Node(Pad((1, 1, 0), (1, 1, 0), lowest=True), (x,), "p")
    pooled = Node(Pool("max", 9), (Node(Window((3, 3)), (around,), "pw"),), "pool")
    branches = (conv(x, 4, "b1", 1), conv(x, 4, "b3"), conv(x, 4, "b5", 5), pooled)
    return graph([x], [Node(Concat(axis), branches, "join")])


def many(axis: int) -> Graph:
    """More branches than one concat takes."""
    x = image(4)
    branches = (*(small(x, f"b{i}") for i in range(19)), conv(x, 4, "late"))
    return Lower().run(graph([x], [Node(Concat(axis), branches, "join")]))


def squeeze() -> Graph:
    """Squeeze and excitation: a whole-frame reduction scales the frame it came from."""
    x = image(6)
    head = small(x, "head")
    window = Node(Window((6, 6)), (head,), "gap.window")
    pooled = small(Node(Pool("sum", 36), (window,), "gap"), "gap.q")
    gate = Node(Expand((6, 6, 4)), (conv(pooled, 4, "fc", 1),), "expand")
    return graph([x], [Node(Mul(), (head, gate), "scale")])


def turned() -> Graph:
    x = image(6)
    t = Node(Transpose((1, 0, 2)), (Node(Transpose((1, 0, 2)), (x,), "t1"),), "t2")
    return graph([x], [add(t, x, "join")])


def halves() -> Graph:
    """The upper half of the image onto the lower half, and half of the channels onto the other."""
    x = image(6)
    top = Node(Slice((0, 0, 0), (3, 6, 4), (1, 1, 1)), (x,), "top")
    low = Node(Slice((3, 0, 0), (6, 6, 4), (1, 1, 1)), (x,), "low")
    y = add(top, low, "rows")
    left = Node(Slice((0, 0, 0), (3, 6, 2), (1, 1, 1)), (y,), "left")
    right = Node(Slice((0, 0, 2), (3, 6, 4), (1, 1, 1)), (y,), "right")
    return graph([x], [add(left, right, "channels"), y])


def classifier() -> Graph:
    """One channel, large kernels, a dense layer: whole windows per word, long pauses."""
    source = image(16, 1)
    x = conv(source, 4, "c1", 5)
    taps = Node(Window((2, 2), (2, 2)), (x,), "pool.window")
    y = conv(Node(Pool("max", 4), (taps,), "pool"), 8, "c2", 5)
    size = y.type.size
    w = int_const(np.ones((1, size, 10), dtype=np.int64), Int(0, 1), "fc.w")
    flat = Node(Reshape((size,)), (y,), "flat")
    return graph([source], [Node(MatVec(), (flat, w), "fc")])


GRAPHS = {
    "residual": residual(1),
    "downsampling": residual(2),
    "stacked": stacked(),
    "inception": inception(2),
    "tall": inception(0),
    "many": many(2),
    "many_rows": many(0),
    "squeeze": squeeze(),
    "turned": turned(),
    "halves": halves(),
}


def random_folds(g: Graph, seed: int) -> dict[str, Fold]:
    rng = random.Random(seed)
    return {n.name: rng.choice(hardware(n).folds(n)) for n in wire(g).nodes}


GRAPHS["classifier"] = classifier()


def check(net: Netlist, frames: int = 6) -> None:
    """Cycle by cycle: the first frame takes exactly the stated latency, the last ones the interval.

    Between them the network fills, at a rate of its own.
    """
    times = run(net, frames)
    assert times is not None
    assert times[0] + 1 == first_latency(net)  # cycles are numbered from 0
    assert [b - a for a, b in pairwise(times[-3:])] == [interval(net)] * 2


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", GRAPHS)
def test_every_network_keeps_its_interval(name: str, seed: int) -> None:
    g = GRAPHS[name]
    check(build_netlist(g, random_folds(g, seed), name))


@pytest.mark.parametrize("name", ["residual", "stacked", "tall"])
def test_without_the_deep_fifos_it_would_stop(name: str) -> None:
    """The simulation sees deadlocks: 2 words everywhere are too few for these networks."""
    g = GRAPHS[name]
    net = build_netlist(g, random_folds(g, 0), name)
    assert run(net, 3, {s.name: 2 for s in net.streams}) is None


@pytest.mark.parametrize("fps", [None, 100_000.0])
@pytest.mark.parametrize("name", ["residual", "downsampling", "stacked", "inception", "classifier"])
def test_the_planned_interval_is_kept(name: str, fps: float | None) -> None:
    g = GRAPHS[name]
    chosen = plan(g, load("ultra96"), 200.0, fps)
    net = build_netlist(g, chosen.folds, name)
    assert interval(net) <= chosen.interval
    check(net)


def kernel_samples() -> list[Node]:
    found = []
    for op in registry().values():
        if issubclass(op, KernelOp):
            found += list(op.samples())
    return found


def streamed(node: Node) -> bool:
    """Not the samples with a constant stream, which is an instance of its own."""
    return all(n.op.stem == "input" for n in node.streams)


STREAMED = [node for node in kernel_samples() if streamed(node)]


@pytest.mark.parametrize("node", STREAMED, ids=lambda n: f"{n.op.stem}-{n.name}")
def test_schedules_agree_with_what_operators_state(node: Node) -> None:
    """Cycles and words of every sample at every fold."""
    g = graph(list(node.streams), [node])
    op = hardware(node)
    for fold in op.folds(node):
        net = connect(g, {node.name: fold}, "n")
        instance = next(i for i in net.instances if i.kernel.name not in ("fork", "width"))
        steps = list(schedule(instance))
        assert len(steps) == op.cycles(node, fold)
        assert sum(bool(out) for _, out in steps) == instance.outputs[0].words
        for port, stream in enumerate(instance.inputs):
            assert sum(port in ins for ins, _ in steps) == stream.words
