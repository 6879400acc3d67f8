"""What a prepared model's formats are: widths, modes, and exceptions by name."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from torch import nn

from qfxc.errors import UserError
from qfxc.ir.rounding import Rounding
from qfxc.nn.cast import Cast
from qfxc.nn.format import Overflow, overflow_of, rounding_of
from qfxc.nn.kones import Project
from qfxc.quantize.kones import KOnes


@dataclass(frozen=True)
class Config:
    """Formats of a model; every field may differ by module name, see ``overrides``.

    ``activation_bits`` of every layer's output, ``input_bits`` of the model's inputs, ``bn_bits``
    of BatchNorm's scales (its offsets are biases). ``rounding`` and ``overflow`` hold for what
    hardware rounds; weights and biases are rounded once, half to even, and saturate symmetrically.
    ``per_channel``: weights have fraction bits per output channel. ``k_ones``: weights have at most
    so many ones. ``train_wbit``: widths of weights and activations are parameters, one per cast or
    one per channel of weights. ``casts``: "every" casts behind every layer; "fused" leaves the
    layer in front of a lone BatchNorm or activation uncast: one rounding for both.
    ``overrides``: fields by pattern of module names (``fnmatch``), later ones win:
    ``{"layer4.*": {"weight_bits": 4}, "fc": {"activation_bits": 12}}``.
    """

    weight_bits: int = 8
    activation_bits: int = 8
    bias_bits: int = 16
    bn_bits: int = 8
    input_bits: int = 8
    input_signed: bool = True
    rounding: Rounding | str = Rounding.HALF_UP
    overflow: Overflow | str = Overflow.SAT
    per_channel: bool = True
    k_ones: int | None = None
    train_wbit: Literal["no", "layer", "channel"] = "no"
    casts: Literal["every", "fused"] = "every"
    fold_batch_norm: bool = False
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rounding_of(self.rounding)
        overflow_of(self.overflow)
        known = {entry.name for entry in fields(self)} - {"overrides", "fold_batch_norm"}
        for pattern, changes in self.overrides.items():
            for name in changes:
                if name not in known:
                    hint = "one of " + ", ".join(sorted(known))
                    raise UserError(f"no field {name}", where=f"overrides {pattern}", hint=hint)

    def at(self, name: str) -> Config:
        """The configuration of one module."""
        changes: dict[str, Any] = {}
        for pattern, fields_there in self.overrides.items():
            if fnmatch.fnmatchcase(name, pattern):
                changes |= fields_there
        return replace(self, **changes) if changes else self

    def output(self, *, signed: bool = True) -> Cast:
        """The cast of a layer's output."""
        return self._trained(self._activation(self.activation_bits, signed))

    def input(self) -> Cast:
        """The cast of one of the model's inputs."""
        return self._activation(self.input_bits, self.input_signed)

    def weight(self, channels: int, axis: int = 0) -> Cast:
        """The cast of a layer's weights, whose output channels lie along ``axis``."""
        return self._trained(self._constant(self.weight_bits, channels, axis))

    def bn_weight(self, channels: int) -> Cast:
        """The cast of BatchNorm's scales."""
        return self._constant(self.bn_bits, channels)

    def bias(self) -> Cast:
        """The cast of biases and offsets: one format, they are wide."""
        return self._constant(self.bias_bits, None)

    def projection(self) -> nn.Module | None:
        """What weights are projected to behind their cast."""
        return None if self.k_ones is None else Project(KOnes(self.k_ones))

    def _activation(self, bits: int, signed: bool) -> Cast:
        return Cast(bits, rounding=self.rounding, overflow=self.overflow, signed=signed)

    def _constant(self, bits: int, channels: int | None, axis: int = 0) -> Cast:
        return Cast(
            bits,
            rounding=Rounding.HALF_EVEN,
            overflow=Overflow.SAT_SYM,
            channels=channels if self.per_channel else None,
            axis=axis,
        )

    def _trained(self, cast: Cast) -> Cast:
        if self.train_wbit != "no":
            cast.train_wbit(per_channel=self.train_wbit == "channel")
        return cast
