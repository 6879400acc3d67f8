"""Small inputs and constants for ``samples()``; seeds are explicit."""

from __future__ import annotations

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.types import Int
from qfxc.ops.const import int_const
from qfxc.ops.input import Input

INT8 = Int(-128, 127)
UINT4 = Int(0, 15)


def source(shape: tuple[int, ...], elem: Int, name: str = "x") -> Node:
    """A graph input."""
    return Node(Input(shape, elem), (), name)


def weights(shape: tuple[int, ...], elem: Int, seed: int) -> Node:
    """A constant of random codes in the whole range of ``elem``."""
    rng = np.random.default_rng(seed)
    return int_const(rng.integers(elem.lo, elem.hi + 1, shape), elem, "w")
