"""Equalisation: the network stays what it is, to the bit with powers of two, and ranges meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onnx_nets as nets
from networks import NETWORKS, Net
from qfxc.errors import UserError
from qfxc.frontend.onnx_file import load
from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Array
from qfxc.ops.add import Add
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.const import const_value
from qfxc.ops.maxpool import MaxPool
from qfxc.passes.base import run_passes
from qfxc.passes.equalise import BY, Equalise
from qfxc.passes.fold_affine import layer
from qfxc.passes.pipeline import pipeline
from qfxc.quantize.equalisation import pairs
from qfxc.sim import simulate, simulate_ports


def equalised(graph: Graph, frames: Array, by: str) -> Graph:
    return replace(Equalise(by), frames=(frames,)).run(graph)


def spread(net: Net, node: Node) -> Node:
    """The layer with channels of very different sizes."""
    factors = np.exp2(net.rng.uniform(-5, 5, node.type.channels))
    w, b = (const_value(i) * factors for i in node.inputs[1:])
    return layer(node.op, node.inputs[0], w, b, node.name)


def chain(seed: int, groups: int) -> tuple[Graph, Array]:
    """All that factors pass: padding, both poolings, slopes, a depthwise layer, a reshape."""
    net = Net(seed, (8, 8, 4))
    a = net.prelu(spread(net, net.conv(net.pad(net.x, 1), 4)))
    b = net.relu(spread(net, net.conv(net.pad(a, 1), 4, groups=groups)))
    c = Node(MaxPool((2, 2), (2, 2)), (b,), "max")
    d = net.relu(spread(net, net.conv(c, 6, kernel=1)))
    e = Node(AvgPool((2, 2), (2, 2)), (d,), "mean")
    return net.done(net.dense(net.flat(e), 3))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 2, 4]), st.sampled_from(BY[1:]))
def test_the_outputs_are_the_same_bits(seed: int, groups: int, by: str) -> None:
    graph, frames = chain(seed, groups)
    after = equalised(graph, frames, by)
    for kind in (np.float32, np.float64):
        (a,), (b,) = (simulate(g, [frames.astype(kind)]) for g in (graph, after))
        assert np.array_equal(a, b)


def test_it_changes_the_weights_of_every_layer() -> None:
    graph, frames = chain(3, 4)
    before = {n.name: n for n in graph.nodes()}
    found = [(p.source.name, p.sink.name) for p in pairs(graph)]
    assert found == [("conv2", "conv5"), ("conv5", "conv7"), ("conv7", "dense10")]
    for node in equalised(graph, frames, "weights").nodes():
        if node.op.stem in ("conv", "matmul"):
            ratio = const_value(node.inputs[1]) / const_value(before[node.name].inputs[1])
            assert np.any(ratio != 1)
            assert np.all(np.frexp(ratio)[0] == 0.5)  # powers of two


@pytest.mark.parametrize("by", BY[1:])
def test_ranges_meet(by: str) -> None:
    """Between two layers the range of every channel comes within the rounding of the factors."""
    net = Net(5, (4, 4, 3))
    first = spread(net, net.conv(net.x, 8, kernel=1))
    graph, frames = net.done(net.conv(net.relu(first), 5, kernel=1))
    after = {n.name: n for n in equalised(graph, frames, by).nodes()}
    first, last = after[first.name], after[graph.outputs[0].name]
    w, b = (np.abs(const_value(i)) for i in first.inputs[1:])
    own = np.maximum(w.max(axis=(0, 1, 2)), b)
    if by == "activations":
        seen: dict[str, Array] = {}
        simulate(equalised(graph, frames, by), [frames], lambda n, x: seen.update({n.name: x}))
        own = np.abs(seen[last.inputs[0].name]).max(axis=(0, 1, 2))
    needed = np.abs(const_value(last.inputs[1])).max(axis=(0, 1, 3))
    assert np.all(np.abs(np.log2(own / needed)) <= 1)


def test_what_others_read_stays() -> None:
    """Neither a sum, nor a second reader, nor a clip at 6 is passed."""
    net = Net(6, (4, 4, 4))
    a = net.relu(net.conv(net.x, 4, kernel=1), 6.0)
    b = net.conv(a, 4, kernel=1)
    c = net.conv(Node(Add(), (b, net.relu(b)), "sum"), 4, kernel=1)
    graph, frames = net.done(net.conv(net.pad(c, 1, 0.5), 2), c)
    assert pairs(graph) == []
    for by in BY:
        for a_, b_ in zip(graph.nodes(), equalised(graph, frames, by).nodes(), strict=True):
            assert a_ is b_


@pytest.mark.parametrize("by", BY[1:])
@pytest.mark.parametrize("network", NETWORKS)
def test_other_networks_stay_the_same(network: str, by: str) -> None:
    graph, frames = NETWORKS[network]()
    after = equalised(graph, frames, by)
    for a, b in zip(*(simulate(g, [frames]) for g in (graph, after)), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("by", BY[1:])
@pytest.mark.parametrize("model", [nets.residual, nets.perceptron])
def test_against_onnxruntime(model, by: str) -> None:  # type: ignore[no-untyped-def]
    """An independent run of the file; float sums in another order agree to a millionth."""
    file = model()
    source = load(file)
    shape = source.in_ports[0].shape
    x = np.random.default_rng(1).normal(size=(8, *shape)).astype(np.float32)
    frames = source.in_ports[0].to_frame(x, source.inputs[0].type.shape)
    stop = next(i for i, step in enumerate(pipeline()) if step.name == "equalise")
    real = run_passes(source, pipeline()[:stop])
    got = simulate_ports(equalised(real, frames, by), {source.in_ports[0].name: x})
    session = onnxruntime.InferenceSession(file.SerializeToString())
    expected = [session.run(None, {source.in_ports[0].name: x[i : i + 1]}) for i in range(len(x))]
    for i, port in enumerate(source.out_ports):
        whole = np.concatenate([e[i] for e in expected])
        if not port.host:
            np.testing.assert_allclose(got[port.name], whole, rtol=1e-5, atol=1e-5)
        else:
            e = np.exp(got[port.name] - got[port.name].max(axis=-1, keepdims=True))
            np.testing.assert_allclose(e / e.sum(axis=-1, keepdims=True), whole, atol=1e-6)


def test_it_needs_data_for_activations() -> None:
    graph, _ = chain(1, 1)
    with pytest.raises(UserError, match="no calibration inputs"):
        Equalise("activations").run(graph)
    with pytest.raises(UserError, match="'x' is not one of none, weights, activations"):
        Equalise("x")
