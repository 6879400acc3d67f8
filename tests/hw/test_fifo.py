"""What the plan expects FIFOs to hold; what they do hold is in test_sizing.py."""

from fractions import Fraction
from math import ceil

from hw_fakes import Join, Slow, Wide, dot, frame, graph, residual, same

from qfxc.hw.fifo import IN_FLIGHT, WINDOW_SHARE, buffers, depth
from qfxc.hw.glue import SHALLOW
from qfxc.hw.links import wire
from qfxc.ir.graph import Graph, Node


def inputs_of(g: Graph, name: str, lanes: int = 1) -> list[int]:
    """The expected depths of the streams that arrive at a node."""
    wiring = wire(g)
    held = buffers(wiring)
    links = wiring.writers(next(n for n in wiring.nodes if n.name == name))
    return [depth(held[link], link.source.type.size // lanes) for link in links]


def test_a_chain_is_wires() -> None:
    x = frame(8, 4)
    g = graph([x], [same(same(x, "a"), "b", Fraction(1))])
    assert inputs_of(g, "b") == [0]  # wires


def test_the_skip_holds_what_the_other_branch_is_late() -> None:
    # a quarter of 16 * 16 * 8 = 2,048 words
    late, skip = inputs_of(residual(Fraction(1, 4)), "join")
    assert (late, skip) == (0, 512 + IN_FLIGHT)


def test_around_a_window() -> None:
    x = frame(16, 8)
    g = graph([x], [same(Node(Slow(Fraction(1, 4)), (same(x, "a"),), "w"), "b")])
    assert inputs_of(g, "w") == [32 + SHALLOW]
    assert inputs_of(g, "b") == [0]


def test_a_product_lives_from_its_fifo_while_the_window_fills() -> None:
    x = frame(16, 8)
    g = graph([x], [dot(Node(Slow(Fraction(1, 4)), (same(x, "a"),), "w"), 8, "b")])
    # the fake's windows are one tap
    assert inputs_of(g, "b") == [ceil(WINDOW_SHARE * 32) + SHALLOW]


def test_no_more_than_a_frame() -> None:
    assert inputs_of(residual(Fraction(3)), "join")[1] == 2048 + IN_FLIGHT


def test_the_depth_counts_words_of_the_lanes_at_the_join() -> None:
    assert inputs_of(residual(Fraction(1, 4)), "join", 8) == [0, 64 + IN_FLIGHT]


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
    assert inputs_of(g, "join") == [0, 16 + IN_FLIGHT]


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
    assert inputs_of(g, "join") == [0, 0]
