"""Between real numbers and codes at the border of the accelerator: what the host computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.graph import Graph, Port
from qfxc.ir.overflow import Overflow
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Array, Int
from qfxc.ops.quantize import round_floats


def encode(
    x: Array,
    elem: Int,
    rounding: Rounding = Rounding.HALF_UP,
    overflow: Overflow = Overflow.SAT,
) -> NDArray[np.int64]:
    """``overflow(round(x / scale))`` in float64: the codes of real inputs."""
    steps = x.astype(np.float64) / elem.scale.floats()
    return overflow.apply_all(round_floats(steps, rounding), elem).astype(np.int64)


def decode(codes: Array, elem: Int, port: Port | None = None) -> NDArray[np.float64]:
    """``codes * scale + offset`` in float64: the real numbers that codes stand for."""
    real = codes.astype(np.float64) * elem.scale.floats()
    offset = [float(v) for v in port.offset] if port else []
    return np.asarray(real + np.array(offset) if offset else real)


def feed(graph: Graph, frames: Sequence[Array]) -> list[Array]:
    """Real-valued frames as the inputs of any graph: codes where its inputs are integers."""
    items = zip(graph.inputs, graph.in_ports, frames, strict=True)
    return [
        encode(x, node.type.int, Rounding(port.rounding), Overflow(port.overflow))
        if node.type.is_int
        else x
        for node, port, x in items
    ]
