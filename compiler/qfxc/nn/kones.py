"""Weights, scales and slopes that are sums of few powers of two, trained straight through.

The projections of ``qfxc.quantize.kones`` (their definition, in numpy) on tensors: a module for
``project`` of a layer, applied to what its cast gives. Gradients pass unchanged.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from qfxc.nn.format import Format, limits
from qfxc.quantize.kones import Apot, DeepShift, KOnes, Projection, Rule, check_range


class Project(nn.Module):
    """Applies a projection to numbers on the grid of a format, which they do not leave.

    ``Project(KOnes(2))``, ``Project(DeepShift(4))``, ``Project(Apot(4))``; of float32 or float64.
    """

    def __init__(self, projection: Projection) -> None:
        super().__init__()
        self.projection = projection

    def forward(self, x: Tensor, format: Format) -> Tensor:
        step = steps(format, x)
        codes = torch.round(x.detach().double() / step).long()
        if format.narrow is None:
            allowed = project_codes(codes, self.projection, format.lo, format.hi)
        else:
            allowed = self._by_width(codes, format, format.narrow)
        return straight_through(x, (allowed.double() * step).to(x.dtype))

    def _by_width(self, codes: Tensor, format: Format, widths: tuple[int, ...]) -> Tensor:
        """Channels of one width together."""
        shape = channel_shape(format, codes)
        width = torch.tensor(widths, device=codes.device).reshape(shape)
        allowed = codes
        for bits in sorted(set(widths)):
            lo, hi = (int(v) for v in limits(bits, format.signed, format.overflow))
            allowed = torch.where(
                width == bits, project_codes(codes, self.projection, lo, hi), allowed
            )
        return allowed

    def extra_repr(self) -> str:
        return str(self.projection)


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        return y.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def straight_through(x: Tensor, y: Tensor) -> Tensor:
    """``y`` exactly, with the gradient of ``x``."""
    made: Tensor = _StraightThrough.apply(x, y)  # type: ignore[no-untyped-call]
    return made


def steps(format: Format, like: Tensor) -> Tensor:
    """``2**-fbit`` in float64, shaped so that it multiplies a tensor with the format's axis."""
    step = torch.tensor([2.0**-f for f in format.fbit], dtype=torch.float64, device=like.device)
    return step.reshape(channel_shape(format, like) if len(format.fbit) > 1 else ())


def channel_shape(format: Format, like: Tensor) -> list[int]:
    """The shape that lays one number per channel along the format's axis."""
    shape = [1] * like.dim()
    if format.axis is not None and shape:
        shape[format.axis] = -1
    return shape


def project_codes(codes: Tensor, projection: Projection, lo: int, hi: int) -> Tensor:
    """``projection.codes`` for an int64 tensor of any shape and device, equal to it."""
    check_range(lo, hi)
    clipped = codes.clamp(lo, hi)
    match projection:
        case KOnes():
            limit = torch.where(clipped < 0, -lo, hi)
            chosen = {Rule.TRUNC: _trunc, Rule.NEAREST: _nearest, Rule.SIGNED: _signed}
            return clipped.sign() * chosen[projection.rule](clipped.abs(), projection.ones, limit)
        case DeepShift():
            power = _shift(clipped.abs(), *projection.exponents(hi))
            return torch.where(clipped < 0, -power, power)
        case Apot():
            levels = torch.from_numpy(projection.levels(hi)).to(codes.device)
            at = torch.searchsorted(levels[1:] + levels[:-1], 2 * clipped.abs())
            return clipped.sign() * levels[at]
    raise TypeError(f"{projection} is no projection of this library")


def _leading(size: Tensor) -> Tensor:
    """The largest power of two in each magnitude, 0 in 0."""
    exponent = torch.frexp(size.double()).exponent.long()
    one = torch.ones_like(size)
    return torch.where(size > 0, one << (exponent - 1).clamp(min=0), 0)


def _trunc(size: Tensor, ones: int, limit: Tensor | None = None) -> Tensor:
    rest = size
    for _ in range(ones):
        rest = rest - _leading(rest)
    return size - rest


def _nearest(size: Tensor, ones: int, limit: Tensor) -> Tensor:
    below = _trunc(size, ones)
    above = below + (below & -below)
    keep = (size == below) | (size - below <= above - size) | (above > limit)
    return torch.where(keep, below, above)


def _signed(size: Tensor, ones: int, limit: Tensor) -> Tensor:
    total = torch.zeros_like(size)
    for _ in range(ones):
        rest = size - total
        power = _leading(rest.abs())
        power = torch.where(2 * rest.abs() > 3 * power, 2 * power, power)
        total = total + rest.sign() * power
    return torch.where(total > limit, (limit + 1) // 2, total)


def _shift(size: Tensor, least: int, top: int) -> Tensor:
    below = _leading(size.clamp(1 << least, 1 << top))
    held = size.clamp(1 << least, 1 << top)
    return torch.where(held * held > 2 * below * below, 2 * below, below).clamp(max=1 << top)
