"""What the implementations of a staircase share: per-channel parameters, saturation, carriers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qfxc.ir.types import Array, Int, TensorType

ROW = 8192
"""Elements of the longest row: parameters of that many positions stay in the first cache."""


def result_type(x: TensorType, elem: Int, *params: Sequence[int]) -> TensorType:
    """The type of a staircase's result; every parameter list is per tensor or per channel."""
    for values in params:
        if len(values) not in (1, x.channels):
            raise ValueError(f"{len(values)} parameters for {x.channels} channels")
    return TensorType(x.shape, elem)


def integer_kind(bound: int) -> Any:
    """int32 where it suffices (numpy vectorises it), else int64; more than that is a bug."""
    if bound >= 1 << 62:
        raise ValueError(f"an intermediate value of {bound.bit_length()} bits")
    return np.int32 if bound < 1 << 31 else np.int64


def saturate(y: Array, elem: Int) -> Array:
    """Clips into ``elem`` and stores in the narrowest integer type."""
    kind: Any = np.int64
    for narrow in (np.int8, np.uint8, np.int16, np.uint16, np.int32):
        info = np.iinfo(narrow)
        if info.min <= elem.lo and elem.hi <= info.max:
            kind = narrow
            break
    return np.clip(y, elem.lo, elem.hi, out=y if y.dtype.kind == "i" else None).astype(kind)


def per_channel(values: Sequence[int], kind: Any, count: int = 1) -> Array:
    """The values as an array; those of channels repeated for ``count`` positions."""
    array = np.asarray(values, dtype=kind)
    return array if len(values) == 1 else np.tile(array, count)


def positions(x: TensorType) -> int:
    """How many positions to join into one row: short rows cost numpy more than arithmetic."""
    count = x.size // x.channels
    fitting = (k for k in range(1, count + 1) if count % k == 0 and k * x.channels <= ROW)
    return max(fitting, default=1)


def widened(x: Array, kind: Any, row: int) -> Array:
    """A copy of ``x`` in another number type, as rows of ``row`` elements."""
    return x.astype(kind, order="C").reshape(-1, row)
