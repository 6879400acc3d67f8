"""The integer program: its optimum is that of trying everything, and costs what it says."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hw_fakes import U8, Rough, frame, graph

from qfxc.hw import solver
from qfxc.hw.links import Link
from qfxc.hw.program import OVERRUN, SCALE, TIE, Program
from qfxc.hw.prune import prune
from qfxc.hw.search import Search
from qfxc.hw.space import Space, cost_row, space
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Cost

BUDGET = Cost(lut=2200, ff=1500, dsp=90, bram18=5)
SEEDS = range(40)


def random_graph(seed: int) -> Graph:
    """Three or four kernels with forks, joins, inputs with several readers, several outputs.

    Of 12 channels and 1,000 bits, 3 and 4 lanes meet in single elements only: 12 are too wide.
    """
    rng = random.Random(seed)
    bits = rng.choice([8, 8, 1000])
    inputs = [frame(2, 12, name=f"x{i}") for i in range(rng.choice([1, 1, 2]))]
    values: list[Node] = list(inputs)
    for i in range(rng.choice([3, 3, 4])):
        unread = [v for v in inputs if not any(v in n.inputs for n in values)]
        first = unread[0] if unread else rng.choice(values)
        sources = (first, *rng.sample(values, rng.choice([0, 0, 1])))
        values.append(Node(Rough(100 * seed + i, bits), sources, f"k{i}"))
    kernels = [v for v in values if v not in inputs]
    ends = [k for k in kernels if not any(k in n.inputs for n in values)]
    also = [k for k in kernels if k not in ends and rng.random() < 0.2]
    return graph([x for x in inputs if any(x in n.inputs for n in values)], ends + also)


@dataclass(frozen=True)
class Known:
    """One of all designs of a space."""

    interval: int
    cost: Cost

    def use(self, budget: Cost) -> float:
        pairs = zip(cost_row(self.cost), cost_row(budget), strict=True)
        return sum(SCALE * used / most for used, most in pairs)

    def overrun(self, budget: Cost) -> float:
        pairs = zip(cost_row(self.cost), cost_row(budget), strict=True)
        return sum(SCALE * max(0, used - most) / most for used, most in pairs)


def every_design(s: Space) -> Iterator[Known]:
    names = list(s.options)
    for choice in itertools.product(*(s.options[n].folds for n in names)):
        folds = dict(zip(names, choice, strict=True))
        costs = [s.kernels(folds) + s.glue(folds)]
        for link in s.wiring.links:  # a deep FIFO between two kernels may be block memory
            plain, block = (s.link_cost(link, *s.lanes(folds, link), b) for b in (False, True))
            if plain != block and link.sink is not None and chooses(s, link):
                costs += [cost - plain + block for cost in costs]
        for cost in costs:
            yield Known(s.interval(folds), cost)


def chooses(s: Space, link: Link) -> bool:
    """Whether a link starts at a kernel, or at an input that several kernels read."""
    return link.source.op.stem != "input" or len(s.wiring.readers(link.source)) > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_optimal_as_trying_everything(seed: int) -> None:
    s = space(random_graph(seed))
    designs = list(every_design(s))
    program = Program.of(s)
    rng = random.Random(seed)
    for interval in rng.choices(program.problem.intervals(), k=3):
        budget = Cost(*(max(1, int(c * rng.uniform(0.4, 1.2))) for c in cost_row(BUDGET)))
        intime = [d for d in designs if d.interval <= interval]
        fitting = [d.use(budget) for d in intime if d.cost.fits(budget)]
        answer = program.cheapest(interval, budget)
        assert answer.proved
        assert (answer.design is None) == (not fitting)
        assert (program.any(interval, budget).design is None) == (not fitting)
        if answer.design is not None:
            found = Known(s.interval(answer.design.folds), answer.design.cost)
            assert found in intime
            assert min(fitting) <= found.use(budget) <= min(fitting) + TIE
        over = program.cheapest(interval, budget, oversize=True).design
        assert (over is None) == (not intime)  # no budget helps where lanes do not meet
        if over is None:
            continue
        least = min(OVERRUN * d.overrun(budget) + d.use(budget) for d in intime)
        found = Known(s.interval(over.folds), over.cost)
        assert found in intime
        total = OVERRUN * found.overrun(budget) + found.use(budget)
        assert least <= total * (1 + 1e-12)
        assert total <= least * (1 + 1e-9) + TIE


@pytest.mark.parametrize("seed", SEEDS)
def test_as_fast_as_trying_everything(seed: int) -> None:
    s = space(random_graph(seed))
    designs = list(every_design(s))
    fitting = [d.interval for d in designs if d.cost.fits(BUDGET)]
    fastest = min(d.interval for d in designs)
    search = Search(Program.of(s), 1, BUDGET)
    found = search.fastest().design
    assert (found is None) == (not fitting)
    if found is None:
        return
    interval = s.interval(found.folds)
    assert interval == min(fitting)
    after = search.faster(interval).design
    assert (after is None) == (interval == fastest)
    assert after is None or not after.fits


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stations_count_what_the_space_counts(seed: int) -> None:
    """For any folds, optimal or not: the tables' sum is kernels and glue, the maximum theirs."""
    s = space(random_graph(seed))
    problem = Program.of(s).problem
    rng = random.Random(seed)
    folds = {name: rng.choice(options.folds) for name, options in s.options.items()}
    widest = {
        node.name: max(folds[k.sink.name].simd for k in s.wiring.readers(node) if k.sink)
        for node in s.wiring.inputs
    }
    chosen = [
        t.folds.index(folds[t.name]) if t.folds else int(np.searchsorted(t.pe, widest[t.name]))
        for t in problem.stations
    ]
    cost = sum(t.cost[c] for t, c in zip(problem.stations, chosen, strict=True))
    cycles = [int(t.cycles[c]) for t, c in zip(problem.stations, chosen, strict=True)]
    blocks: set[Link] = set()
    for edge in problem.edges:
        lanes = problem.stations[edge.source].pe[chosen[edge.source]]
        reader = problem.stations[edge.sink].simd[chosen[edge.sink]]
        at = np.searchsorted(edge.outs, lanes), np.searchsorted(edge.ins, reader)
        block = rng.random() < 0.5
        cost, cycles = cost + edge.cost[int(block)][at], [*cycles, int(edge.cycles[at])]
        blocks |= {edge.link} if block else set()
    assert tuple(int(c) for c in cost) == cost_row(s.kernels(folds) + s.glue(folds, blocks))
    assert max(cycles) == s.interval(folds)


def test_the_same_answer_again() -> None:
    g = random_graph(3)
    answers = {
        tuple(Program.of(space(g)).cheapest(10**6, BUDGET, oversize=True).design.folds.items())  # type: ignore[union-attr]
        for _ in range(3)
    }
    assert len(answers) == 1


def test_pruning_leaves_few_choices() -> None:
    problem = Program.of(space(random_graph(1))).problem
    alive = prune(problem, max(problem.intervals()))
    assert alive is not None
    assert sum(map(len, alive)) < sum(len(t.pe) for t in problem.stations)
    assert prune(problem, min(problem.intervals()) - 1) is None


def test_a_search_that_is_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "NODES", 0)
    program = Program.of(space(random_graph(3)))
    answers = [program.cheapest(t, BUDGET) for t in program.problem.intervals()]
    assert any(a.design is None and not a.proved for a in answers)


def test_a_graph_input_is_as_wide_as_its_widest_reader() -> None:
    """Two readers with other lanes: one stream of the wider one, a converter for the other."""
    x = frame(2, 12)
    g = graph([x], [Node(Rough(5), (x,), "a"), Node(Rough(6), (x,), "b")])
    s = space(g)
    station = Program.of(s).problem.stations[-1]
    assert station.name == "x"
    assert not station.folds
    assert set(station.pe) == {f.simd for o in s.options.values() for f in o.folds}
    assert x.type.int == U8
