"""The weights of a dot product as its memory holds them: numbers, or signed powers of two."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.digits import canonical
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Variant, stream_params
from qfxc.ir.types import Int
from qfxc.ops.const import const_value

MOST_TERMS = 3
"""Signed powers of two per weight; more of them cost more than a multiplier of LUTs."""

Weights = NDArray[np.int64]


def shifts(node: Node) -> bool:
    """Whether every weight is the sum of at most MOST_TERMS signed powers of two."""
    return 0 < _digits(node)[0] <= MOST_TERMS


def weight_params(node: Node, fold: Fold) -> dict[str, int]:
    """The type of the memory's elements, and what multiplies by them."""
    shape = _digits(node) if fold.variant is Variant.SHIFT else (0, 0)
    return {
        **stream_params("W", weight_elem(node, fold)),
        "Fabric": FABRICS[fold.variant],
        "Terms": shape[0],
        "Shifts": shape[1],
    }


FABRICS = {Variant.DSP: 0, Variant.LUT: 1, Variant.SHIFT: 2}


def weight_elem(node: Node, fold: Fold) -> Int:
    """The type of the memory's elements."""
    if fold.variant is not Variant.SHIFT:
        return node.inputs[1].type.int
    terms, count = _digits(node)
    return Int.of_bits(terms * (1 + count.bit_length()), signed=False)


def weight_codes(node: Node, fold: Fold) -> Weights:
    """The weights in their own shape, as numbers or as codes.

    A code has ``terms`` fields: 0 for none or 1 + shift, the sign in the bit above. The highest
    term lies in the lowest field.
    """
    values = const_value(node.inputs[1])
    if fold.variant is not Variant.SHIFT:
        return np.asarray(values, dtype=np.int64)
    width = _digits(node)[1].bit_length()
    known = {value: _code(value, width) for value in np.unique(values).tolist()}
    codes = [known[value] for value in values.reshape(-1).tolist()]
    return np.array(codes, dtype=np.int64).reshape(values.shape)


def _code(value: int, width: int) -> int:
    fields = [(1 + place) | (sign < 0) << width for place, sign in reversed(canonical(value))]
    return sum(field << (number * (width + 1)) for number, field in enumerate(fields))


def _digits(node: Node) -> tuple[int, int]:
    """The most signed digits of a weight, and how many places there are for them."""
    values = const_value(node.inputs[1])
    return _shape(tuple(np.unique(values).tolist()))


@lru_cache(maxsize=512)
def _shape(values: tuple[int, ...]) -> tuple[int, int]:
    digits = [canonical(value) for value in values]
    most = max(map(len, digits))
    return most, max((1 + d[-1][0] for d in digits if d), default=0)
