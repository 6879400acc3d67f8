"""Learned rounding: up or down, chosen by gradient descent on a layer's output (needs torch).

AdaRound (Nagel et al., arXiv 2004.10568), on the inputs that the quantized network has, with the
activation behind the layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError
from qfxc.ir.types import Array
from qfxc.quantize.feedback import feedback, problem
from qfxc.quantize.sequential import Layer

ITERATIONS = 400
BATCH = 256
"""Dot products of one iteration."""

RATE = 0.01
WEIGHT = 0.1
"""Of the term that drives every choice to up or down."""

BETAS = (20.0, 2.0)
"""Exponents of that term, from first to last."""

WARM_UP = 0.2
"""Part of the iterations without it."""

TRUST = 0.9
"""How far the first h is from the real weight, towards the code that error feedback found."""

STRETCH = (-0.1, 1.1)
"""The range that a sigmoid is stretched to before it is cut to 0..1."""


def adaround(layer: Layer) -> NDArray[np.int64]:
    """Codes (G, K, M): those of ``feedback``, or the ones next to them towards the real weights.

    Never with a larger error on the calibration frames than those of ``feedback``.

    Minimises ``mean |f(y) - f(target)|^2 / mean f(target)^2 + 0.1 sum(1 - |2h - 1|^beta) / size``
    over ``h = clip(1.2 sigmoid(v) - 0.1, 0, 1)``, with ``f`` the clips behind the layer; ``beta``
    falls from 20 to 2 after the warm-up. The real weights are those that fit the targets best
    (``feedback.problem``). Deterministic for given input.
    """
    torch = _torch()
    _, wanted = problem(layer)
    good = feedback(layer)
    scaled = wanted / layer.steps
    top = layer.allowed.top
    base = np.clip(np.where(scaled >= good, good, good - 1), -top, top - 1)
    h = (1 - TRUST) * np.clip(scaled - base, 0, 1) + TRUST * (good - base)
    part = (h - STRETCH[0]) / (STRETCH[1] - STRETCH[0])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums do not depend on the number of cores
    try:
        up = _learned(torch, layer, base, np.log(part / (1 - part)))
    finally:
        torch.set_num_threads(threads)
    return _better(layer, (base + up).astype(np.int64), good)


def _better(layer: Layer, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of every output the codes with the smaller error behind the clips, on all dot products."""
    wanted = layer.targets.clip(layer.low, layer.high)

    def error(codes: NDArray[np.int64]) -> Array:
        left = layer.errors(codes)
        bias = left.mean(axis=1, keepdims=True) if layer.free_bias else layer.bias
        got = (layer.targets - left + bias).clip(layer.low, layer.high)
        return np.asarray(np.square(got - wanted).mean(axis=1, keepdims=True))

    return np.where(error(a) < error(b), a, b)


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise UserError(
            "learned rounding needs torch",
            where="quantize{rounding_of_weights=adaround}",
            hint="pip install 'qfxc[train]'",
        ) from None
    return torch


def _learned(torch: Any, layer: Layer, base: Array, start: Array) -> Array:
    """1 where a weight is rounded up."""

    def tensor(x: Array) -> Any:
        return torch.tensor(np.ascontiguousarray(x), dtype=torch.float32)

    x, low, steps = tensor(layer.rows), tensor(base), tensor(layer.steps)
    bias = tensor((layer.targets - layer.rows @ layer.weights).mean(axis=1, keepdims=True))
    target = tensor(layer.targets).clamp(layer.low, layer.high)
    scale = target.square().mean() + 1e-12
    v = tensor(start).requires_grad_()
    shift = (bias if layer.free_bias else tensor(layer.bias)).requires_grad_(layer.free_bias)
    groups = [{"params": [v], "lr": RATE}]
    if layer.free_bias:
        groups.append({"params": [shift], "lr": RATE * float(steps.mean())})
    optimiser = torch.optim.Adam(groups)
    picks = np.random.default_rng(0)
    for i in range(ITERATIONS):
        at = torch.from_numpy(picks.integers(0, x.shape[1], BATCH))
        h = _soft(torch, v)
        y = (x[:, at] @ ((low + h) * steps) + shift).clamp(layer.low, layer.high)
        loss = (y - target[:, at]).square().mean() / scale + _penalty(h, i)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return np.asarray((_soft(torch, v.detach()) > 0.5).numpy(), dtype=np.float64)


def _soft(torch: Any, v: Any) -> Any:
    low, high = STRETCH
    return (torch.sigmoid(v) * (high - low) + low).clamp(0, 1)


def _penalty(h: Any, i: int) -> Any:
    done = (i / ITERATIONS - WARM_UP) / (1 - WARM_UP)
    if done < 0:
        return 0.0
    first, last = BETAS
    beta = first + (last - first) * done
    return WEIGHT * (1 - (2 * h - 1).abs().pow(beta)).mean()
