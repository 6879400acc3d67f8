"""The shortest interval that fits a budget, and the next one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qfxc.hw.program import Answer, Program
from qfxc.ir.kernel import Cost


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

    def fastest(self, below: int | None = None) -> Answer:
        """The cheapest design of the shortest interval that fits, by bisection.

        ``below``: only of intervals shorter than this; mostly none fits, so the longest of them is
        tried first.
        """
        intervals, proved, found = self.intervals(), True, Answer(None)
        if below is not None:
            intervals = [interval for interval in intervals if interval < below]
            if not intervals or not self.program.any(intervals[-1], self.budget).design:
                return Answer(None)
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
        """The design below an interval that overruns the budget least, and is cheapest then."""
        below = _below(self.intervals(), interval)
        if below is None:
            return Answer(None)
        return self.program.cheapest(below, self.budget, oversize=True)


def _below(ascending: Sequence[int], limit: int) -> int | None:
    return max((value for value in ascending if value < limit), default=None)
