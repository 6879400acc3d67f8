"""Weights: symmetric, per output channel, on steps that make the rescale behind them cheap."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.types import Array, Int, Scale
from qfxc.quantize.allowed import Allowed

SHRINK = (1.0, 1.008, 0.96, 0.92, 0.88, 0.84, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5)
"""Parts of the full range that the search for the least squared error tries. The one above 1 is
for wide weights: rounding the step to ``multiplier_bits`` must not clip the largest weight."""

POWERS = (1.0, 0.5)
"""The same where steps are powers of two: the two neighbours."""

ONES = (2.0, 1.0, 0.5)
"""And where codes have few ones: the largest weight may lie far from any such code."""

CLIPS = ("max", "mse")
"""How the range of a channel follows from its weights."""

SPREAD = 2.0**-8
"""No channel gets a step below this part of the layer's largest: it bounds the multipliers."""


@dataclass(frozen=True)
class WeightOptions:
    """``bits`` of a weight, ``multiplier_bits`` of the rescale; powers of two only or not.

    ``clip``: ``max`` represents the largest weight of a channel, ``mse`` searches the range.
    ``ones``: codes are sums of at most that many signed powers of two, on steps that are powers of
    two, as any other factor would be a multiplication behind the layer; 0 for any code.
    """

    bits: int = 8
    multiplier_bits: int = 8
    powers: bool = False
    clip: str = "mse"
    ones: int = 0

    @property
    def allowed(self) -> Allowed:
        """The codes of a weight."""
        return Allowed((1 << (self.bits - 1)) - 1, self.ones)


def quantize_weights(
    w: Array, options: WeightOptions, unit: Fraction, energy: Array | None = None
) -> tuple[NDArray[np.int64], Int]:
    """Codes and type for weights (..., M).

    The step of channel m is ``p * 2**e * unit`` with ``p`` of ``multiplier_bits`` bits (a power
    of two where asked): with unit = output step / input step, the rescale behind the layer is
    exactly the dyadic number ``p * 2**e`` (docs/numerics.md, "Scales of our own choice").
    ``energy``: the mean square of what each weight (shape of ``w``) multiplies, where known: the
    search then minimises the error of the products.
    """
    flat = w.reshape(-1, w.shape[-1]).astype(np.float64)
    allowed, whole = options.allowed, float(unit)
    ideal = np.abs(flat).max(axis=0) / allowed.top
    ideal = np.maximum(ideal, ideal.max(initial=0) * SPREAD)
    ideal = np.where(ideal == 0, whole, ideal)
    tried = [_grid(ideal * part / whole, options) for part in _parts(options)]
    cost = np.ones_like(flat) if energy is None else energy.reshape(flat.shape)
    errors = np.stack([_errors(flat, m * 2.0**e * whole, allowed, cost) for m, e in tried])
    best = errors.argmin(axis=0)
    picked = [tried[i] for i in best]
    steps = [_step(m[c], e[c], unit) for c, (m, e) in enumerate(picked)]
    codes = allowed.nearest(flat / np.array([float(s) for s in steps])).astype(np.int64)
    low, high = int(codes.min()), int(codes.max())
    return codes.reshape(w.shape), Int(min(low, 0), max(high, 0), Scale.of(steps))


def cheap(ideal: Array, options: WeightOptions, unit: Fraction) -> list[Fraction]:
    """The steps that make cheap rescales nearest to ``ideal`` ones (M,), all positive."""
    m, e = _grid(ideal / float(unit), options)
    return [_step(*pair, unit) for pair in zip(m, e, strict=True)]


def _step(p: float, e: float, unit: Fraction) -> Fraction:
    return Fraction(int(p)) * Fraction(2) ** int(e) * unit


def _parts(options: WeightOptions) -> tuple[float, ...]:
    """Clipping only pays at few bits, or where steps are powers of two."""
    if options.ones:
        return ONES[:2] if options.clip == "max" else ONES
    if options.powers:
        return POWERS
    if options.clip == "max":
        return SHRINK[:2]
    return SHRINK if options.bits <= 6 else SHRINK[:4]


def _grid(steps: Array, options: WeightOptions) -> tuple[Array, Array]:
    """The nearest ``p * 2**e`` (powers of two: the next one up)."""
    mantissa, exponent = np.frexp(steps)
    if options.powers or options.ones:
        exact = mantissa == 0.5
        return np.ones_like(mantissa), np.where(exact, exponent - 1, exponent)
    p = np.rint(mantissa * 2.0**options.multiplier_bits)
    return p, exponent - options.multiplier_bits


def _errors(flat: Array, steps: Array, allowed: Allowed, cost: Array) -> Array:
    codes = allowed.nearest(flat / steps)
    return np.asarray((cost * (codes * steps - flat) ** 2).sum(axis=0))
