"""Fraction bits from data: the largest values seen, or the least squared error."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor, nn

from qfxc.errors import UserError
from qfxc.nn.cast import Cast, fraction_bits
from qfxc.nn.fixed import fixed
from qfxc.nn.layer import Weighted, largest_magnitude
from qfxc.nn.norm import _BatchNorm

Method = Literal["max", "mse"]
CANDIDATES = range(-2, 5)
"""Fraction bits that "mse" tries, relative to those that hold the largest value."""


class _Observer:
    """Stands in for a cast: passes values on as they are and notes them."""

    def __init__(self, cast: Cast, method: Method) -> None:
        self.cast, self.method = cast, method
        self.largest: Tensor | None = None
        self.start: Tensor | None = None
        self.errors: Tensor | float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        seen = x.detach()
        size = largest_magnitude(seen, self.cast)
        self.largest = size if self.largest is None else torch.maximum(self.largest, size)
        if self.method == "mse":
            if self.start is None:
                self.start = self._bits(size)
            self.errors = self.errors + squared_errors(seen, self.cast, self.start)
        return x

    def _bits(self, size: Tensor) -> Tensor:
        return fraction_bits(size, self.cast.initial_wbit, self.cast.signed)

    def finish(self) -> None:
        """The cast's fraction bits from what was seen; they stay where only zeros were."""
        if self.largest is None or self.cast.frozen or not self.largest.any():
            return
        if self.method == "max" or self.start is None:
            self.cast.fit(torch.where(self.largest > 0, self.largest, self.largest.max()))
        else:
            choose(self.cast, self.start, torch.as_tensor(self.errors))


@torch.no_grad()
def calibrate(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    method: Method = "mse",
    batches: int = 8,
    batch_statistics: bool = False,
) -> None:
    """Sets the fraction bits of all casts that are not frozen.

    Weights and biases: from themselves. Everything else: from the values that the network has with
    quantized weights and uncast activations, over the first ``batches`` of ``loader`` (inputs,
    or tuples that begin with them, on the model's device). ``method``: "max" holds the largest
    value, "mse" has the least squared error. BatchNorm uses its running statistics; with
    ``batch_statistics`` the batch's, which become the running ones: for untrained networks.
    """
    casts = _fit_parameters(model, method)
    observers = {cast: _Observer(cast, method) for cast in casts}
    modes = {module: module.training for module in model.modules()}
    model.eval()
    for norm in (m for m in model.modules() if isinstance(m, _BatchNorm)):
        norm.train(batch_statistics and not norm.frozen)
    try:
        for cast, observer in observers.items():
            cast.observer = observer
        for batch in islice(loader, batches):
            model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for cast in observers:
            cast.observer = None
        for module, training in modes.items():
            module.training = training
    if all(observer.largest is None for observer in observers.values()):
        raise UserError("no batch to calibrate with", where="calibrate")
    for observer in observers.values():
        observer.finish()
    if batch_statistics:
        _fit_parameters(model, method)


def _fit_parameters(model: nn.Module, method: Method) -> list[Cast]:
    """Formats of constants; returns the casts of everything else."""
    constants: list[Cast] = []
    for module in model.modules():
        if isinstance(module, (Weighted, _BatchNorm)):
            for cast, value in module.constants():
                fit_best(cast, value, method)
                constants.append(cast)
    return [c for c in model.modules() if isinstance(c, Cast) and c not in constants]


def fit_best(cast: Cast, value: Tensor, method: Method) -> None:
    """A constant's fraction bits."""
    observer = _Observer(cast, method)
    observer(value)
    observer.finish()


def squared_errors(x: Tensor, cast: Cast, start: Tensor) -> Tensor:
    """The sum of squared errors for every candidate: (candidates,) or (candidates, C)."""
    axes = [a for a in range(x.dim()) if cast.fbit.dim() == 0 or a != cast.axis % x.dim()]
    sums = []
    for offset in CANDIDATES:
        fbit = cast.along(start + offset, x)
        y = fixed(x, cast.initial_wbit, fbit, cast.rounding, cast.overflow, cast.signed)
        error = (y - x).double().square()
        sums.append(error.sum(axes) if axes else error)
    return torch.stack(sums)


def choose(cast: Cast, start: Tensor, errors: Tensor) -> None:
    """The candidate with the least error; of equals the one with the widest range."""
    best = errors.argmin(0) + CANDIDATES.start
    cast.fbit.copy_((start + best).to(cast.fbit))
