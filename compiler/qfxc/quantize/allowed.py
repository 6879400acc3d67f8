"""The codes that a weight may have: all of its bits, or sums of few powers of two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Node
from qfxc.ir.types import Array
from qfxc.ops.const import Const, const_value
from qfxc.quantize.kones import KOnes, Rule


@dataclass(frozen=True)
class Allowed:
    """Codes from ``-top`` to ``top``, ``2**n - 1``.

    ``ones``: at most that many signed powers of two each (``Rule.SIGNED``); 0 for any code.
    """

    top: int
    ones: int = 0

    def nearest(self, real: Array) -> NDArray[np.float64]:
        """The nearest code to every number, which is rounded once; of two (ones) the lower."""
        if not self.ones:
            return np.asarray(np.clip(np.rint(real), -self.top, self.top), dtype=np.float64)
        levels, middles = _levels(self.top, self.ones)
        return levels[np.searchsorted(middles, real)]


@lru_cache(maxsize=64)
def _levels(top: int, ones: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every allowed code, rising, and the numbers halfway between neighbours."""
    found = KOnes(ones, Rule.SIGNED).codes(np.arange(-top, top + 1), -top, top)
    levels = np.unique(found).astype(np.float64)
    return levels, (levels[1:] + levels[:-1]) / 2


def most_ones(codes: Array) -> int:
    """The most signed powers of two that any of the integers ``codes`` needs; 0 for only zeros.

    ``3 n`` and ``n`` differ in exactly as many bits as ``n`` has digits in canonical form.
    """
    n = np.unique(np.abs(np.asarray(codes, dtype=np.int64)))
    differing = np.bitwise_xor(3 * n, n)
    return max((int(v).bit_count() for v in differing), default=0)


def few_ones(value: int, ones: int) -> bool:
    """Whether an integer is a sum of at most ``ones`` signed powers of two; any is if that is 0."""
    return not ones or (3 * value ^ value).bit_count() <= ones


def constant_ones(node: Node) -> int | None:
    """``most_ones`` of the integer constants that a node holds; None without any."""
    constants = [
        const_value(i)
        for i in node.inputs[len(node.streams) :]
        if isinstance(i.op, Const) and i.type.is_int
    ]
    return max(map(most_ones, constants), default=None)
