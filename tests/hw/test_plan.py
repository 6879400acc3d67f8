"""The plan: legal, inside the budget, as fast as the budget allows, and found in seconds."""

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hw_fakes import Slow, Wide, dot, frame, graph, same

from qfxc.errors import UserError
from qfxc.hw.board import Board, load
from qfxc.hw.build import connect
from qfxc.hw.plan import Plan, plan
from qfxc.hw.program import Program
from qfxc.hw.space import Space, space
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Cost, Fold

BOARD = load("ultra96")


def small(board: Board = BOARD, **parts: Any) -> Board:
    """The board with less of something, all of it usable."""
    return replace(board, part=replace(board.part, **parts), fractions=(1.0, 1.0, 1.0, 1.0))


def two_layers() -> Graph:
    x = frame(4, 8)
    return graph([x], [dot(same(dot(x, 16, "fc1"), "act"), 4, "fc2")])


def brute_force(s: Space, budget: Cost) -> int:
    """The shortest interval that fits, by trying everything."""
    best = 1 << 60
    names = list(s.options)
    for choice in itertools.product(*(s.options[n].folds for n in names)):
        folds = dict(zip(names, choice, strict=True))
        if (s.kernels(folds) + s.glue(folds)).fits(budget):
            best = min(best, s.interval(folds))
    return best


def check(result: Plan, board: Board) -> None:
    total = result.glue
    for row in result.rows:
        total += row.cost
    assert total == result.cost
    assert result.fits
    assert result.cost.fits(board.budget)
    assert result.interval >= max(row.cycles for row in result.rows)
    assert result.cycles[result.bottleneck] == max(row.cycles for row in result.rows)
    assert result.fps == pytest.approx(result.clock_mhz * 1e6 / result.interval)


@pytest.mark.parametrize("dsp", [2, 5, 12, 40])
def test_as_fast_as_trying_everything(dsp: int) -> None:
    board = small(dsp=dsp)
    result = plan(two_layers(), board, 200.0)
    check(result, board)
    assert result.interval == brute_force(space(two_layers()), board.budget)


def test_the_limit_is_named() -> None:
    assert plan(two_layers(), small(dsp=2), 200.0).limit == "DSP"
    rich = replace(small(dsp=10_000, lut=10**7, ff=10**7), bandwidth=1e12)
    big = plan(two_layers(), rich, 200.0)
    assert big.limit == "no faster fold exists"
    assert big.interval == 4  # four positions, everything else unrolled


def test_lanes_match_along_a_chain() -> None:
    board = small(dsp=36)
    result = plan(two_layers(), board, 200.0)
    assert result.folds["fc1"].pe == result.folds["act"].simd
    assert result.folds["act"].pe == result.folds["fc2"].simd
    net = connect(two_layers(), result.folds, "n")
    assert all(i.kernel.name != "width" for i in net.instances)


def test_the_cheapest_plan_for_a_frame_rate() -> None:
    free = plan(two_layers(), BOARD, 100.0)
    wanted = plan(two_layers(), BOARD, 100.0, fps=200_000.0)
    check(wanted, BOARD)
    assert wanted.fps >= 200_000
    assert wanted.interval <= 500
    # 512 products of fc1 in 500 cycles take 2 multipliers, the 256 of fc2 take one
    assert wanted.cost.dsp == 3 < free.cost.dsp
    assert wanted.limit == "the requested frame rate"


def test_a_frame_rate_out_of_reach_says_what_is() -> None:
    with pytest.raises(UserError) as caught:
        plan(two_layers(), small(dsp=2), 100.0, fps=1e6)
    assert str(caught.value) == (
        "error: fc1: 1e+06 frames/s are out of reach on ultra96 at 100 MHz; "
        "the fastest plan reaches 195312.5 frames/s\n"
        "hint: limited by: DSP; try fewer bits, a higher clock or a larger board"
    )


def test_a_network_that_is_too_large() -> None:
    board = small(dsp=1, lut=200)
    with pytest.raises(UserError) as caught:
        plan(two_layers(), board, 200.0)
    text = str(caught.value)
    assert text.startswith(
        "error: ultra96: the network does not fit: its smallest design needs LUT"
    )
    assert "DSP 2 of 1 (2.00x)" in text
    oversize = plan(two_layers(), board, 200.0, allow_oversize=True)
    assert not oversize.fits
    assert oversize.cost.dsp == 2
    assert oversize.limit == "the board is too small"


def test_memory_bandwidth_limits_the_rate() -> None:
    slow = replace(small(dsp=10_000, lut=10**7, ff=10**7), bandwidth=1e6)
    result = plan(two_layers(), slow, 200.0)
    # 4 * 8 bytes in and 4 * 4 results of 2 bytes out at 1 MB/s: 64 us
    assert result.interval == 64 * 200
    assert result.limit == "memory bandwidth"


def test_memory_bandwidth_is_a_rate_of_its_own() -> None:
    """Of 64 bytes per frame; kernels that take 129 to 160 cycles are as good as those of 128."""
    wide = replace(small(dsp=40), bandwidth=64 * 200e6 / 160)
    result = plan(two_layers(), wide, 200.0)
    assert result.interval == 160
    assert result.limit == "memory bandwidth"
    assert result.step is None
    s = space(two_layers())
    cheapest = Program.of(s).cheapest(160, wide.budget).design
    assert cheapest is not None
    assert result.folds == cheapest.folds


def test_what_the_next_step_up_takes() -> None:
    """Two DSPs: fc1 (512 products) takes 512 cycles with one of them. Below that it needs two."""
    board = small(dsp=2)
    result = plan(two_layers(), board, 200.0)
    assert (result.interval, result.bottleneck, result.binding) == (512, "fc1", ("DSP",))
    assert result.step is not None
    assert (result.step.interval, result.step.cost.dsp, result.step.over.dsp) == (256, 3, 1)
    assert result.step.fps == pytest.approx(200e6 / 256)
    enough = plan(two_layers(), small(dsp=3), 200.0)
    assert (enough.interval, enough.cost.dsp) == (256, 3)


def test_a_requested_rate_has_a_next_step_that_fits() -> None:
    result = plan(two_layers(), BOARD, 100.0, fps=200_000.0)
    assert result.step is not None
    assert result.step.interval < result.interval
    assert result.step.over == Cost()
    assert result.binding == ()


def test_utilisation_of_the_multipliers() -> None:
    """One DSP each: fc1 works 512 of 512 cycles, fc2 256 of them."""
    result = plan(two_layers(), small(dsp=2), 200.0)
    fc1, act, fc2 = result.rows
    assert [r.macs for r in result.rows] == [512, 0, 256]
    assert [result.utilisation(r) for r in (fc1, act, fc2)] == [1.0, None, 0.5]
    assert result.utilisation() == 0.75


@pytest.mark.parametrize(
    ("clock", "fps"), [(0.0, None), (float("inf"), None), (100.0, 0.0), (100.0, float("nan"))]
)
def test_nonsense_targets(clock: float, fps: float | None) -> None:
    with pytest.raises(UserError, match="is a positive number"):
        plan(two_layers(), BOARD, clock, fps)


def deep(blocks: int) -> Graph:
    """Residual blocks of five kernels."""
    x = frame(16, 16, 16)
    node = same(x, "head")
    for b in range(blocks):
        window = Node(Slow(Fraction(1, 8)), (node,), f"w{b}")
        conv = dot(window, 16 if b % 2 else 24, f"c{b}")
        back = dot(same(conv, f"r{b}"), 16, f"p{b}")
        node = Node(Wide(), (back, node), f"a{b}")
    return graph([x], [node])


def test_a_hundred_nodes() -> None:
    g = deep(20)
    result = plan(g, BOARD, 200.0)
    assert len(result.rows) == 101
    check(result, BOARD)
    assert result.proved
    # 256 positions * 20 blocks * about 640 products over 360 multipliers cannot take less
    products = sum(r.cycles * r.fold.simd * r.fold.pe for r in result.rows if r.op == "matvec")
    assert result.interval >= products // BOARD.budget.dsp
    assert result == plan(g, BOARD, 200.0)
    connect(g, result.folds, "n")


def test_glue_of_the_plan_is_the_netlist() -> None:
    g = deep(2)
    result = plan(g, small(dsp=20), 200.0)
    net = connect(g, result.folds, "n")
    assert space(g).interval(result.folds) <= result.interval
    widths = [i for i in net.instances if i.kernel.name == "width"]
    assert all(i.kernel.params["InWords"] <= result.interval for i in widths)
    assert Fold() <= min(result.folds.values())
