"""How many bits the input of a tabulated function needs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.function import Program, channels, run
from qfxc.quantize.observe import Stats
from qfxc.quantize.ranges import levels

STEEP = 4.0
"""Steps of the output that one step of the input may jump, in the quadratic mean."""


def table_bits(stats: Stats, programs: Iterable[Program], bits: int, most: int) -> int:
    """``bits``, or up to ``most`` where a function is so steep that their steps show behind it.

    The inverse root of a variance is: near zero one input step is a large part of its range.
    Functions of several channels are judged by the first one.
    """
    signed = stats.low < 0
    top = max(abs(stats.low), abs(stats.high))
    found = bits
    for program in programs:
        first = tuple(s[:1] if isinstance(s, tuple) else s for s in program)
        program = first if channels(program) > 1 else program
        while found < most and _jump(program, stats.sample, top / levels(found, signed), bits):
            found += 1
    return min(found, most)


def _jump(program: Program, x: NDArray[np.float64], step: float, bits: int) -> bool:
    """Whether one step of the input is more than ``STEEP`` steps of an output of ``bits``."""
    y, after = run(program, x), run(program, x + step)
    known = np.isfinite(y) & np.isfinite(after)
    if step == 0 or not known.any():
        return False
    y, after = y[known], after[known]
    output = float(np.abs(y).max()) / levels(bits, bool(y.min() < 0))
    return float(np.sqrt(np.mean((after - y) ** 2))) > STEEP * output
