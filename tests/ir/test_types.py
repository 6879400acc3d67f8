"""Integers with a proven range: their codes are the narrowest ones."""

from __future__ import annotations

import pytest

from qfxc.ir.types import Int


@pytest.mark.parametrize("bits", range(1, 7))
@pytest.mark.parametrize("signed", [False, True])
def test_bits_are_those_of_the_narrowest_code(bits: int, signed: bool) -> None:
    """By trying: every range inside that of a code of so many bits, and of none with fewer."""
    for lo in range(-(1 << bits), 1 << bits):
        if (lo < 0) != signed:
            continue
        for hi in range(lo, 1 << bits):
            fits = [
                n
                for n in range(1, 9)
                if Int.of_bits(n, signed).lo <= lo and hi <= Int.of_bits(n, signed).hi
            ]
            assert Int(lo, hi).bits == fits[0]


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="empty range"):
        Int(3, 2)
