"""What the hardware methods of the operators share: legal words, parameters, memories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import (
    Fold,
    KernelOp,
    Rom,
    Variant,
    divisors,
    lane_folds,
    rom_elem,
    stream_params,
)
from qfxc.ir.types import Array, Int, TensorType

MAX_WORD_BITS = 4096
"""Widest stream word: what hls_lib and Vitis HLS (AP_INT_MAX_W) allow."""

LUT_PRODUCT = 40
"""Products of up to this many partial product bits are built of LUTs, wider ones of DSPs."""


def legal(node: Node, folds: Iterable[Fold]) -> tuple[Fold, ...]:
    """The folds whose words are not too wide."""
    widest = max((i.type.int.bits for i in node.streams), default=0)
    out = node.type.int.bits
    return tuple(
        f for f in folds if f.simd * widest <= MAX_WORD_BITS and f.pe * out <= MAX_WORD_BITS
    )


def tap_folds(taps: int, channels: int) -> tuple[Fold, ...]:
    """The folds of what reduces the taps of a window, per channel, out of words (tap, channel).

    Words of one tap hold any divisor of the channels; words of several taps hold all of them.
    """
    several = (Fold(n * channels, channels) for n in divisors(taps) if n > 1)
    return (*lane_folds(channels), *several)


def io_params(node: Node) -> dict[str, int]:
    """The types of a kernel with one input and one output."""
    return {**stream_params("X", node.inputs[0].type.int), **stream_params("Y", node.type.int)}


def saturation(x: TensorType, elem: Int, lanes: int) -> dict[str, int]:
    """Lanes, Words, Period, Lo, Hi of a per-channel kernel on ``x``."""
    counts = {"Lanes": lanes, "Words": x.size // lanes, "Period": x.channels // lanes}
    return {**counts, "Lo": elem.lo, "Hi": elem.hi}


def signed_bits(*ranges: Int) -> int:
    """The width of a signed number that holds every one of the ranges."""
    return Int(min(-1, *(r.lo for r in ranges)), max(0, *(r.hi for r in ranges))).bits


def channel_memory(parts: Sequence[Sequence[int]], channels: int, lanes: int) -> Rom:
    """Channel parameters, each (1) or (C): word p holds element ``part * lanes + lane``.

    One word where all channels are alike, else one per ``lanes`` channels.
    """
    table, elem, alike = _parameters(tuple(map(tuple, parts)), channels)
    used = table[:, :lanes] if alike else table
    depth = used.shape[1] // lanes
    split = used.reshape(len(used), depth, lanes).transpose(1, 0, 2)
    return Rom(depth, len(used) * lanes, elem, lambda: split)


@lru_cache(256)
def _parameters(parts: tuple[tuple[int, ...], ...], channels: int) -> tuple[Array, Int, bool]:
    """(parts, channels), their narrowest type, and whether all channels are alike."""
    rows = [part * (channels if len(part) == 1 else 1) for part in parts]
    table = np.asarray(rows, dtype=np.int64)
    return table, rom_elem(table), bool((table == table[:, :1]).all())


def small_product(a: int, b: int) -> bool:
    """Whether a DSP would be wasted on a by b bits."""
    return a * b <= LUT_PRODUCT or min(a, b) <= 2


def with_variants(a: int, b: int, folds: Iterable[Fold], shifts: bool = False) -> tuple[Fold, ...]:
    """The folds of products of a by b bits: of LUTs, of DSPs where they pay, or by shifts."""
    kinds = (Variant.LUT,) if small_product(a, b) else (Variant.DSP, Variant.LUT)
    kinds = (*kinds, Variant.SHIFT) if shifts else kinds
    return tuple(Fold(f.simd, f.pe, kind) for f in folds for kind in kinds)


class ChannelOp(KernelOp):
    """Elementwise kernels: any divisor of the channels as lanes, one word per cycle."""

    def folds(self, node: Node) -> tuple[Fold, ...]:
        return legal(node, lane_folds(node.type.channels))

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.type.size // fold.simd


def operand_params(node: Node, lanes: int) -> dict[str, int]:
    """Lanes, Words and the types of a kernel with two inputs and one output."""
    return {
        "Lanes": lanes,
        "Words": node.type.size // lanes,
        **stream_params("A", node.inputs[0].type.int),
        **stream_params("B", node.inputs[1].type.int),
        **stream_params("Y", node.type.int),
    }
