"""Golden frames: what every engine is proved on, and the comparison that decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qfxc.backends.vectors import Golden
from qfxc.errors import InternalError, VerificationError
from qfxc.ir.graph import Graph
from qfxc.ir.types import Array
from qfxc.quantize.encode import encode
from qfxc.sim import simulate


def golden_frames(integer: Graph, kernel: Graph, frames: Sequence[Array], count: int) -> Golden:
    """Frames to prove engines on: real inputs, and one in four random over the whole range.

    The expected values are the simulator's; the kernel graph must have the same.
    """
    random = count // 4
    rng = np.random.default_rng(0)
    inputs: list[Array] = []
    for node, x in zip(integer.inputs, frames, strict=True):
        elem = node.type.int
        codes = encode(x[np.arange(count - random) % len(x)], elem)
        noise = rng.integers(elem.lo, elem.hi + 1, (random, *node.type.shape))
        inputs.append(np.concatenate([codes, noise]))
    expected, lowered = simulate(integer, inputs), simulate(kernel, inputs)
    for node, a, b in zip(integer.outputs, expected, lowered, strict=True):
        if not np.array_equal(a, b):
            raise InternalError(f"{node.name}: the kernel graph differs from the integer graph")
    return Golden(inputs, expected)


def require_equal(name: str, expected: Array, got: Array, engine: str) -> None:
    """Raises VerificationError naming the first element in which an engine differs."""
    if expected.shape != got.shape:
        raise VerificationError(f"output {name}: {engine} gives {got.shape}, not {expected.shape}")
    wrong = np.argwhere(expected != got)
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        raise VerificationError(
            f"output {name}: {len(wrong)} of {expected.size} elements differ; the first at {at}: "
            f"the simulator gives {expected[at]}, {engine} {got[at]}"
        )
