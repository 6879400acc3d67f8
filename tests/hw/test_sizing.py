"""FIFO depths: exact on real graphs, no deeper than needed where it counts, the same every time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hw_fakes import graph
from hw_tokens import run
from test_tokens import GRAPHS, check, conv, image, random_folds, residual, small

import qfxc
from networks import NETWORKS
from qfxc.errors import InternalError
from qfxc.hw.board import load
from qfxc.hw.build import build_netlist, connect
from qfxc.hw.glue import BLOCK_DEPTH
from qfxc.hw.netlist import Netlist
from qfxc.hw.plan import plan
from qfxc.hw.sizing import first_latency, interval, resized, size
from qfxc.hw.storage import with_blocks
from qfxc.hw.timing import FAR, depth, earliest, latest, within
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Fold
from qfxc.ops.add import Add
from qfxc.passes.base import run_passes
from qfxc.passes.pipeline import pipeline
from qfxc.passes.quantize import Quantize

MODELS = Path(__file__).resolve().parents[3] / "shared" / "models"


def lowered(name: str) -> Graph:
    g, frames = NETWORKS[name]()
    steps = (replace(s, frames=(frames,)) if isinstance(s, Quantize) else s for s in pipeline())
    return run_passes(g, tuple(steps))


@pytest.mark.parametrize("fps", [None, 20_000.0])
@pytest.mark.parametrize("name", NETWORKS)
def test_compiled_networks_keep_their_interval(name: str, fps: float | None) -> None:
    g = lowered(name)
    net = build_netlist(g, plan(g, load("ultra96"), 200.0, fps).folds, name)
    check(net)


@pytest.mark.parametrize("name", ["mnist_small_float", "mnist_resnet_float"])
def test_real_networks_keep_their_interval(name: str) -> None:
    path = MODELS / f"{name}.onnx"
    if not path.exists():
        pytest.skip("the model is not there")
    check(qfxc.compile(path, "ultra96", verify="none").netlist)


def tall(channels: int) -> tuple[Graph, dict[str, Fold]]:
    """A residual block whose skip is deeper than distributed memory goes, and its folds."""
    x = image(20, channels)
    g = graph([x], [small(Node(Add(), (conv(x, channels, "c"), x), "join"), "join.q")])
    return g, {n.name: Fold() for n in g.nodes()} | {"c": Fold(9, channels)}


def test_deep_fifos_may_be_block_memory() -> None:
    """All of them, none, or some: the depths allow for their later words."""
    g, folds = tall(8)
    net = build_netlist(g, folds, "n")
    deep = [s.name for s in net.streams if s.depth >= BLOCK_DEPTH]
    assert deep
    for blocks in (deep, []):
        check(with_blocks(net, set(blocks)))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", GRAPHS)
def test_every_network_keeps_its_interval_with_block_memory(name: str, seed: int) -> None:
    g = GRAPHS[name]
    net = build_netlist(g, random_folds(g, seed), name)
    check(with_blocks(net, {s.name for s in net.streams if s.depth >= BLOCK_DEPTH}))


def slowed(net: Netlist, depths: dict[str, int]) -> bool:
    times = run(net, 6, depths)
    return times is None or times[-1] - times[-2] > interval(net)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["residual", "downsampling", "stacked", "squeeze", "turned"])
def test_half_a_deep_fifo_is_too_little(name: str, seed: int) -> None:
    """No FIFO beyond a shift register is twice as deep as the others leave it to be."""
    g = GRAPHS[name]
    net = build_netlist(g, random_folds(g, seed), name)
    for stream in net.streams:
        if stream.depth > 32:
            assert slowed(net, {stream.name: stream.depth // 2}), stream.name


def test_half_a_skip_is_too_little() -> None:
    g, folds = tall(2)
    net = build_netlist(g, folds, "n")
    deep = [s for s in net.streams if s.depth > 32]
    assert deep
    assert all(slowed(net, {s.name: s.depth // 2}) for s in deep)


def test_words_wait_where_they_are_narrow() -> None:
    """The accumulators of 12 bits pass at once; what the border delays waits as 4 bit codes."""
    x = image(12, 4)
    g = graph([x], [conv(conv(x, 4, "c1"), 4, "c2")])
    folds = {n.name: Fold() for n in g.nodes()} | {"c1": Fold(6, 1), "c2": Fold(6, 1)}
    net = build_netlist(g, folds, "n")
    wide = [s for i in net.instances if i.kernel.name == "matvec" for s in i.outputs]
    assert max(s.depth for s in net.streams) > 16
    assert all(s.depth <= 4 for s in wide)
    check(net)


def test_depths_depend_on_nothing_but_the_kernels() -> None:
    g = residual(2)
    folds = random_folds(g, 1)
    net = build_netlist(g, folds, "n")
    assert size(connect(g, folds, "n")) == {s.name: s.depth for s in net.streams}
    assert size(net) == size(resized(net, dict.fromkeys((s.name for s in net.streams), 99)))
    assert all(s.depth == 0 or s.depth >= 2 for s in net.streams)


def test_too_shallow_fifos_have_no_latency() -> None:
    g = GRAPHS["residual"]
    net = connect(g, random_folds(g, 0), "n")
    assert run(net, 1) is None
    with pytest.raises(InternalError, match="the network stops"):
        first_latency(net)


def holds(written: list[int], read: list[int], period: int, depth: int) -> bool:
    """The rule of a FIFO, word by word, over many frames."""
    frames = range(12)
    all_written = [t + f * period for f in frames for t in written]
    all_read = [t + f * period for f in frames for t in read]
    there = zip(all_written[depth:], all_read, strict=False)
    return all(enters > left for enters, left in there)


@pytest.mark.parametrize("seed", range(60))
def test_the_depth_of_random_times(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = int(rng.integers(1, 9))
    period = words * int(rng.integers(1, 4))
    written, read = (np.sort(rng.choice(period, words, replace=False)) for _ in range(2))
    read += int((written + 1 - read).max()) + int(rng.integers(0, 3 * period))
    found = depth(written, read, period)
    for candidate in range(1, 5 * words):
        fits = holds(written.tolist(), read.tolist(), period, candidate)
        assert within(written, read, period, candidate) == fits
        if candidate >= 2:
            assert (candidate >= found) == fits


@pytest.mark.parametrize("seed", range(20))
def test_periodic_times_are_the_tightest(seed: int) -> None:
    """Against the recurrence itself, run over frames until it repeats."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 8))
    period = count + int(rng.integers(0, 4))
    bound = rng.integers(0, 3 * period, count)
    bound[rng.integers(0, count)] = 0
    times, now = [], -FAR
    for frame in range(8):
        for at in bound:
            now = max(now + 1, int(at) + frame * period)
            times.append(now - frame * period)
    assert earliest(bound, period).tolist() == times[-count:]
    assert (-latest(-bound[::-1], period)[::-1]).tolist() == times[-count:]
