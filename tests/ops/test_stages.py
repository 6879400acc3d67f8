"""No placement in stages has fewer register bits: all of them, of small circuits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from qfxc.ops._stages import Values, stages


def random_values(seed: int, inputs: int, count: int) -> Values:
    rng = np.random.default_rng(seed)
    reads: list[list[int]] = [[] for _ in range(inputs)]
    for number in range(inputs, inputs + count):
        near = rng.integers(max(0, number - 4), number, int(rng.integers(1, 3)))
        reads.append(near.tolist())
    bits = rng.integers(1, 12, len(reads)).tolist()
    read = {source for sources in reads for source in sources}
    ends = {n for n in range(len(reads)) if n not in read} | set(rng.integers(0, len(reads), 1))
    return Values(reads, bits, frozenset(range(inputs)), frozenset(map(int, ends)))


def deepest(values: Values, placed: list[int]) -> int:
    """Values one behind the other in a stage; reads of later stages are wrong."""
    levels: list[int] = []
    for number, sources in enumerate(values.reads):
        assert all(placed[source] <= placed[number] for source in sources)
        here = [levels[source] for source in sources if placed[source] == placed[number]]
        levels.append(max(here, default=0) + (number not in values.inputs))
    return max(levels)


def register_bits(values: Values, placed: list[int], count: int) -> int:
    total = 0
    for number, bits in enumerate(values.bits):
        ends = [placed[r] for r, sources in enumerate(values.reads) if number in sources]
        ends += [count] if number in values.outputs else []
        total += bits * (max(ends, default=placed[number]) - placed[number])
    return total


def placements(values: Values, levels: int, count: int) -> Iterator[list[int]]:
    free = [n for n in range(len(values.reads)) if n not in values.inputs]
    for found in product(range(count), repeat=len(free)):
        placed = [0] * len(values.reads)
        for number, stage in zip(free, found, strict=True):
            placed[number] = stage
        ordered = all(placed[s] <= placed[n] for n in free for s in values.reads[n])
        if ordered and deepest(values, placed) <= levels:
            yield placed


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_no_placement_is_better(seed: int, levels: int) -> None:
    values = random_values(seed, 1 + seed % 3, 6)
    count = values.count(levels)
    placed = stages(values, levels)
    assert deepest(values, placed) <= levels
    assert all(placed[n] == 0 for n in values.inputs)
    best = min(register_bits(values, p, count) for p in placements(values, levels, count))
    assert register_bits(values, placed, count) == best


@pytest.mark.parametrize("levels", [1, 2, 4, 7, 50])
def test_stages_are_as_few_and_as_short_as_stated(levels: int) -> None:
    values = random_values(99, 12, 400)
    placed = stages(values, levels)
    assert deepest(values, placed) <= levels
    assert max(placed) < values.count(levels) == -(-max(values.depths) // levels)
    assert placed == stages(values, levels)


def test_a_value_waits_where_it_is_narrow() -> None:
    """x (3 bits) feeds a chain of a, b, c; a (2 bits) and b (9 bits) are read by c too: with two in
    a stage, b goes to the second one, for which only a waits, not x or b."""
    values = Values(((), (0,), (1,), (1, 2)), (3, 2, 9, 5), frozenset({0}), frozenset({3}))
    assert stages(values, 2) == [0, 0, 1, 1]
    assert register_bits(values, [0, 0, 1, 1], 2) == 2 + 5


def test_nothing_to_place() -> None:
    """No value at all, and a word that only passes through: one stage, whose end is a register."""
    assert stages(Values((), (), frozenset(), frozenset()), 3) == []
    through = Values(((),), (4,), frozenset({0}), frozenset({0}))
    assert stages(through, 3) == [0]
    assert through.count(3) == 1
