"""Weights rounded with error feedback: what one takes from the output, the next ones give back.

GPTQ (Frantar et al., arXiv 2210.17323) on the second moments of the inputs that the quantized
network has, towards the outputs of the float network, followed by coordinate descent.
"""

from __future__ import annotations

from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.types import Array
from qfxc.quantize.sequential import Layer, nearest

DAMPING = 0.1
"""Part of the mean diagonal that is added to the second moments: calibration is a small sample."""

BLOCK = 128
"""Weights whose errors are spread together over all that follow."""

SWEEPS = 4
"""Most rounds of coordinate descent."""


def feedback(layer: Layer) -> NDArray[np.int64]:
    """Codes (G, K, M) with a small error of the layer's outputs; never a larger one than nearest.

    Measured as ``d' H d``, the mean square of the outputs' error (its variance where the bias is
    free) plus the damping, with ``d`` the distance to ``aim``.
    """
    return solved(layer, *problem(layer))


def solved(layer: Layer, moments: Array, wanted: Array) -> NDArray[np.int64]:
    """``feedback`` for a ``problem`` that is known: it does not depend on the steps."""
    start = spread(wanted, layer, moments)
    codes = nearest(layer, wanted)
    better = objective(start, wanted, layer, moments) < objective(codes, wanted, layer, moments)
    return descend(np.where(better[:, None], start, codes), wanted, layer, moments)


def problem(layer: Layer) -> tuple[Array, Array]:
    """``H`` (G, K, K), damped, and the real weights (G, K, M) that fit the targets best.

    Those make up for errors of the layers before: ``aim = w + H**-1 X' (targets - X w)``; damping
    keeps them near ``w``. A free bias takes the means out of both.
    """
    rows, left = layer.rows, layer.targets - layer.bias - layer.rows @ layer.weights
    if layer.free_bias:
        rows = rows - rows.mean(axis=1, keepdims=True)
        left = left - left.mean(axis=1, keepdims=True)
    count = rows.shape[1]
    moments = rows.transpose(0, 2, 1) @ rows / count
    diagonal = np.einsum("gkk->gk", moments)  # a view
    mean = diagonal.mean(axis=1, keepdims=True)
    diagonal += np.where(mean > 0, DAMPING * mean, 1.0)
    return moments, layer.weights + np.linalg.solve(moments, rows.transpose(0, 2, 1) @ left / count)


def objective(codes: Array, aim: Array, layer: Layer, moments: Array) -> Array:
    """``d' H d`` of every output, (G, M)."""
    d = codes * layer.steps - aim
    return np.asarray((d * (moments @ d)).sum(axis=1))


def spread(aim: Array, layer: Layer, moments: Array) -> NDArray[np.int64]:
    """GPTQ: rounds inputs in falling order of their energy, passing errors on."""
    steps = layer.steps[:, 0]
    order = np.argsort(-np.einsum("gkk->gk", moments), axis=1, kind="stable")
    w = np.take_along_axis(aim, order[..., None], axis=1)
    h = np.take_along_axis(moments, order[..., None], axis=1)
    h = np.take_along_axis(h, order[:, None], axis=2)
    inverse = np.linalg.inv(h)
    upper = np.linalg.cholesky((inverse + inverse.transpose(0, 2, 1)) / 2).transpose(0, 2, 1)
    codes = np.empty_like(w)
    size = w.shape[1]
    for first in range(0, size, BLOCK):
        last = min(first + BLOCK, size)
        errors = np.empty_like(w[:, first:last])
        for k in range(first, last):
            codes[:, k] = layer.allowed.nearest(w[:, k] / steps)
            error = (w[:, k] - codes[:, k] * steps) / upper[:, k, k, None]
            w[:, k + 1 : last] -= upper[:, k, k + 1 : last, None] * error[:, None]
            errors[:, k - first] = error
        w[:, last:] -= upper[:, first:last, last:].transpose(0, 2, 1) @ errors
    out = np.empty_like(codes)
    np.put_along_axis(out, order[..., None], codes, axis=1)
    return out.astype(np.int64)


def descend(codes: Array, aim: Array, layer: Layer, moments: Array) -> NDArray[np.int64]:
    """Sets one code after the other to its best value given the rest, until none changes."""
    now = codes.astype(np.float64)
    steps = layer.steps[:, 0]
    pull = moments @ (aim - now * layer.steps)
    for _ in repeat(None, SWEEPS):
        changed = False
        for k in range(now.shape[1]):
            own = moments[:, k, k, None]
            best = layer.allowed.nearest(now[:, k] + pull[:, k] / (own * steps))
            move = best - now[:, k]
            if move.any():
                changed = True
                now[:, k] = best
                pull -= moments[:, :, k, None] * (move * steps)[:, None]
        if not changed:
            break
    return now.astype(np.int64)
