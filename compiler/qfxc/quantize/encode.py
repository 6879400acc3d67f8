"""Between real numbers and codes at the border of the accelerator: what the host computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Graph
from qfxc.ir.types import Array, Int


def encode(x: Array, elem: Int) -> NDArray[np.int64]:
    """``clip(floor(x / scale + 1/2), lo, hi)`` in float64: the codes of real inputs."""
    steps = x.astype(np.float64) / elem.scale.floats()
    return np.clip(np.floor(steps + 0.5), elem.lo, elem.hi).astype(np.int64)


def decode(codes: Array, elem: Int) -> NDArray[np.float64]:
    """``codes * scale`` in float64: the real numbers that codes stand for."""
    return np.asarray(codes.astype(np.float64) * elem.scale.floats())


def feed(graph: Graph, frames: Sequence[Array]) -> list[Array]:
    """Real-valued frames as the inputs of any graph: codes where its inputs are integers."""
    pairs = zip(graph.inputs, frames, strict=True)
    return [encode(x, n.type.int) if n.type.is_int else x for n, x in pairs]
