"""How large an adder graph will be, without solving it: what a plan compares layers by.

The constants are fitted to solved graphs by ``python bench/adder_estimates.py``; how far they are
off is in docs/decisions/0010.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.digits import digit_counts
from qfxc.adders.solve import SLACK
from qfxc.ir.types import Int

Floats = NDArray[np.float64]

SHARED = (-0.007, -0.080, -0.141)
"""log2 of a graph's adders over those without sharing: a constant, per doubling of the adders
without sharing, per doubling of the signed digits per weight."""

WIDTH = (1.533, 0.926, 0.109)
"""LUT bits of an adder in the mean: a constant, per bit of an input, per bit of a result."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """What the size of graphs follows from, an element for every matrix: ``plain``, its adders
    without sharing, ``density``, signed digits per weight, ``width``, bits of its results."""

    plain: Floats
    density: Floats
    width: Floats

    @property
    def sharing(self) -> tuple[Floats, ...]:
        """What the logarithm of the effect of sharing is linear in."""
        return np.ones_like(self.plain), np.log2(self.plain), np.log2(self.density)

    def widths(self, elem: Int) -> tuple[Floats, ...]:
        """What the mean bits of an adder are linear in."""
        ones = np.ones_like(self.plain)
        return ones, elem.bits * ones, self.width


@dataclass(frozen=True, slots=True)
class Estimate:
    """``adders`` of ``bits`` LUT bits in all, ``depth`` of them on the longest path."""

    adders: float
    bits: float
    depth: int


def estimate(matrices: NDArray[np.int64], elem: Int) -> Estimate:
    """The graphs of matrices (B, K, M) together; every input has the range of ``elem``."""
    known = shapes(matrices, elem)
    shared = np.exp2(np.minimum(_linear(SHARED, known.sharing), 0.0))
    adders = known.plain * shared
    bits = adders * _linear(WIDTH, known.widths(elem))
    most = int(digit_counts(matrices).sum(axis=1).max(initial=1))
    depth = (most - 1).bit_length() + SLACK if most > 1 else 0
    return Estimate(float(adders.sum()), float(bits.sum()), depth)


def shapes(matrices: NDArray[np.int64], elem: Int) -> Shapes:
    """Of those of the matrices (B, K, M) that need adders; zero rows and columns do not count."""
    digits = digit_counts(matrices)
    columns = digits.sum(axis=1)
    plain = np.maximum(columns - 1, 0).sum(axis=1)
    used = plain > 0
    rows, filled = (np.count_nonzero(digits.any(axis=axis), axis=1)[used] for axis in (2, 1))
    spans = np.abs(matrices[used]).sum(axis=1) * max(elem.hi - elem.lo, 1)
    widths = np.ceil(np.log2(spans + 1.0)).sum(axis=1) / filled
    density = digits[used].sum(axis=(1, 2)) / (rows * filled)
    return Shapes(plain[used].astype(np.float64), density, widths)


def _linear(weights: Sequence[float], terms: Sequence[Floats]) -> Floats:
    return np.asarray(sum(w * t for w, t in zip(weights, terms, strict=True)))
