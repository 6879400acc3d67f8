"""Steps of weights by what error feedback makes of them, output by output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from qfxc.ir.types import Array
from qfxc.quantize.feedback import objective, problem, solved
from qfxc.quantize.sequential import Layer
from qfxc.quantize.weights import SPREAD, WeightOptions, cheap

PARTS = (1.1, 1.0, 0.92, 0.85, 0.78, 0.72, 0.66, 0.6, 0.54, 0.48)
"""Parts of the range of the wanted weights that are tried."""

MOST_BITS = 6
"""More bits leave so little error that the range hardly matters."""


def fitted(
    layer: Layer, steps: Sequence[Fraction], options: WeightOptions, unit: Fraction
) -> Sequence[Fraction]:
    """The step of every output with the least error after feedback: that of ``steps`` or another.

    ``steps`` are those of the layer, exactly. The error is the ``objective`` of ``feedback``.
    ``unit`` as in ``quantize_weights``.
    """
    if options.bits > MOST_BITS:
        return steps
    moments, wanted = problem(layer)
    ideal = np.abs(wanted).max(axis=1).reshape(-1) / options.allowed.top
    ideal = np.maximum(ideal, ideal.max() * SPREAD)
    if not ideal.all():
        return steps
    tried = [steps, *(cheap(ideal * part, options, unit) for part in PARTS)]
    best = np.argmin([_errors(layer, t, moments, wanted) for t in tried], axis=0)
    return [tried[k][m] for m, k in enumerate(best)]


def _errors(layer: Layer, steps: Sequence[Fraction], moments: Array, wanted: Array) -> Array:
    """What is left with ``steps``, (G * M,)."""
    floats = np.array([float(step) for step in steps]).reshape(layer.steps.shape)
    other = replace(layer, steps=floats)
    return objective(solved(other, moments, wanted), wanted, other, moments).reshape(-1)
