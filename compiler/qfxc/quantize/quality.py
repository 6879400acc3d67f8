"""How well the integer network follows the float one, output by output and layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Graph
from qfxc.ir.types import Array
from qfxc.quantize.encode import decode, feed
from qfxc.quantize.error import cosine, sqnr_db
from qfxc.sim import simulate

MOST_FRAMES = 64


@dataclass(frozen=True)
class Quality:
    """One output: ``sqnr_db``, mean cosine similarity, and the share of equal arg-maxima."""

    output: str
    frames: int
    sqnr_db: float
    cosine: float
    top1_agreement: float


def quality(real: Graph, integer: Graph, frames: Sequence[Array]) -> list[Quality]:
    """Compares both graphs on (at most ``MOST_FRAMES``) real-valued input frames."""
    frames = [x[:MOST_FRAMES] for x in frames]
    found = zip(real.outputs, simulate(real, feed(real, frames)), strict=True)
    expected = [decode(x, n.type.int) if n.type.is_int else x for n, x in found]
    got = simulate(integer, feed(integer, frames))
    return [
        _compare(port.name, a, decode(b, node.type.int, port))
        for port, node, a, b in zip(integer.out_ports, integer.outputs, expected, got, strict=True)
    ]


def _compare(name: str, real: Array, quantized: Array) -> Quality:
    top = [a.reshape(len(a), -1).argmax(axis=1) for a in (real, quantized)]
    return Quality(
        name,
        len(real),
        sqnr_db(real, quantized),
        cosine(real, quantized),
        float(np.mean(top[0] == top[1])),
    )
