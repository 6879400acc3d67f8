"""Batch normalization: ``cast(x * scale + offset)`` with quantized scale and offset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qfxc.errors import UserError
from qfxc.nn.cast import Cast
from qfxc.nn.config import Config
from qfxc.nn.layer import Layer, built, fit_constants, plain_arithmetic


class _BatchNorm(Layer, nn.modules.batchnorm._BatchNorm):
    """Scale ``gamma / sqrt(var + eps)`` and offset ``beta - mean * quantized scale``, both cast.

    Training uses the batch's mean and variance until ``frozen``, then the running ones, as
    evaluation does. The offset takes the rounded scale into account, so rounding moves no mean.
    """

    weight_cast: Cast
    bias_cast: Cast
    project: nn.Module | None

    @classmethod
    def from_float(cls, module: nn.Module, config: Config | None = None) -> Any:
        """The layer that takes a float one's place, with its parameters and statistics."""
        twin = built(module, cls)
        twin.add_casts(config or Config())
        return twin

    def add_casts(self, config: Config) -> None:
        """The casts of a layer whose statistics are there already."""
        if self.running_mean is None:
            raise UserError("batch normalization without running statistics")
        self.sources, self.frozen = (), False
        self.project = config.projection()
        self.weight_cast = config.bn_weight(self.num_features)
        self.bias_cast = config.bias()
        self.cast = config.output()
        fit_constants(self.constants())

    def constants(self) -> Iterator[tuple[Cast, Tensor]]:
        """The casts of scale and offset, with those of the running statistics."""
        mean, inverse = self._running()
        yield self.weight_cast, self._scale(inverse)
        yield self.bias_cast, self._offset(mean, self._scale(inverse))

    def quantized_weight(self) -> Tensor:
        """The scale of every channel, from the running variance."""
        return self._quantized_scale(self._running()[1])

    def quantized_bias(self) -> Tensor:
        """The offset of every channel, from the running statistics."""
        mean, inverse = self._running()
        offset: Tensor = self.bias_cast(self._offset(mean, self._quantized_scale(inverse)))
        return offset

    def _running(self) -> tuple[Tensor, Tensor]:
        """The running mean, and one over the running deviation."""
        assert self.running_mean is not None, "add_casts"
        assert self.running_var is not None, "add_casts"
        return self.running_mean, torch.rsqrt(self.running_var + self.eps)

    def _scale(self, inverse: Tensor) -> Tensor:
        return inverse * self.weight if self.affine else inverse

    def _offset(self, mean: Tensor, scale: Tensor) -> Tensor:
        return self.bias - mean * scale if self.affine else -mean * scale

    def _quantized_scale(self, inverse: Tensor) -> Tensor:
        scale: Tensor = self.weight_cast(self._scale(inverse))
        if self.project is not None and self.weight_cast.observer is None:
            scale = self.project(scale, self.weight_cast.format())
        return scale

    def forward(self, x: Tensor) -> Tensor:
        self._check_input_dim(x)  # type: ignore[no-untyped-call]
        if self.training and not self.frozen:
            return self.finish(self._by_batch(x))
        along = [-1] + [1] * (x.dim() - 2)
        with plain_arithmetic(x):
            (x,) = self.exact(x)
            scale = self.quantized_weight().to(x.dtype).reshape(along)
            offset = self.quantized_bias().to(x.dtype).reshape(along)
            return self.finish(x * scale + offset)

    def _by_batch(self, x: Tensor) -> Tensor:
        """``x * scale + offset`` with the batch's statistics, by the native batch normalization.

        That one has the gradients through mean and variance; its gain is ``scale * deviation``
        and its shift ``offset + mean * scale``, which is gamma and beta but for the rounding.
        The statistics come from it, too: its reductions are faster than var_mean's.
        """
        if x.dtype == torch.float64:  # from a layer that evaluates, while this one calibrates
            x = x.to(self._running()[0].dtype)
        with torch.no_grad():
            none = (None, None, None, None)
            _, mean, inverse = torch.native_batch_norm(x.float(), *none, True, 0.0, self.eps)
        scale = self._quantized_scale(inverse)
        offset: Tensor = self.bias_cast(self._offset(mean, scale))
        gain, shift = scale / inverse, offset + mean * scale
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return F.batch_norm(
            x, self.running_mean, self.running_var, gain, shift, True, self._rate(), self.eps
        )

    def _rate(self) -> float:
        """The momentum; None asks for the mean of all batches."""
        if self.momentum is not None:
            return float(self.momentum)
        assert self.num_batches_tracked is not None, "built with the running statistics"
        return 1.0 / float(self.num_batches_tracked)


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """Batch normalization of (N, C) or (N, C, L); ``BatchNorm1d(C, .., config=Config())``."""

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        nn.BatchNorm1d.__init__(self, *args, **kwargs)
        self.add_casts(config or Config())


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """Batch normalization of (N, C, H, W); ``BatchNorm2d(C, .., config=Config())``."""

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        nn.BatchNorm2d.__init__(self, *args, **kwargs)
        self.add_casts(config or Config())
