"""Convolutions and products with matrices: ``cast(op(x, weight) + bias)``."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from qfxc.errors import UserError
from qfxc.nn.config import Config
from qfxc.nn.layer import Weighted, built


class _Dense(Weighted):
    """Construction that all share: the float layer's arguments, and ``config``."""

    @classmethod
    def from_float(cls, module: nn.Module, config: Config | None = None) -> Any:
        """The layer that takes a float one's place, with its parameters."""
        twin = built(module, cls)
        twin.add_casts(config or Config())
        return twin


class _Conv(_Dense):
    padding_mode: Any

    def _plain_padding(self) -> None:
        if self.padding_mode != "zeros":
            raise UserError(f"padding mode {self.padding_mode}", hint="pad with zeros")

    def add_casts(self, config: Config, *, signed: bool = True) -> None:
        self._plain_padding()
        super().add_casts(config, signed=signed)


class Conv1d(_Conv, nn.Conv1d):
    """A convolution of one dimension; ``Conv1d(in, out, kernel, .., config=Config())``."""

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        nn.Conv1d.__init__(self, *args, **kwargs)
        self.add_casts(config or Config())

    def apply_weight(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        y: Tensor = self._conv_forward(x, weight, bias)
        return y


class Conv2d(_Conv, nn.Conv2d):
    """A convolution, of groups too; ``Conv2d(in, out, kernel, .., config=Config())``."""

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        nn.Conv2d.__init__(self, *args, **kwargs)
        self.add_casts(config or Config())

    def apply_weight(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        y: Tensor = self._conv_forward(x, weight, bias)
        return y


class ConvTranspose2d(_Conv, nn.ConvTranspose2d):  # type: ignore[misc]
    """A transposed convolution; its weights' output channels lie along axis 1."""

    channel_axis = 1

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        nn.ConvTranspose2d.__init__(self, *args, **kwargs)
        self.add_casts(config or Config())

    def apply_weight(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding: Any = self.padding
        return F.conv_transpose2d(
            x,
            weight,
            bias,
            self.stride,
            padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )


class Linear(_Dense, nn.Linear):
    """A product with a matrix along the last axis; ``Linear(in, out, .., config=Config())``."""

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        nn.Linear.__init__(self, *args, **kwargs)
        self.add_casts(config or Config())

    def along_channels(self, value: Tensor, y: Tensor) -> Tensor:
        return value

    def apply_weight(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return F.linear(x, weight, bias)
