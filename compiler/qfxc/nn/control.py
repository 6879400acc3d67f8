"""Phases of training: formats and statistics that freeze, widths that cost, optimizer groups."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from qfxc.nn.cast import Cast
from qfxc.nn.layer import Weighted
from qfxc.nn.norm import _BatchNorm


def freeze(model: nn.Module) -> None:
    """All formats stay as they are: for the last epochs, so that no type flips any more."""
    for cast in casts(model):
        cast.freeze()


def unfreeze(model: nn.Module) -> None:
    """All formats are trained again."""
    for cast in casts(model):
        cast.unfreeze()


def freeze_bn(model: nn.Module, frozen: bool = True) -> None:
    """BatchNorm trains as it is deployed: with the running statistics, which stay."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.frozen = frozen


def casts(model: nn.Module) -> list[Cast]:
    """All casts of a model."""
    return [module for module in model.modules() if isinstance(module, Cast)]


def width_penalty(model: nn.Module) -> Tensor:
    """The mean width of a weight plus the mean width of an activation, in bits.

    Differentiable in the widths that are trained: ``loss + strength * width_penalty(model)``. Its
    gradient moves a width at constant range, so what it takes is fraction.
    """
    weights: list[tuple[Tensor, int]] = []
    constants: set[Cast] = set()
    for module in model.modules():
        if isinstance(module, (Weighted, _BatchNorm)):
            constants.update(cast for cast, _ in module.constants())
        if isinstance(module, Weighted) and isinstance(module.weight_cast, Cast):
            weights.append((_width(module.weight_cast), module.weight.numel()))
    others = [(_width(cast), 1) for cast in casts(model) if cast not in constants]
    return _mean(weights) + _mean(others)


def _width(cast: Cast) -> Tensor:
    return cast.wbit.mean() if isinstance(cast.wbit, Tensor) else torch.tensor(float(cast.wbit))


def _mean(widths: list[tuple[Tensor, int]]) -> Tensor:
    if not widths:
        return torch.zeros(())
    device = next((w.device for w, _ in widths if w.requires_grad), widths[0][0].device)
    total = sum(count for _, count in widths)
    return torch.stack([w.to(device) * (count / total) for w, count in widths]).sum()


def parameter_groups(
    model: nn.Module, *, lr: float, weight_decay: float = 0.0, format_lr: float | None = None
) -> list[dict[str, Any]]:
    """Groups for an optimizer: formats do not decay, and may have a learning rate of their own."""
    formats = {p for cast in casts(model) for p in cast.parameters()}
    others = [p for p in model.parameters() if p not in formats]
    return [
        {"params": others, "lr": lr, "weight_decay": weight_decay},
        {
            "params": [p for p in model.parameters() if p in formats],
            "lr": lr if format_lr is None else format_lr,
            "weight_decay": 0.0,
        },
    ]
