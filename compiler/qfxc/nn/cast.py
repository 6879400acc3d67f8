"""``Cast``: the cast to fixed point as a module that trains, freezes and saves its format."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from qfxc.errors import UserError
from qfxc.ir.rounding import Rounding
from qfxc.nn.fixed import FLOAT_BITS, fixed
from qfxc.nn.format import WIDEST, Format, Overflow, limits, overflow_of, rounding_of

DEFAULT_RANGE = 4.0
"""Largest magnitude that a new cast holds, until data or weights say better."""


class Cast(nn.Module):
    """``fixed`` with a trainable format.

    ``wbit`` is an int or, after ``train_wbit``, a parameter; the range is that of ``initial_wbit``
    and ``fbit``, so a bit less of width is a bit less of fraction: effective fraction bits are
    ``round(fbit) + round(wbit) - initial_wbit``. With ``channels`` every index of ``axis`` has a
    format of its own.
    """

    fbit: nn.Parameter
    wbit: int | nn.Parameter

    def __init__(
        self,
        wbit: int,
        fbit: float | None = None,
        *,
        rounding: Rounding | str = Rounding.HALF_UP,
        overflow: Overflow | str = Overflow.SAT,
        signed: bool = True,
        channels: int | None = None,
        axis: int = 0,
    ) -> None:
        super().__init__()
        if not 1 <= wbit <= WIDEST:
            raise UserError(f"wbit is {wbit}, not in 1..{WIDEST}", where="Cast")
        self.wbit = self.initial_wbit = wbit
        self.rounding, self.overflow = rounding_of(rounding), overflow_of(overflow)
        self.signed, self.axis = signed, axis
        self.frozen = False
        start = fraction_bits(torch.tensor(DEFAULT_RANGE), wbit, signed)
        shape = () if channels is None else (channels,)
        self.fbit = nn.Parameter(torch.full(shape, float(start if fbit is None else fbit)))
        self.observer: Callable[[Tensor], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x cast; float64 stays, other types become float32. An observer passes x on as it is."""
        if self.observer is not None:
            return self.observer(x)
        wbit: int | Tensor = self.wbit
        fbit: Tensor = self.fbit
        if isinstance(wbit, Tensor):
            held = self._width(wbit.detach())
            fbit = fbit + (held - self.initial_wbit)
            wbit = self.along(wbit + (held - wbit).detach(), x)
        return fixed(x, wbit, self.along(fbit, x), self.rounding, self.overflow, signed=self.signed)

    def along(self, value: Tensor, x: Tensor) -> Tensor:
        """One number per channel, in the shape that broadcasts against x."""
        if value.dim() == 0:
            return value
        shape = [1] * x.dim()
        shape[self.axis] = -1
        return value.reshape(shape)

    @property
    def widest(self) -> int:
        """The most bits of a code; while widths are trained, the most they may become."""
        return self.wbit if isinstance(self.wbit, int) else FLOAT_BITS

    def _width(self, wbit: Tensor) -> Tensor:
        """A trained width as it holds: rounded, with a sign and a bit at least."""
        return torch.round(wbit).clamp(1 + int(self.signed), FLOAT_BITS)

    def wbits(self) -> tuple[int, ...]:
        """The integer widths that hold: one, or one per channel where each is trained."""
        if not isinstance(self.wbit, Tensor):
            return (self.wbit,)
        return tuple(int(w) for w in self._width(self.wbit.detach()).reshape(-1).tolist())

    def format(self) -> Format:
        """The integers that hold now."""
        wbits = self.wbits()
        fbits = torch.round(self.fbit.detach().double())
        if isinstance(self.wbit, Tensor):
            fbits = fbits + (self._width(self.wbit.detach()) - self.initial_wbit)
        return Format(
            wbit=max(wbits),
            fbit=tuple(int(f) for f in fbits.reshape(-1).tolist()),
            axis=self.axis if self.fbit.dim() else None,
            signed=self.signed,
            rounding=self.rounding,
            overflow=self.overflow,
            narrow=wbits if len(wbits) > 1 else None,
        )

    def train_wbit(self, *, per_channel: bool = False) -> None:
        """Makes the width a parameter; per channel where the cast has channels."""
        if isinstance(self.wbit, Tensor):
            return
        shape = self.fbit.shape if per_channel else ()
        start, like = float(self.wbit), self.fbit
        del self.wbit
        self.wbit = nn.Parameter(torch.full(shape, start, device=like.device))

    def freeze(self) -> None:
        """The format stays as it is: rounded, and without gradients."""
        with torch.no_grad():
            self.fbit.round_()
            if isinstance(self.wbit, Tensor):
                self.wbit.copy_(self._width(self.wbit))
        self._set_frozen(True)

    def unfreeze(self) -> None:
        """The format is trained again."""
        self._set_frozen(False)

    def _set_frozen(self, frozen: bool) -> None:
        self.frozen = frozen
        for parameter in self.parameters(recurse=False):
            parameter.requires_grad_(not frozen)

    def fit(self, largest: Tensor) -> None:
        """Fraction bits that hold magnitudes up to ``largest``, of the shape of fbit or ()."""
        with torch.no_grad():
            self.fbit.copy_(fraction_bits(largest.to(self.fbit), self.initial_wbit, self.signed))

    def get_extra_state(self) -> dict[str, Any]:
        return {
            "wbit": self.initial_wbit,
            "signed": self.signed,
            "axis": self.axis,
            "rounding": self.rounding.value,
            "overflow": self.overflow.value,
            "frozen": self.frozen,
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.initial_wbit, self.signed = state["wbit"], state["signed"]
        if isinstance(self.wbit, int):
            self.wbit = self.initial_wbit
        self.axis = state["axis"]
        self.rounding = rounding_of(state["rounding"])
        self.overflow = overflow_of(state["overflow"])
        self._set_frozen(state["frozen"])

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """A checkpoint decides what is a parameter, and of which shape."""
        for name in ("wbit", "fbit"):
            saved, own = state_dict.get(prefix + name), getattr(self, name)
            if saved is not None and (isinstance(own, int) or own.shape != saved.shape):
                delattr(self, name)
                setattr(self, name, nn.Parameter(torch.empty_like(saved, device=self._device)))
        if f"{prefix}fbit" in state_dict and f"{prefix}wbit" not in state_dict:
            del self.wbit
            self.wbit = self.initial_wbit
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @property
    def _device(self) -> torch.device | None:
        return self.fbit.device if "fbit" in self._parameters else None

    def extra_repr(self) -> str:
        return f"{self.format()}, {self.rounding.value}, {self.overflow.value}"


def fraction_bits(largest: Tensor, wbit: int, signed: bool) -> Tensor:
    """``W - 1 - ceil(log2(max|x|))``, one more if unsigned.

    Nothing saturates but powers of two themselves, by one step.
    """
    tiny = torch.finfo(torch.float32).tiny
    bits = torch.ceil(torch.log2(largest.double().abs().clamp(min=tiny)))
    return wbit - int(signed) - bits


def holds_float(cast: Cast) -> bool:
    """Whether every number of the cast is a float32."""
    return cast.widest <= FLOAT_BITS


def magnitude_bits(cast: Cast) -> int:
    """Bits of the largest magnitude of a code."""
    lo, hi = limits(cast.widest, cast.signed, cast.overflow)
    return math.ceil(math.log2(max(-lo, hi, 1.0) + (hi >= -lo)))
