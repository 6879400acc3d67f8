"""Layers made by hand for the tests of rounding."""

from __future__ import annotations

from itertools import product

import numpy as np

from qfxc.ir.types import Array
from qfxc.quantize.allowed import Allowed
from qfxc.quantize.sequential import Layer


def layer(
    rows: Array,
    weights: Array,
    *,
    bits: int = 4,
    ones: int = 0,
    steps: Array | None = None,
    free: bool = True,
) -> Layer:
    """A layer (N, K) x (K, M) whose inputs are exact: the targets are those of the weights."""
    top = (1 << (bits - 1)) - 1
    if steps is None:
        steps = np.abs(weights).max(axis=0) / top
    bias = np.zeros((1, 1, weights.shape[1]))
    targets = rows @ weights
    return Layer(
        "fc", rows[None], targets[None], weights[None], np.reshape(steps, (1, 1, -1)), bias,
        Allowed(top, ones), free_bias=free,
    )  # fmt: skip


def correlated(seed: int, count: int = 400, size: int = 6, outs: int = 1) -> Layer:
    """Inputs that mix fewer sources than there are inputs, behind a ReLU."""
    rng = np.random.default_rng(seed)
    sources = rng.normal(size=(count, max(2, size // 2)))
    mixed = sources @ rng.normal(size=(sources.shape[1], size))
    rows = np.maximum(mixed + 0.2 * rng.normal(size=(count, size)), 0)
    return layer(rows, rng.normal(size=(size, outs)))


def noise(found: Layer, codes: Array) -> float:
    """The mean square of the outputs' error, with the bias that is best for the codes."""
    left = found.errors(codes)
    if found.free_bias:
        left = left - left.mean(axis=1, keepdims=True)
    return float(np.square(left).mean())


def optimum(found: Layer) -> float:
    """The least ``noise`` of all choices between up and down, by trying every one."""
    base = np.minimum(np.floor(found.weights / found.steps), found.allowed.top - 1)
    size = base.shape[1]
    return min(
        noise(found, base + np.reshape(up, (1, size, 1))) for up in product((0, 1), repeat=size)
    )
