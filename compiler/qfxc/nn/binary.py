"""Weights of one bit or of -1, 0, 1, and activations of a few odd levels: binary networks.

``BinaryWeight`` and ``TernaryWeight`` take the place of a layer's ``weight_cast``, as in
``BinaryConv2d`` and ``BinaryLinear``; ``Bipolar`` is an activation, ``TwoBit`` FracBNN's. What they
give are integers times powers of two (or, with ``Scale.FIXED``, times fixed-point numbers), so
that hardware has the same.
"""

from __future__ import annotations

import enum
from math import frexp
from typing import Any

import torch
from torch import Tensor, nn

from qfxc.errors import UserError
from qfxc.ir.rounding import Rounding
from qfxc.nn.cast import Cast
from qfxc.nn.config import Config
from qfxc.nn.dense import Conv2d, Linear
from qfxc.nn.fixed import fixed
from qfxc.nn.format import Format, Overflow, rounding_of
from qfxc.nn.layer import Layer, Weighted

WEIGHT_CLIP = 1.3
"""Gradients of signs pass where the weight is within (FracBNN, arXiv 2012.12206)."""

ACTIVATION_CLIP = 1.0

TERNARY_PART = 0.7
"""Weights below this part of the mean magnitude are 0 (Ternary Weight Networks, 1605.04711)."""


class Scale(enum.Enum):
    """What the signs of an output channel are worth."""

    ONE = "one"
    POWER = "power"  # the power of two nearest to the mean magnitude, in the logarithm
    FIXED = "fixed"  # the mean magnitude as a fixed-point number of ``scale_bits`` bits


class _Signs(torch.autograd.Function):
    """``signs * scale``; the gradient passes to weights within the clip, times the scale."""

    @staticmethod
    def forward(ctx: Any, w: Tensor, signs: Tensor, scale: Tensor, clip: float) -> Tensor:
        ctx.save_for_backward(w, scale)
        ctx.clip = clip
        return signs * scale

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        w, scale = ctx.saved_tensors
        return torch.where(w.abs() <= ctx.clip, grad * scale, 0), None, None, None


class BinaryWeight(nn.Module):
    """``scale[c] * sign(w)``, where the sign of 0 is 1; for ``weight_cast`` of a layer.

    ``scale``: see ``Scale``, one per channel of ``axis``; ``clip`` bounds what gradients reach.
    ``scale_bits`` bits has the largest scale under ``Scale.FIXED``.
    """

    levels = 2

    def __init__(
        self,
        scale: Scale | str = Scale.ONE,
        *,
        axis: int = 0,
        scale_bits: int = 8,
        clip: float = WEIGHT_CLIP,
    ) -> None:
        super().__init__()
        self.scale = Scale(scale)
        self.axis, self.scale_bits, self.clip = axis, scale_bits, clip

    def forward(self, w: Tensor) -> Tensor:
        scale = self.scales(w).reshape(self._shape(w)).to(w.dtype)
        made: Tensor = _Signs.apply(w, self.signs(w), scale, self.clip)  # type: ignore[no-untyped-call]
        return made

    def signs(self, w: Tensor) -> Tensor:
        """The integer code of each weight, in w's type: -1 or 1."""
        return torch.where(w >= 0, 1.0, -1.0).to(w.dtype)

    def scales(self, w: Tensor) -> Tensor:
        """What a code is worth, per channel: shape (C,), float64."""
        flat = w.detach().double().movedim(self.axis, 0).flatten(1)
        count = len(flat)
        if self.scale is Scale.ONE:
            return torch.ones(count, dtype=torch.float64, device=w.device)
        mean = self._means(flat).clamp(min=2.0**-24)
        if self.scale is Scale.POWER:
            # nearest in the logarithm: mean**2 against twice the square of the power below
            below = torch.ldexp(torch.ones_like(mean), torch.frexp(mean).exponent - 1)
            return torch.where(mean * mean > 2 * below * below, 2 * below, below)
        fbit = self._fbit(mean)
        coded = fixed(mean, self.scale_bits, fbit, Rounding.HALF_EVEN, Overflow.SAT, signed=False)
        return coded.clamp(min=2.0**-fbit)

    def _means(self, flat: Tensor) -> Tensor:
        return flat.abs().mean(dim=1)

    def _fbit(self, mean: Tensor) -> int:
        """Fraction bits with which the largest mean fills ``scale_bits``."""
        return self.scale_bits - int(torch.frexp(mean.max()).exponent)

    def _shape(self, w: Tensor) -> list[int]:
        shape = [1] * w.dim()
        shape[self.axis] = -1
        return shape

    def format(self, w: Tensor) -> Format:
        """A fixed-point type that holds what the weights become."""
        fbit: tuple[int, ...]
        if self.scale is Scale.FIXED:
            bits = self.scale_bits + 1
            flat = w.detach().double().movedim(self.axis, 0).flatten(1)
            fbit = (self._fbit(self._means(flat).clamp(min=2.0**-24)),)
        else:
            bits = 2
            fbit = tuple(1 - int(e) for e in torch.frexp(self.scales(w)).exponent)
            fbit = fbit[:1] if len(set(fbit)) == 1 else fbit
        axis = self.axis if len(fbit) > 1 else None
        return Format(bits, fbit, axis, True, Rounding.HALF_EVEN, Overflow.SAT_SYM)

    def extra_repr(self) -> str:
        return f"scale={self.scale.value}"


class TernaryWeight(BinaryWeight):
    """``scale[c] * t``, t in -1, 0, 1: 0 below ``TERNARY_PART`` of the channel's mean magnitude.

    The scale is the mean magnitude of the weights that are not 0.
    """

    levels = 3

    def signs(self, w: Tensor) -> Tensor:
        size = w.detach().double().abs()
        kept = size > self._threshold(size.movedim(self.axis, 0).flatten(1)).reshape(self._shape(w))
        return torch.where(kept, w.detach().sign(), 0)

    def _means(self, flat: Tensor) -> Tensor:
        size = flat.abs()
        kept = size > self._threshold(size)[:, None]
        return torch.where(kept, size, 0).sum(dim=1) / kept.sum(dim=1).clamp(min=1)

    def _threshold(self, size: Tensor) -> Tensor:
        return TERNARY_PART * size.mean(dim=1)


class _Levels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return y.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        return torch.where(x.abs() <= ACTIVATION_CLIP, grad * ctx.slope, 0), None, None


class _LevelsCast(Cast):
    """The format of levels that are given: it stays frozen."""

    def unfreeze(self) -> None:
        pass


class Bipolar(Layer):
    """Activation of ``bits`` bits on [-1, 1]: the odd integers from ``-(2**bits - 1)``, times unit.

    ``u = sat(round((2**bits - 1) / 2 (x + 1)), 0, 2**bits - 1)``, ``y = (2 u - 2**bits + 1) unit``.
    One bit is the sign, 1 for 0 (with RND). ``rounding`` decides ties, which differ between
    published implementations: RND is FracBNN's hardware. ``unit`` is a power of two, ``2**-bits``
    unless given (so the largest level is ``1 - 2**-bits``; FracBNN's is 1, a factor that the
    normalisation behind takes): its levels of 1/3 are no fixed-point numbers. Zero, as
    padding has it, is no level but an integer. Gradients pass where ``|x| <= 1``, times the slope
    of the line that the levels are on. ``cast`` changes nothing: it is the format of the levels.
    """

    def __init__(
        self, bits: int, rounding: Rounding | str = "RND", unit: float | None = None
    ) -> None:
        super().__init__()
        if not 1 <= bits <= 8:
            raise UserError(f"{bits} bits of a bipolar activation", hint="1 to 8")
        self.bits = bits
        self.rounding = rounding_of(rounding)
        self.unit = 2.0**-bits if unit is None else unit
        mantissa, exponent = frexp(self.unit)
        if mantissa != 0.5:
            raise UserError(f"unit {unit} of a bipolar activation", hint="a power of two")
        self.sources = ()
        self.cast = _LevelsCast(
            bits + 1, 1 - exponent, rounding=Rounding.HALF_EVEN, overflow=Overflow.SAT_SYM
        )
        self.cast.freeze()

    @property
    def top(self) -> int:
        """The largest level, in units; also the largest u."""
        return (1 << self.bits) - 1

    def codes(self, x: Tensor) -> Tensor:
        """``u``, of 0 to ``top``, in float64."""
        u = (x.detach().double() + 1) * (self.top / 2)
        return fixed(u, self.bits, 0, self.rounding, Overflow.SAT, signed=False)

    def forward(self, x: Tensor) -> Tensor:
        y = (2 * self.codes(x) - self.top) * self.unit
        slope = self.top * self.unit
        made: Tensor = _Levels.apply(x, y.to(x.dtype), slope)  # type: ignore[no-untyped-call]
        return self.finish(made)

    def extra_repr(self) -> str:
        return f"bits={self.bits}, rounding={self.rounding.value}, unit={self.unit}"


class TwoBit(Bipolar):
    """FracBNN's activation: -3, -1, 1, 3 quarters."""

    def __init__(self, rounding: Rounding | str = "RND", unit: float | None = None) -> None:
        super().__init__(2, rounding, unit)


class _Binary(Weighted):
    """``weights`` makes the weights, a BinaryWeight unless given."""

    def __init__(
        self,
        *args: Any,
        weights: BinaryWeight | None = None,
        config: Config | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, config=config, **kwargs)
        self.project = None
        self.add_module("weight_cast", weights or BinaryWeight())


class BinaryConv2d(_Binary, Conv2d):
    """A convolution whose weights ``weights`` makes, a BinaryWeight unless given."""


class BinaryLinear(_Binary, Linear):
    """A product with a matrix whose weights ``weights`` makes, a BinaryWeight unless given."""
