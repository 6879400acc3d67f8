"""Signed digits: the codes of an integer with the fewest digits +1 and -1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def canonical(value: int) -> tuple[tuple[int, int], ...]:
    """Canonical signed digits (CSD): ``(position, +1 or -1)``, lowest first, none adjacent."""
    digits, position = [], 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            digits.append((position, sign))
            value -= sign
        value, position = value >> 1, position + 1
    return tuple(digits)


def digit_counts(weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fewest signed digits of every weight; these lie where w and 3w differ."""
    size = np.abs(weights)
    places = size ^ 3 * size
    counts = np.zeros(places.shape, dtype=np.int64)
    while places.any():
        counts += places & 1
        places >>= 1
    return counts
