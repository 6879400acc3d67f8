"""From statistics to the step of a quantizer: min-max, percentile, least squared error."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, frexp, log2

import numpy as np

from qfxc.quantize.observe import Stats

METHODS = ("minmax", "percentile", "mse")
PERCENTILE = 99.99
SHRINK = np.linspace(1.0, 0.4, 25)
"""Parts of the full range that the search for the least squared error tries."""

STEP_BITS = 12
"""Mantissa bits of a chosen step: the relative change is below 2**-12 and texts stay short."""


def levels(bits: int, signed: bool) -> int:
    """The largest code."""
    return (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1


def magnitude(stats: Stats, bits: int, signed: bool, method: str) -> float:
    """The largest magnitude that the quantizer should represent; 0 for an all-zero tensor."""
    full = max(abs(stats.low), abs(stats.high))
    if full == 0 or method == "minmax":
        return full
    if method == "percentile":
        # at least one of a few thousand samples is cut; never more than the true extreme
        return min(full, float(np.percentile(np.abs(stats.sample), PERCENTILE)) or full)
    errors = [_error(stats, full * part, bits, signed) for part in SHRINK]
    return float(full * SHRINK[int(np.argmin(errors))])


def _error(stats: Stats, top: float, bits: int, signed: bool) -> float:
    n = levels(bits, signed)
    step = top / n
    codes = np.clip(np.rint(stats.sample / step), -n - 1 if signed else 0, n)
    return float(np.mean((codes * step - stats.sample) ** 2))


def round_step(step: float) -> Fraction:
    """A nearby rational with a short numerator, not smaller."""
    if step <= 0:
        return Fraction(1)
    mantissa, exponent = frexp(step)
    return Fraction(ceil(mantissa * (1 << STEP_BITS))) * Fraction(2) ** (exponent - STEP_BITS)


def power_of_two(stats: Stats, top: float, bits: int, signed: bool) -> Fraction:
    """The power-of-two step with the smaller squared error of the two around the ideal one."""
    if top == 0:
        return Fraction(1)
    n = levels(bits, signed)
    up = ceil(log2(top / n))
    fine = min((up, up - 1), key=lambda e: _error(stats, n * 2.0**e, bits, signed))
    return Fraction(2) ** fine
