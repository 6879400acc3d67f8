"""Exact integer dot products on floating-point hardware, where that is provably exact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.types import Array, Int

FLOAT32_EXACT = 1 << 24
FLOAT64_EXACT = 1 << 53


def carrier(bound: int) -> type[np.floating[Any]] | type[np.int64]:
    """The fastest number type in which every integer up to ``bound`` in magnitude is exact.

    A dot product is exact in it when every partial sum stays in the bound, in any order:
    pass the sum of the products' magnitudes (docs/numerics.md, "Exact sums in BLAS").
    """
    if bound <= FLOAT32_EXACT:
        return np.float32
    return np.float64 if bound <= FLOAT64_EXACT else np.int64


def dot_bound(x: Int, weights: NDArray[np.int64]) -> int:
    """The largest sum of product magnitudes over the columns of ``weights`` (..., outputs)."""
    flat = np.abs(weights.reshape(-1, weights.shape[-1]))
    return int(flat.sum(axis=0).max(initial=0)) * x.magnitude


def dot_range(x: Int, weights: NDArray[np.int64]) -> tuple[int, int]:
    """The exact range of ``sum_k w[k, m] * x[k]`` over all outputs ``m``, each x in its range."""
    flat = weights.reshape(-1, weights.shape[-1])
    positive, negative = np.maximum(flat, 0).sum(axis=0), np.minimum(flat, 0).sum(axis=0)
    hi = positive * x.hi + negative * x.lo
    lo = positive * x.lo + negative * x.hi
    return int(lo.min()), int(hi.max())


def as_carrier(x: Array, kind: Any) -> Array:
    return x if x.dtype == kind else x.astype(kind)


def integers(x: Array) -> NDArray[np.int64]:
    """The same integers as int64, whatever carried them."""
    return x.astype(np.int64)
