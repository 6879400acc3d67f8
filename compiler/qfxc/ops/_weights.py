"""The weights of a dot product as its memory holds them: numbers, or signed powers of two."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.digits import canonical
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Variant, stream_params
from qfxc.ir.powers import Powers
from qfxc.ir.types import Int
from qfxc.ops.const import const_value

MOST_TERMS = 3
"""Signed powers of two per weight; more of them cost more than a multiplier of LUTs."""

Weights = NDArray[np.int64]


def shifts(node: Node) -> bool:
    """Whether every weight is the sum of at most MOST_TERMS signed powers of two."""
    return 0 < _powers(node).terms <= MOST_TERMS


def weight_params(node: Node, fold: Fold) -> dict[str, int]:
    """The type of the memory's elements, and what multiplies by them."""
    powers = _powers(node) if fold.variant is Variant.SHIFT else Powers(0, 0)
    return {
        **stream_params("W", weight_elem(node, fold)),
        "Fabric": FABRICS[fold.variant],
        "Terms": powers.terms,
        "Shifts": powers.shifts,
    }


FABRICS = {Variant.DSP: 0, Variant.LUT: 1, Variant.SHIFT: 2}


def weight_elem(node: Node, fold: Fold) -> Int:
    """The type of the memory's elements."""
    if fold.variant is not Variant.SHIFT:
        return node.inputs[1].type.int
    return Int.of_bits(_powers(node).bits, signed=False)


def weight_codes(node: Node, fold: Fold) -> Weights:
    """The weights in their own shape, as numbers or as codes of powers of two."""
    values = const_value(node.inputs[1])
    if fold.variant is not Variant.SHIFT:
        return np.asarray(values, dtype=np.int64)
    return coded(values, _powers(node))


def coded(values: Weights, powers: Powers) -> Weights:
    """The codes of numbers that are sums of powers of two."""
    known = {value: powers.code(canonical(value)) for value in np.unique(values).tolist()}
    codes = [known[value] for value in values.reshape(-1).tolist()]
    return np.array(codes, dtype=np.int64).reshape(values.shape)


def _powers(node: Node) -> Powers:
    """As many signed digits as a weight has at most, and as many places as there are."""
    values = const_value(node.inputs[1])
    return powers_of(tuple(np.unique(values).tolist()))


@lru_cache(maxsize=512)
def powers_of(values: tuple[int, ...]) -> Powers:
    """As many terms as one of the values needs at most, and as many places as there are."""
    digits = [canonical(value) for value in values]
    return Powers(max(map(len, digits)), max((1 + d[-1][0] for d in digits if d), default=0))
