"""Layers without weights: activations, averages, joins, and what only moves numbers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qfxc.errors import UserError
from qfxc.nn.config import Config
from qfxc.nn.layer import Layer, Weighted, built, plain_arithmetic


class _Plain(Layer):
    """``cast(op(inputs))``; in eval mode sums and quotients are float64."""

    unsigned = False
    """Whether results are never negative, whatever the inputs."""

    @classmethod
    def from_float(
        cls, module: nn.Module, config: Config | None = None, *, signed: bool = True
    ) -> Any:
        """The layer that takes a float one's place."""
        twin = built(module, cls)
        twin.add_casts(config or Config(), signed=signed)
        return twin

    def add_casts(self, config: Config, *, signed: bool = True) -> None:
        """The output's cast, unsigned where results or (``signed``) inputs are."""
        self.sources = ()
        self.cast = config.output(signed=signed and not self.unsigned)

    def evaluate(self, *inputs: Tensor) -> Tensor:
        """The layer's operation."""
        raise NotImplementedError

    def forward(self, *inputs: Tensor) -> Tensor:
        with plain_arithmetic(inputs[0]):
            return self.finish(self.evaluate(*self.exact(*inputs)))


class _Activation(_Plain):
    """The float module's own formula; a table of the quantized input where it is no staircase."""

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_casts(config or Config())

    def evaluate(self, *inputs: Tensor) -> Tensor:
        y: Tensor = self.function(*inputs)
        return y

    def function(self, x: Tensor) -> Tensor:
        """The float module's."""
        raise NotImplementedError


class ReLU(_Activation, nn.ReLU):
    """``cast(max(x, 0))``, unsigned."""

    unsigned = True

    def function(self, x: Tensor) -> Tensor:
        return F.relu(x)


class ReLU6(_Activation, nn.ReLU6):
    """``cast(min(max(x, 0), 6))``, unsigned."""

    unsigned = True

    def function(self, x: Tensor) -> Tensor:
        return F.relu6(x)


class Sigmoid(_Activation, nn.Sigmoid):
    """``cast(1 / (1 + exp(-x)))``, unsigned."""

    unsigned = True

    def function(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


class Tanh(_Activation, nn.Tanh):
    """``cast(tanh(x))``."""

    def function(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


class GELU(_Activation, nn.GELU):
    """``cast(x * Phi(x))``, or its approximation by tanh."""

    def function(self, x: Tensor) -> Tensor:
        return F.gelu(x, approximate=self.approximate)


class SiLU(_Activation, nn.SiLU):
    """``cast(x * sigmoid(x))``."""

    def function(self, x: Tensor) -> Tensor:
        return F.silu(x)


class PReLU(Weighted, nn.PReLU):
    """``cast(x if x >= 0 else weight * x)`` with quantized slopes, one or one per channel."""

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        nn.PReLU.__init__(self, *args, **kwargs)
        self.add_casts(config or Config())

    @classmethod
    def from_float(cls, module: nn.Module, config: Config | None = None) -> Any:
        """The layer that takes a float one's place, with its slopes."""
        twin = built(module, cls)
        twin.add_casts(config or Config())
        return twin

    def add_casts(self, config: Config, *, signed: bool = True) -> None:
        self.bias = None
        super().add_casts(config, signed=signed)

    def forward(self, x: Tensor) -> Tensor:
        with plain_arithmetic(x):
            (x,) = self.exact(x)
            return self.finish(F.prelu(x, self.quantized_weight().to(x.dtype)))


class AvgPool2d(_Plain, nn.AvgPool2d):
    """``cast(sum / count)``: one division, one rounding."""

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        nn.AvgPool2d.__init__(self, *args, **kwargs)
        self.add_casts(config or Config())

    def evaluate(self, *inputs: Tensor) -> Tensor:
        y: Tensor = nn.AvgPool2d.forward(self, *inputs)
        return y


class AdaptiveAvgPool2d(_Plain, nn.AdaptiveAvgPool2d):
    """``cast`` of the mean of all positions: size 1 only."""

    def __init__(self, output_size: Any = 1, *, config: Config | None = None) -> None:
        nn.AdaptiveAvgPool2d.__init__(self, output_size)
        self.add_casts(config or Config())

    def add_casts(self, config: Config, *, signed: bool = True) -> None:
        if self.output_size not in (1, (1, 1)):
            what = f"adaptive average to {self.output_size}"
            raise UserError(what, hint="only to size 1; AvgPool2d has windows")
        super().add_casts(config, signed=signed)

    def evaluate(self, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        return x.sum((-2, -1), keepdim=True) / (x.shape[-2] * x.shape[-1])


class _Join(_Plain):
    """Of two or more inputs."""

    def __init__(self, *, config: Config | None = None, signed: bool = True) -> None:
        super().__init__()
        self.add_casts(config or Config(), signed=signed)


class Add(_Join):
    """``cast(x + y + ..)``, the shortcut's addition."""

    def evaluate(self, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total


class Sub(_Join):
    """``cast(x - y)``."""

    def evaluate(self, *inputs: Tensor) -> Tensor:
        return inputs[0] - inputs[1]


class Mul(_Join):
    """``cast(x * y)``, element by element."""

    def evaluate(self, *inputs: Tensor) -> Tensor:
        return inputs[0] * inputs[1]


class Concat(_Join):
    """``cast`` of the inputs side by side along ``axis``: one format for all."""

    def __init__(self, axis: int = 1, *, config: Config | None = None, signed: bool = True) -> None:
        super().__init__(config=config, signed=signed)
        self.axis = axis

    def evaluate(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class MaxPool2d(nn.MaxPool2d):
    """The largest of a window: codes stay codes, nothing is cast."""


class Flatten(nn.Flatten):
    """Axes joined: codes stay codes, nothing is cast."""
