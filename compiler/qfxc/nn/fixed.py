"""The cast to fixed point with its gradients (Dai et al., arXiv 2401.17544).

Forward: ``y = 2**-f overflow(round(x 2**f))``, exactly. Backward, with the rounding passed
straight through: ``dy/dx`` is 1 where the code is in range, 0 where it saturates; ``dy/df`` is
``ln2 (x - y)`` in range and ``-ln2 y`` where it saturates, which is LSQ's gradient (Esser et al.,
arXiv 1902.08153) with step ``2**-f``. Under WRAP every value counts as in range.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from qfxc.ir.rounding import Rounding
from qfxc.nn.format import Overflow, limits, overflow_of, rounding_of

FLOAT_BITS = 24
"""Integers of so many bits are float32."""

_LN2 = math.log(2.0)


def fixed(
    x: Tensor,
    wbit: int | Tensor,
    fbit: int | Tensor,
    rounding: Rounding | str = Rounding.FLOOR,
    overflow: Overflow | str = Overflow.WRAP,
    signed: bool = True,
    grad_scale: float | None = None,
) -> Tensor:
    """``x`` cast to ``ap_fixed<wbit, wbit - fbit, rounding, overflow>`` (ap_ufixed if not signed).

    The modes default to ap_fixed's. ``fbit`` and ``wbit`` may be tensors that broadcast against x;
    they are rounded, half to even, and get gradients: ``fbit`` those above times ``grad_scale``
    (LSQ's ``1 / sqrt(N (2**(wbit - 1) - 1))`` unless given; N: elements of x per fbit), ``wbit``
    what one bit fewer at the same range would change. The result is float64 for float64, float32
    otherwise, autocast or not; it is exact where that type holds ``wbit`` bits, ``x 2**f`` is a
    normal number and ``|f| <= 126``.
    """
    x = x if x.dtype in (torch.float32, torch.float64) else x.float()
    rounding, overflow = rounding_of(rounding), overflow_of(overflow)
    make: Any = _Fixed.apply
    result: Tensor = make(x, wbit, fbit, rounding, overflow, signed, grad_scale)
    return result


def pow2(fbit: int | Tensor, sign: int = 1) -> float | Tensor:
    """``2**(sign * round(fbit))`` as float32, exactly: exponents are written, not computed."""
    if not isinstance(fbit, Tensor):
        return 2.0 ** (sign * fbit)
    exponent = 127 + sign * torch.round(fbit.detach()).to(torch.int32)
    return (exponent << 23).view(torch.float32)


def _work_dtype(x: Tensor, wbit: int | Tensor, overflow: Overflow) -> torch.dtype:
    """Wide codes need float64; so does wrapping, where numbers beyond the range keep their bits."""
    wide = overflow is Overflow.WRAP or isinstance(wbit, Tensor) or wbit >= FLOAT_BITS
    return torch.float64 if wide else x.dtype


def _scale(fbit: int | Tensor, sign: int, dtype: torch.dtype) -> Any:
    scale = pow2(fbit, sign)
    return scale.to(dtype) if isinstance(scale, Tensor) else scale


def _round_(u: Tensor, mode: Rounding) -> Tensor:
    """``mode.round`` in place. Halves of floor(2u) and ceil(2u) know ties, at any magnitude."""
    if mode is Rounding.HALF_EVEN:
        return u.round_()
    if mode is Rounding.FLOOR:
        return u.floor_()
    if mode is Rounding.CEIL:
        return u.ceil_()
    if mode is Rounding.ZERO:
        return u.trunc_()
    if mode is Rounding.HALF_UP:
        return u.mul_(2).floor_().mul_(0.5).ceil_()
    if mode is Rounding.HALF_DOWN:
        return u.mul_(2).ceil_().mul_(0.5).floor_()
    magnitude = {
        Rounding.AWAY: Rounding.CEIL,
        Rounding.HALF_AWAY: Rounding.HALF_UP,
        Rounding.HALF_ZERO: Rounding.HALF_DOWN,
    }[mode]
    return _round_(u.abs(), magnitude).copysign_(u)


def code_limits(wbit: int | Tensor, signed: bool, overflow: Overflow) -> tuple[Any, Any]:
    """``limits``, of tensors too; their float64 powers of two are exact."""
    if not isinstance(wbit, Tensor):
        return limits(wbit, signed, overflow)
    top = pow2(wbit - 1 if signed else wbit)
    assert isinstance(top, Tensor)
    top = top.double()
    if not signed:
        return torch.zeros_like(top), top - 1
    low = torch.where(top > 1, 1 - top, -top) if overflow is Overflow.SAT_SYM else -top
    return low, top - 1


def _overflow_(q: Tensor, lo: Any, hi: Any, mode: Overflow) -> Tensor:
    """Codes out of ``[lo, hi]``, in place."""
    if mode is Overflow.SAT_ZERO:
        return q.masked_fill_((q < lo) | (q > hi), 0.0)
    if mode is Overflow.WRAP:
        span = hi - lo + 1
        return q.fmod_(span).sub_(lo).remainder_(span).add_(lo)
    return q.clamp_(lo, hi)


def _cast(
    x: Tensor,
    wbit: int | Tensor,
    fbit: int | Tensor,
    rounding: Rounding,
    overflow: Overflow,
    signed: bool,
) -> Tensor:
    dtype = _work_dtype(x, wbit, overflow)
    lo, hi = code_limits(wbit, signed, overflow)
    q = _round_(x.to(dtype) * _scale(fbit, 1, dtype), rounding)
    y = _overflow_(q, lo, hi, overflow).mul_(_scale(fbit, -1, dtype))
    return y.to(x.dtype)


class _Fixed(torch.autograd.Function):
    """One node of the autograd graph; it saves x and y."""

    @staticmethod
    def forward(
        x: Tensor,
        wbit: int | Tensor,
        fbit: int | Tensor,
        rounding: Rounding,
        overflow: Overflow,
        signed: bool,
        grad_scale: float | None,
    ) -> Tensor:
        return _cast(x, wbit, fbit, rounding, overflow, signed)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, wbit, fbit, ctx.rounding, ctx.overflow, ctx.signed, ctx.grad_scale = inputs
        ctx.wbit = None if isinstance(wbit, Tensor) else wbit
        ctx.fbit = None if isinstance(fbit, Tensor) else fbit
        parts = (wbit, fbit)
        ctx.save_for_backward(x, output, *(part for part in parts if isinstance(part, Tensor)))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y, *rest = ctx.saved_tensors
        wbit = rest.pop(0) if ctx.wbit is None else ctx.wbit
        fbit = rest.pop(0) if ctx.fbit is None else ctx.fbit
        inside = _inside(x, wbit, fbit, ctx.rounding, ctx.overflow, ctx.signed)
        of_x = of_w = of_f = None
        if ctx.needs_input_grad[0]:
            of_x = grad if inside is None else grad * inside
        if ctx.needs_input_grad[1]:
            coarse = _cast(x, wbit - 1, fbit - 1, ctx.rounding, ctx.overflow, ctx.signed)
            of_w = _product_sum(grad, y - coarse, wbit)
        if ctx.needs_input_grad[2]:
            moved = x - y if inside is None else (x * inside).sub_(y)
            scale = _lsq_scale(x, wbit, fbit) if ctx.grad_scale is None else ctx.grad_scale
            of_f = _product_sum(grad, moved, fbit) * (_LN2 * scale)
        return of_x, of_w, of_f, None, None, None, None


def _product_sum(grad: Tensor, factor: Tensor, like: Tensor) -> Tensor:
    """The sum of the products per element of ``like``; BLAS where there is one and no copy."""
    if like.dim() > 0:
        total = (grad * factor).sum_to_size(like.shape)
    elif grad.is_contiguous() and factor.is_contiguous():
        total = torch.dot(grad.view(-1), factor.view(-1))
    else:
        total = (grad * factor).sum()
    return total.to(like.dtype)


def _lsq_scale(x: Tensor, wbit: int | Tensor, fbit: Tensor) -> Any:
    per_fbit = x.numel() / fbit.numel()
    if isinstance(wbit, Tensor):
        return 1 / (per_fbit * (2 ** (wbit.detach() - 1) - 1).clamp(min=1)).sqrt()
    return 1 / math.sqrt(per_fbit * max(2 ** (wbit - 1) - 1, 1))


def _inside(
    x: Tensor,
    wbit: int | Tensor,
    fbit: int | Tensor,
    rounding: Rounding,
    overflow: Overflow,
    signed: bool,
) -> Tensor | None:
    """1 where the code is in range before overflow, else 0; None for everywhere.

    Numbers, because products with them are several times as fast as torch.where.
    """
    if overflow is Overflow.WRAP:
        return None
    dtype = _work_dtype(x, wbit, overflow)
    lo, hi = code_limits(wbit, signed, overflow)
    # thresholds of lo and hi + 1: all that a mode asks of them is sign and parity (of 8 bits, say)
    first, last = limits(wbit if isinstance(wbit, int) else 8, signed, overflow)
    low, top = int(first), int(last) + 1
    step = _scale(fbit, -1, dtype)
    a = (lo + rounding.twice_offset(low) / 2) * step
    b = (hi + 1 + rounding.twice_offset(top) / 2) * step
    u = x.to(dtype)
    above: Tensor = u >= a if rounding.closed(low) else u > a
    below: Tensor = u < b if rounding.closed(top) else u <= b
    return (above & below).to(x.dtype)
