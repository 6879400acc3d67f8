"""What becomes of integers outside of the range of a type (docs/numerics.md)."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.types import Int


class Overflow(enum.Enum):
    """The comment gives the ap_fixed name; AP_SAT_SYM is ``SAT`` to a symmetric range."""

    SAT = "sat"  # AP_SAT
    ZERO = "zero"  # AP_SAT_ZERO
    WRAP = "wrap"  # AP_WRAP

    def apply(self, k: int, elem: Int) -> int:
        """What ``k`` becomes in ``elem``."""
        if self is Overflow.SAT:
            return min(max(k, elem.lo), elem.hi)
        if self is Overflow.ZERO:
            return k if elem.lo <= k <= elem.hi else 0
        return (k - elem.lo) % (elem.hi - elem.lo + 1) + elem.lo

    def apply_all(self, k: NDArray[Any], elem: Int) -> NDArray[Any]:
        """``apply`` of every element; integers, or float64 that holds integers exactly."""
        if self is Overflow.SAT:
            return np.asarray(np.clip(k, elem.lo, elem.hi))
        if self is Overflow.ZERO:
            return np.where((k >= elem.lo) & (k <= elem.hi), k, 0)
        return np.asarray((k - elem.lo) % (elem.hi - elem.lo + 1) + elem.lo)

    def reached(self, lo: int, hi: int, elem: Int) -> Int:
        """The proven range of the results, of integers in ``[lo, hi]``; the scale of ``elem``."""
        if elem.lo <= lo and hi <= elem.hi:
            return Int(lo, hi, elem.scale)
        if self is Overflow.SAT:
            return Int(self.apply(lo, elem), self.apply(hi, elem), elem.scale)
        return elem


def is_full(elem: Int) -> bool:
    """Whether a type has all codes of its bits: what ``ZERO`` and ``WRAP`` look at."""
    whole = Int.of_bits(elem.bits, elem.signed)
    return (elem.lo, elem.hi) == (whole.lo, whole.hi)
