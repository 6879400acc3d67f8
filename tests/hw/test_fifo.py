"""FIFO depths, and their proof by a token-level simulation that must not stop."""

from fractions import Fraction
from math import ceil

import pytest
from hw_fakes import Join, Slow, Turn, Wide, frame, graph, residual, same

from qfxc.hw.build import build_netlist
from qfxc.hw.fifo import IN_FLIGHT
from qfxc.hw.glue import SHALLOW
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Fold


def inputs_of(g: Graph, name: str) -> list[int]:
    """The depths of the streams that arrive at a node, one lane everywhere."""
    net = build_netlist(g, {n.name: Fold() for n in g.nodes()}, "n")
    return [s.depth for i in net.instances if i.name == f"u_{name}" for s in i.inputs]


def test_a_chain_needs_no_more_than_a_shift_register() -> None:
    x = frame(8, 4)
    g = graph([x], [same(same(x, "a"), "b", Fraction(1))])
    assert inputs_of(g, "b") == [SHALLOW]


def test_the_skip_holds_what_the_other_branch_is_late() -> None:
    # 16 * 16 * 8 = 2,048 words; a quarter of them in the window and a quarter in front of it,
    # two rows of 128 for the window's steps
    late, skip = inputs_of(residual(Fraction(1, 4)), "join")
    assert skip == 1024 + 2 * 128 + IN_FLIGHT
    assert late == 0 + 2 * 128 + IN_FLIGHT


def test_around_a_window() -> None:
    x = frame(16, 8)
    g = graph([x], [same(Node(Slow(Fraction(1, 4)), (same(x, "a"),), "w"), "b")])
    assert inputs_of(g, "w") == [32 + SHALLOW]
    assert inputs_of(g, "b") == [IN_FLIGHT]


def test_no_more_than_a_frame() -> None:
    assert inputs_of(residual(Fraction(3)), "join")[1] == 2048 + IN_FLIGHT


def test_the_depth_counts_words_of_the_lanes_at_the_join() -> None:
    g = residual(Fraction(1, 4))
    folds = {n.name: Fold() for n in g.nodes()} | {"join": Fold(8, 8)}
    net = build_netlist(g, folds, "n")
    join = next(i for i in net.instances if i.name == "u_join")
    assert join.inputs[1].depth == 128 + 2 * 16 + IN_FLIGHT  # 256 words of 8 lanes
    window = next(i for i in net.instances if i.name == "u_slow")
    held = (*join.inputs, *window.inputs)
    assert all(s.depth == SHALLOW for s in net.streams if s not in held)


def test_an_unsteady_branch_needs_a_frame() -> None:
    x = frame(8, 4)
    a = same(x, "a")
    g = graph([x], [Node(Wide(), (Node(Turn(), (a,), "t"), a), "join")])
    assert inputs_of(g, "join") == [32 + IN_FLIGHT, 32 + IN_FLIGHT]


def test_concat_of_channels_holds_a_position_other_axes_a_frame() -> None:
    x = frame(8, 4)
    channels = graph([x], [Node(Join(axis=1), (same(x, "a"), same(x, "b")), "join")])
    assert inputs_of(channels, "join") == [4 + IN_FLIGHT] * 2  # one of 8 positions: 4 words
    rows = graph([x], [Node(Join(axis=0), (same(x, "a"), same(x, "b")), "join")])
    assert inputs_of(rows, "join") == [32 + IN_FLIGHT] * 2


def test_lags_before_the_fork_do_not_count() -> None:
    x = frame(16, 8)
    trunk = same(same(x, "deep", Fraction(9, 10)), "head")
    g = graph([x], [Node(Wide(), (same(trunk, "slow", Fraction(1, 8)), trunk), "join")])
    assert inputs_of(g, "join") == [IN_FLIGHT, 16 + IN_FLIGHT]


def test_nested_branches_count_the_longest_path() -> None:
    x = frame(16, 8)
    head = same(x, "head")
    a = same(head, "a", Fraction(1, 8))
    inner = Node(Wide(), (same(a, "b", Fraction(1, 4)), a), "inner")
    g = graph([x], [Node(Wide(), (inner, head), "outer")])
    assert inputs_of(g, "inner")[1] == 32 + IN_FLIGHT
    assert inputs_of(g, "outer")[1] == 48 + IN_FLIGHT  # 3/8 of 128 words


def test_separate_inputs_need_no_buffer() -> None:
    x, y = frame(8, 4), frame(8, 4, name="y")
    g = graph([x, y], [Node(Wide(), (same(x, "a", Fraction(1)), y), "join")])
    assert inputs_of(g, "join") == [SHALLOW, SHALLOW]


def runs(frames: int, words: int, lag: int, hold: int) -> bool:
    """Whether fork -> (late branch, FIFO of ``hold``) -> join passes ``frames`` frames.

    The late branch passes word k of a frame once it has read min(k + 1 + lag, words) of it.
    """
    taken = passed = joined = 0  # words into both branches, out of the late one, out of the join
    total = frames * words
    while joined < total:
        frame_, k = divmod(passed, words)
        if passed < total and taken >= frame_ * words + min(k + 1 + lag, words):
            passed += 1
        elif joined < passed and joined < taken:
            joined += 1
        elif taken < total and taken - joined < hold and taken - passed <= words:
            taken += 1
        else:
            return False
    return True


@pytest.mark.parametrize("lag", [Fraction(0), Fraction(1, 9), Fraction(1, 2), Fraction(1)])
@pytest.mark.parametrize("words", [1, 7, 36])
def test_the_depth_suffices_and_less_than_the_lag_does_not(lag: Fraction, words: int) -> None:
    late = ceil(lag * words)
    x = frame(words)
    head = same(x, "head")
    g = graph([x], [Node(Wide(), (same(head, "s", lag), head), "join")])
    assert runs(3, words, late, inputs_of(g, "join")[1])
    if 1 < late < words:
        assert not runs(3, words, late, late)
    assert Slow.stem == "window"
