"""What a compilation can be told, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from qfxc.errors import UserError

EFFORTS = ("fast", "best")

BITS = 8
"""Bits of weights and activations unless told otherwise."""


@dataclass(frozen=True)
class Options:
    """What a compile can be told; the command line's flags have the same names."""

    recipe: str = "dyadic"
    effort: str = "fast"
    weights: int = BITS
    activations: int = BITS
    fps: float | None = None
    clock: float | None = None
    input: str = "float"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    verify: str = "all"
    frames: int = 8
    passes: str = ""
    dump: Path | None = None
    check: bool = False
    allow_oversize: bool = False
    folds: Path | None = None
    max_dsp: int | None = None
    levels: int | None = None
    trace: Path | None = None
    synth: bool = False

    def __post_init__(self) -> None:
        _among("--effort", self.effort, EFFORTS)
        _among("--input", self.input, ("float", "uint8"))
        _among("--verify", self.verify, ("all", "csim", "rtl", "none"))
        for flag, bits in (("--weights", self.weights), ("--activations", self.activations)):
            if not 2 <= bits <= 16:
                raise UserError(f"{bits} bits", where=flag, hint="2 to 16 bits are supported")
        if self.max_dsp is not None and self.max_dsp < 0:
            raise UserError("a number of DSPs is 0 or more", where="--max-dsp")
        if self.levels is not None and self.levels < 1:
            raise UserError("at least one addition between registers", where="--levels")
        if self.frames < 1:
            raise UserError("at least one frame", where="--frames")
        if (self.mean or self.std) and self.input != "uint8":
            raise UserError(
                "only pixels are normalised", where="--mean/--std", hint="add --input uint8"
            )
        if not all(isfinite(v) for v in (*self.mean, *self.std)):
            raise UserError("only finite numbers", where="--mean/--std")
        if any(s <= 0 for s in self.std):
            raise UserError("standard deviations are positive", where="--std")


def _among(flag: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UserError(f"'{value}' is not one of {', '.join(allowed)}", where=flag)
