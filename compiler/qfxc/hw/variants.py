"""Which layers multiply in LUTs: a knapsack of layers in DSPs, once all lanes are chosen.

The variants of a fold have the same words and the same cycles, so nothing around a layer depends
on its variant and the choice can follow that of the lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from qfxc.hw.space import Space
from qfxc.ir.kernel import Cost, Fold


@dataclass(frozen=True)
class _Layer:
    """A layer that both variants can build: the DSPs of one, and the LUTs they save."""

    name: str
    dsp: int
    saved: int


def balanced(space: Space, folds: Mapping[str, Fold], budget: Cost) -> dict[str, Fold]:
    """The same lanes, with those layers in DSPs that save the most LUTs inside the DSP budget."""
    switched = {name: replace(fold, fabric=True) for name, fold in folds.items()}
    layers = []
    for name, fabric in switched.items():
        known = space.options[name].folds
        plain = replace(fabric, fabric=False)
        if plain not in known or fabric not in known:
            switched[name] = folds[name]
            continue
        dsps, luts = (space.options[name].at(fold)[1] for fold in (plain, fabric))
        layers.append(_Layer(name, dsps.dsp - luts.dsp, luts.lut - dsps.lut))
    left = budget.dsp - space.kernels(switched).dsp
    chosen = _knapsack(layers, left)
    return {n: replace(f, fabric=False) if n in chosen else f for n, f in switched.items()}


def switchable(space: Space, folds: Mapping[str, Fold]) -> bool:
    """Whether a layer multiplies in LUTs that DSPs could build: DSPs have run out."""
    return any(
        fold.fabric and replace(fold, fabric=False) in space.options[name].folds
        for name, fold in folds.items()
    )


def _knapsack(layers: list[_Layer], dsps: int) -> set[str]:
    """The layers of at most ``dsps`` DSPs together that save the most LUTs; exact."""
    size = max(dsps, 0) + 1
    saved = np.zeros(size, dtype=np.int64)
    taken = np.zeros((len(layers), size), dtype=bool)
    for i, layer in enumerate(layers):
        if layer.dsp >= size or layer.saved <= 0:
            continue
        more = saved[: size - layer.dsp] + layer.saved
        better = more > saved[layer.dsp :]
        taken[i, layer.dsp :] = better
        saved[layer.dsp :] = np.where(better, more, saved[layer.dsp :])
    chosen, at = set(), size - 1
    for i in reversed(range(len(layers))):
        if taken[i, at]:
            chosen.add(layers[i].name)
            at -= layers[i].dsp
    return chosen
