"""The shortest interval that fits a budget, and the next one that does not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from qfxc.hw.program import Answer, Program
from qfxc.ir.kernel import Cost

NEAR = 1e-2
"""How far from the least an overrun may be that is only told, not built: a proof takes long."""


@dataclass(frozen=True)
class Search:
    """All intervals of a program that memory traffic of ``traffic`` cycles per frame allows."""

    program: Program
    traffic: int
    budget: Cost

    def intervals(self) -> list[int]:
        """Ascending: that of the traffic, where kernels can keep it, and every one above it."""
        every = self.program.problem.intervals()
        slower = [interval for interval in every if interval > self.traffic]
        return [self.traffic, *slower] if self.traffic >= every[0] else slower

    def fastest(self, below: int | None = None, above: int = 0) -> Answer:
        """The cheapest design of the shortest interval that fits, by bisection.

        Fractions of kernels, a linear program, show quickly below which interval nothing fits;
        mostly whole kernels do there. ``below``, ``above``: only of intervals between these.
        """
        between = (t for t in self.intervals() if t > above)
        intervals = [t for t in between if below is None or t < below]
        if not intervals or not self._relaxed(intervals[-1]):  # mostly the answer with ``below``
            return Answer(None)
        low = bisect_left(intervals, True, key=self._relaxed)
        first = self.program.cheapest(intervals[low], self.budget)
        return self._slower(intervals[low + 1 :], first.proved) if first.design is None else first

    def _relaxed(self, interval: int) -> bool:
        return self.program.relaxed(interval, self.budget)

    def _slower(self, intervals: Sequence[int], proved: bool) -> Answer:
        """As ``fastest``, of whole kernels; ``proved``: that shorter intervals do not fit."""
        found = Answer(None)
        low, high = 0, len(intervals)  # from ``high`` on all fit, below ``low`` none does
        while low < high:
            middle = (low + high) // 2
            answer = self.program.any(intervals[middle], self.budget)
            if answer.design is None:
                low, proved = middle + 1, proved and answer.proved
            else:
                found, high = answer, middle
        if found.design is None:
            return Answer(None, proved)
        best = self.program.cheapest(intervals[high], self.budget)
        return Answer(best.design or found.design, proved and best.proved)

    def smallest(self) -> Answer:
        """The cheapest design at any interval; the one that overruns least where none fits."""
        return self.program.cheapest(self.intervals()[-1], self.budget, oversize=True)

    def faster(self, interval: int) -> Answer:
        """The design below an interval that overruns the budget least (but for ``NEAR``)."""
        below = _below(self.intervals(), interval)
        if below is None:
            return Answer(None)
        return self.program.cheapest(below, self.budget, oversize=True, gap=NEAR)


def _below(ascending: Sequence[int], limit: int) -> int | None:
    return max((value for value in ascending if value < limit), default=None)
