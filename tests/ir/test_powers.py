"""Codes of sums of powers of two, read back for every weight there is."""

from __future__ import annotations

import pytest

from qfxc.adders.digits import canonical
from qfxc.ir.powers import Powers


def value(powers: Powers, code: int) -> int:
    """What docs/kernels.md says of a code."""
    total, remainder_bits = 0, {1: 0, 2: 1, 3: 2, 4: 2, 5: 3}[powers.fine]
    for term in range(powers.terms):
        field = code >> term * powers.field & (1 << powers.field) - 1
        remainder, high = field % (1 << remainder_bits), field >> remainder_bits
        if powers.span > 1:
            quotient, high = high & 1, high >> 1
        else:
            quotient = 0
        if powers.fine in (3, 5):
            there = remainder != (1 << remainder_bits) - 1
        else:
            there, high = high & 1 == 1, high >> 1
        place = quotient * powers.fine + remainder
        assert place < powers.span or not there
        assert high in (0, 1)
        total += (-1 if high else 1) * (there << 2 * term + place)
    return total


@pytest.mark.parametrize("terms", [1, 2, 3])
@pytest.mark.parametrize("shifts", range(1, 10))
def test_every_weight_has_a_code(terms: int, shifts: int) -> None:
    powers = Powers(terms, shifts)
    for weight in range(-(1 << shifts), (1 << shifts) + 1):
        digits = canonical(weight)
        if len(digits) <= terms and all(place < shifts for place, _ in digits):
            code = powers.code(digits)
            assert 0 <= code < 1 << powers.bits
            assert value(powers, code) == weight


def test_places_and_bits() -> None:
    """Eight places: 0..3 and 4 more of them, a bit for being there, the sign. Two terms of eight
    places: six each, 0..2 and 3 more of them, where the remainder 3 says that there is none."""
    assert (Powers(1, 8).span, Powers(1, 8).fine, Powers(1, 8).bits) == (8, 4, 5)
    assert (Powers(2, 8).span, Powers(2, 8).fine, Powers(2, 8).bits) == (6, 3, 8)
    assert (Powers(1, 1).span, Powers(1, 1).fine, Powers(1, 1).bits) == (1, 1, 2)
