"""What layers share: the output's cast, quantized weights and biases, exact evaluation."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from qfxc.nn.cast import Cast, holds_float, magnitude_bits
from qfxc.nn.config import Config
from qfxc.nn.fixed import FLOAT_BITS
from qfxc.nn.format import WIDEST


class Layer(nn.Module):
    """A layer that computes ``cast(op(x))``; ``sources``: the casts that its inputs come from.

    The sources are the layer's knowledge of its inputs' widths (``prepare`` and ``link`` set them);
    they are no submodules. Without them evaluation is in float64 throughout.
    """

    cast: Cast | None
    sources: tuple[Cast, ...]

    def finish(self, y: Tensor) -> Tensor:
        """The output's cast; in eval mode float64 becomes float32 where that holds every code."""
        if self.cast is None:
            return y
        y = self.cast(y)
        if y.dtype == torch.float64 and isinstance(self.cast, Cast) and holds_float(self.cast):
            return y.float()
        return y

    def exact(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Inputs as they compute: in eval mode in float64."""
        return inputs if self.training else tuple(x.double() for x in inputs)


class Weighted(Layer):
    """A layer with weights, along whose ``channel_axis`` the output channels lie."""

    weight: Any
    bias: Any
    weight_cast: Cast
    bias_cast: Cast | None
    project: nn.Module | None
    channel_axis = 0

    def add_casts(self, config: Config, *, signed: bool = True) -> None:
        """The casts of a layer whose weights are there already; formats from the weights."""
        self.sources = ()
        self.project = config.projection()
        channels = int(self.weight.shape[self.channel_axis])
        self.weight_cast = config.weight(channels, self.channel_axis)
        self.bias_cast = None if self.bias is None else config.bias()
        self.cast = config.output(signed=signed)
        fit_constants(self.constants())

    def constants(self) -> Iterator[tuple[Cast, Tensor]]:
        """The casts of constants with the constants; of others (binary weights) nothing."""
        if isinstance(self.weight_cast, Cast):
            yield self.weight_cast, self.weight
        if self.bias is not None and isinstance(self.bias_cast, Cast):
            yield self.bias_cast, self.bias

    def quantized_weight(self) -> Tensor:
        """The weights that are computed with."""
        weight: Tensor = self.weight_cast(self.weight)
        if self.project is not None and self.weight_cast.observer is None:
            weight = self.project(weight, self.weight_cast.format())
        return weight

    def quantized_bias(self) -> Tensor | None:
        """The biases that are added; None where there are none."""
        if self.bias is None or self.bias_cast is None:
            return None
        bias: Tensor = self.bias_cast(self.bias)
        return bias

    def apply_weight(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's operation."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.quantized_weight(), self.quantized_bias()
        if self.training:
            return self.finish(self.apply_weight(x, weight, bias))
        with plain_arithmetic(x):
            dtype = self._sum_dtype(x)
            y = self.apply_weight(x.to(dtype), weight.to(dtype), None).double()
            if bias is not None:
                y = y + self.along_channels(bias.double(), y)
            return self.finish(y)

    def along_channels(self, value: Tensor, y: Tensor) -> Tensor:
        """One value per channel, in the shape that broadcasts against the output."""
        return value.reshape(-1, *[1] * (y.dim() - 2))

    def fan_in(self) -> int:
        """Products per sum."""
        return int(self.weight.numel() // self.weight.shape[self.channel_axis])

    def sum_bits(self) -> int | None:
        """Bits of the magnitude of any partial sum, in units of the product; None if unknown."""
        casts = (*self.sources, self.weight_cast)
        if not self.sources or not all(_known(cast) for cast in casts):
            return None
        if any(cast.fbit.dim() for cast in self.sources):
            return None
        inputs = max(magnitude_bits(c) for c in self.sources)
        return inputs + magnitude_bits(self.weight_cast) + math.ceil(math.log2(self.fan_in()))

    def _sum_dtype(self, x: Tensor) -> torch.dtype:
        """float32 where all its sums are integers up to 2**24, on a CPU.

        On a GPU, TF32 and Winograd round; float64 kernels add products.
        """
        bits = self.sum_bits()
        if bits is not None and bits > WIDEST:
            warnings.warn(f"sums of {bits} bits are rounded to float64", stacklevel=3)
        fits = bits is not None and bits <= FLOAT_BITS and x.device.type == "cpu"
        return torch.float32 if fits else torch.float64


def _known(cast: nn.Module) -> bool:
    return isinstance(cast, Cast) and cast.observer is None and isinstance(cast.wbit, int)


def fit_constants(constants: Iterable[tuple[Cast, Tensor]]) -> None:
    """Fraction bits from the largest magnitudes; zeros count as ones, they say nothing."""
    for cast, value in constants:
        size = largest_magnitude(value.detach(), cast)
        if not size.any():
            size = torch.ones_like(size)
        cast.fit(torch.where(size > 0, size, size.max()))


def largest_magnitude(x: Tensor, cast: Cast) -> Tensor:
    """The largest magnitude, per channel where the cast has channels."""
    size = x.abs()
    if cast.fbit.dim() == 0:
        return size.amax()
    size = size.movedim(cast.axis, 0)
    return size.flatten(1).amax(1) if size.dim() > 1 else size


@contextmanager
def plain_arithmetic(x: Tensor) -> Iterator[None]:
    """No autocast: numbers keep the type that they have."""
    with torch.autocast(device_type=x.device.type, enabled=False):
        yield


def built(module: nn.Module, cls: type[Any]) -> Any:
    """A float module's twin of another class, with its very parameters and buffers."""
    twin: Any = object.__new__(cls)
    twin.__dict__.update(module.__dict__)
    for part in ("_parameters", "_buffers", "_modules"):
        twin.__dict__[part] = dict(module.__dict__[part])
    return twin
