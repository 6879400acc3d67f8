"""The netlist: every stream has one writer and one reader; forks, converters and names."""

import re
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hw_fakes import Join, Same, Wide, const, dot, flat, frame, graph, residual, same

from qfxc.errors import InternalError, UserError
from qfxc.hw.build import connect
from qfxc.hw.netlist import Netlist
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Fold
from qfxc.ops.clip import Clip


def one(g: Graph) -> dict[str, Fold]:
    """Every kernel with one lane."""
    return {n.name: Fold() for n in g.nodes()}


def check(net: Netlist) -> None:
    """What every netlist must satisfy."""
    wrote = Counter(s.name for i in net.instances for s in i.outputs)
    wrote.update(s.name for s in net.inputs)
    read = Counter(s.name for i in net.instances for s in i.inputs)
    read.update(s.name for s in net.outputs)
    assert wrote == read
    assert set(wrote.values()) == {1}
    names = [i.name for i in net.instances] + [s.name for s in net.streams]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in names)
    known = {s.name for s in net.inputs}
    for instance in net.instances:  # producers first
        assert {s.name for s in instance.inputs} <= known
        known |= {s.name for s in instance.outputs}


def test_a_chain_with_a_reshape_and_parameters() -> None:
    x = frame(2, 2, 4)
    g = graph([x], [dot(flat(same(x, "a"), "r"), 8, "fc")])
    net = connect(g, one(g) | {"a": Fold(2, 2), "fc": Fold(2, 4)}, "Net 1")
    check(net)
    assert [(i.name, i.kernel.name) for i in net.instances] == [
        ("u_a", "table"),
        ("u_fc", "matvec"),
    ]
    a, fc = net.instances
    assert a.outputs == fc.inputs  # the reshape is a wire
    assert (fc.outputs[0].lanes, fc.outputs[0].words, fc.outputs[0].elem.bits) == (4, 2, 16)
    assert net.name == "net_1"
    assert net.inputs[0].name == "in_x0"


@pytest.mark.parametrize(
    ("lanes", "chain"),
    [
        ((4, 4), []),
        ((2, 4), [(16, 32)]),
        ((4, 1), [(32, 8)]),
        ((4, 6), [(32, 96), (96, 48)]),  # through lcm 12
    ],
)
def test_converters(lanes: tuple[int, int], chain: list[tuple[int, int]]) -> None:
    x = frame(5, 12)
    g = graph([x], [same(same(x, "a"), "b")])
    net = connect(g, {"a": Fold(lanes[0], lanes[0]), "b": Fold(lanes[1], lanes[1])}, "n")
    check(net)
    widths = [i for i in net.instances if i.kernel.name == "width"]
    assert [(i.kernel.params["InBits"], i.kernel.params["OutBits"]) for i in widths] == chain
    for i in widths:  # a frame keeps its bits
        p = i.kernel.params
        assert p["InBits"] * p["InWords"] == p["OutBits"] * i.outputs[0].words == 60 * 8


def test_a_converter_too_wide_for_the_lcm_goes_through_the_gcd() -> None:
    x = frame(48 * 35)
    g = graph([x], [same(same(x, "a"), "b")])
    # lcm(48, 35) = 1680 lanes of 8 bits are 13,440 bits: too wide; gcd = 1
    net = connect(g, {"a": Fold(48, 48), "b": Fold(35, 35)}, "n")
    check(net)
    params = [i.kernel.params for i in net.instances if i.kernel.name == "width"]
    assert [(p["InBits"], p["OutBits"]) for p in params] == [(384, 8), (8, 280)]


def test_a_fork_also_for_an_output_that_is_read_inside() -> None:
    x = frame(4)
    a = same(x, "a")
    g = graph([x], [a, same(a, "b"), a])
    net = connect(g, one(g), "n")
    check(net)
    (fork,) = [i for i in net.instances if i.kernel.name == "fork"]
    assert fork.kernel.params == {"Bits": 8, "Words": 4, "N": 3}
    assert fork.name == "u_a_fork"
    assert len(net.outputs) == 3


def test_wide_forks_are_trees() -> None:
    x = frame(4)
    a = same(x, "a")
    g = graph([x], [same(a, f"b{i}") for i in range(33)])
    net = connect(g, one(g), "n")
    check(net)
    forks = [i.kernel.params["N"] for i in net.instances if i.kernel.name == "fork"]
    assert forks == [16, 16, 3]  # 15 readers, 15 readers, 3 readers


def test_one_value_twice_into_one_kernel() -> None:
    x = frame(4)
    g = graph([x], [Node(Wide(), (x, x), "square")])
    net = connect(g, one(g), "n")
    check(net)
    assert [i.kernel.name for i in net.instances] == ["fork", "add"]


def test_constant_streams_are_instances() -> None:
    x, c = frame(2, 4), const(2, 4)
    g = graph([x], [Node(Wide(), (x, c), "bias")])
    net = connect(g, one(g) | {"c": Fold(2, 2), "bias": Fold(2, 2)}, "n")
    check(net)
    emit = next(i for i in net.instances if i.kernel.name == "const")
    assert emit.kernel.params == {"Lanes": 2, "Words": 4, "YBits": 8, "YSigned": 0}
    assert np.array_equal(emit.kernel.roms["values"].values, np.arange(8).reshape(4, 2))


def test_names_are_sanitised_unique_and_the_same_every_time() -> None:
    x = frame(4)
    names = ["/Conv.1", "conv 1", "Conv__1", "9", "int", "Größe"]
    node = x
    for name in names:
        node = same(node, name)
    g = graph([x], [node])
    net, again = (connect(g, one(g), "9 lives") for _ in range(2))
    check(net)
    assert [i.name for i in net.instances] == [
        "u_conv_1", "u_conv_1_2", "u_conv_1_3", "u_9", "u_int", "u_gr_e",
    ]  # fmt: skip
    assert net.name == "n_9_lives"
    assert [s.name for s in net.streams] == [s.name for s in again.streams]


def test_an_input_that_nothing_reads() -> None:
    x, y = frame(4), frame(4, name="y")
    g = graph([x, y], [same(x, "a")])
    with pytest.raises(UserError, match="no output depends on this input"):
        connect(g, one(g), "n")


def test_an_input_that_is_an_output() -> None:
    x = frame(4)
    with pytest.raises(UserError, match="this input is an output"):
        connect(graph([x], [flat(x, "r")]), {}, "n")


def test_a_node_without_hardware_is_a_bug() -> None:
    x = frame(4)
    g = graph([x], [Node(Clip(), (x,), "relu")])
    with pytest.raises(InternalError, match=r"relu \(clip\) has no kernel"):
        connect(g, one(g), "n")


def test_residual_and_concat_netlists_are_sound() -> None:
    x = frame(4, 4, 4)
    a, b = same(x, "a"), same(x, "b")
    for axis in (0, 2):
        g = graph([x], [Node(Join(axis=axis), (a, b, x), "join")])
        check(connect(g, one(g), "n"))
    g = residual(Fraction(1, 4))
    check(connect(g, one(g), "n"))
    assert Same.stem == "table"
