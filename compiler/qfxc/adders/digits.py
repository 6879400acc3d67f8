"""Signed digits: the codes of an integer with the fewest digits +1 and -1."""

from __future__ import annotations


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
