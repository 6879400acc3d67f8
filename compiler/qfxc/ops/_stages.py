"""In which pipeline stage every value of a circuit is made, so that registers take the fewest bits.

Stages are integers ``s``; a value waits in registers from the end of its stage to the last stage
that reads it. A stage has at most ``levels`` values one behind the other. Both are differences:

- ``s[v] >= s[u]`` where v reads u;
- ``s[v] >= s[u] + 1`` where a path of ``levels`` reads leads from u to v, that is of levels + 1
  values. One constraint per such pair would be too many: ``t[v, j]``, the latest stage of values
  j reads before v, takes one per read;
- the bits of u times ``m[u] - s[u]``, where ``m[u] >= s[v]`` of all readers, are to be least.

Every bound is between two variables (the dual of a flow in a network, as in retiming: Leiserson and
Saxe 1991), so the real optimum is integral and there is no rounding: for the given levels and the
fewest stages these have, no circuit with the same additions has fewer register bits. Written with
one boolean ``s[v] >= k`` per boundary it is the minimum cut of a graph, which scipy finds in
integers. Where several cuts are minimal, everything happens as late as it can in one of them; that
cut is the same whatever flow was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

FALSE, TRUE = 0, 1
"""Booleans that are known: the ends of the flow."""

NEVER = 1 << 30
"""More than the register bits of any circuit."""

Literal = int


@dataclass(frozen=True)
class Values:
    """The values of a circuit in an order in which each follows those that it reads.

    ``bits`` of each; ``inputs`` are there in stage 0; ``outputs`` are read behind the last stage.
    """

    reads: Sequence[Sequence[int]]
    bits: Sequence[int]
    inputs: frozenset[int]
    outputs: frozenset[int]

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """The values that read each one."""
        found: list[list[int]] = [[] for _ in self.reads]
        for number, sources in enumerate(self.reads):
            for source in dict.fromkeys(sources):
                found[source].append(number)
        return tuple(map(tuple, found))

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """Values on the longest path up to each one, inputs not counted."""
        found: list[int] = []
        for number, sources in enumerate(self.reads):
            before = max((found[source] for source in sources), default=0)
            found.append(before + (number not in self.inputs))
        return tuple(found)

    def count(self, levels: int) -> int:
        """The fewest stages."""
        return max(-(-max(self.depths, default=0) // levels), 1)


def stages(values: Values, levels: int) -> list[int]:
    """The stage of every value, in ``values.count(levels)`` stages; see above."""
    return _Placement(values, levels).solved()


@dataclass
class _Placement:
    values: Values
    levels: int
    _numbers: dict[tuple[int, int, int], Literal] = field(default_factory=dict)
    _count: int = TRUE + 1
    _arcs: dict[tuple[Literal, Literal], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stages = self.values.count(self.levels)
        self.earliest = [max(depth - 1, 0) // self.levels for depth in self.values.depths]
        self.latest = self._latest()

    def _latest(self) -> list[int]:
        last = self.stages * self.levels
        places = [last] * len(self.values.reads)
        for number in reversed(range(len(places))):
            readers = self.values.readers[number]
            places[number] = min((places[r] - 1 for r in readers), default=last)
        inputs = self.values.inputs
        return [0 if n in inputs else (p - 1) // self.levels for n, p in enumerate(places)]

    def solved(self) -> list[int]:
        for number in range(len(self.values.reads)):
            self._order(number)
            self._hold(number)
            for source in dict.fromkeys(self.values.reads[number]):
                self._follow(source, number)
        true = self._cut()
        return [
            max((k for k in range(1, self.stages) if true[self._at(n, k)]), default=0)
            for n in range(len(self.values.reads))
        ]

    def _at(self, number: int, stage: int) -> Literal:
        """``s[number] >= stage``."""
        if stage <= self.earliest[number]:
            return TRUE
        return FALSE if stage > self.latest[number] else self._variable(number, 0, stage)

    def _before(self, number: int, distance: int, stage: int) -> Literal:
        """``t[number, distance] >= stage``, for stage >= 1."""
        return self._variable(number, distance, stage) if distance else self._at(number, stage)

    def _variable(self, number: int, distance: int, stage: int) -> Literal:
        key = (number, distance, stage)
        if key not in self._numbers:
            self._numbers[key] = self._new()
        return self._numbers[key]

    def _new(self) -> Literal:
        self._count += 1
        return self._count - 1

    def _pay(self, true: Literal, false: Literal, bits: int = NEVER) -> None:
        """``bits`` where one literal is true and another one is not; never, if not given."""
        if true not in (FALSE, false) and false != TRUE:
            paid = self._arcs.get((false, true), 0)
            self._arcs[false, true] = min(paid + bits, NEVER)  # capacities have 32 bits

    def _order(self, number: int) -> None:
        """``s >= k + 1`` implies ``s >= k``."""
        for stage in range(self.earliest[number] + 1, self.latest[number]):
            self._pay(self._at(number, stage + 1), self._at(number, stage))

    def _hold(self, number: int) -> None:
        """The registers behind a value, at every boundary that one of its readers lies behind."""
        for stage in range(1, self.stages + 1):
            later = {self._at(r, stage) for r in self.values.readers[number]} - {FALSE}
            if number in self.values.outputs:
                later = {TRUE}
            some = next(iter(later)) if len(later) == 1 else TRUE if TRUE in later else self._new()
            for reader in sorted(later - {some, TRUE}):
                self._pay(reader, some)
            if later:
                self._pay(some, self._at(number, stage), self.values.bits[number])

    def _follow(self, source: int, number: int) -> None:
        """A value is not made before what it reads, and not ``levels`` reads behind it."""
        for stage in range(1, self.stages):
            self._pay(self._at(source, stage), self._at(number, stage))
        if source in self.values.inputs:
            return
        for stage in range(1, self.stages):
            for distance in range(1, self.levels):
                before = self._before(source, distance - 1, stage)
                self._pay(before, self._before(number, distance, stage))
            last = self._before(source, self.levels - 1, stage)
            self._pay(last, self._at(number, stage + 1))

    def _cut(self) -> np.ndarray:
        """Which literals are true."""
        arcs = self._arcs or {(FALSE, TRUE): 0}
        tails, heads = np.array(list(arcs), dtype=np.int32).T
        bits = np.array(list(arcs.values()), dtype=np.int32)
        graph = csr_array((bits, (tails, heads)), shape=(self._count, self._count))
        rest = graph - maximum_flow(graph, FALSE, TRUE).flow
        rest.eliminate_zeros()
        true = np.ones(self._count, dtype=np.bool_)
        true[breadth_first_order(rest, FALSE, return_predecessors=False)] = False
        return true
