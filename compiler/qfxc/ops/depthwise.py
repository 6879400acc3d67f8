"""y[p, c] = sum_t w[t,c] * x[p, (t,c)]."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Rom, Variant
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._adders import Block, adders_kernel, unrolls
from qfxc.ops._dot import as_carrier, carrier, dot_bound, dot_range
from qfxc.ops._hardware import (
    io_params,
    legal,
    tap_folds,
    with_variants,
)
from qfxc.ops._samples import INT8, UINT4, source, weights
from qfxc.ops._weights import shifts, weight_codes, weight_elem, weight_params
from qfxc.ops.const import const_value


@dataclass(frozen=True)
class Depthwise(KernelOp):
    """Dot products over the taps of a window, per channel: x (.., T*C), w (T, C) -> (.., C)."""

    data_inputs = 1

    def infer_node(self, inputs: tuple[Node, ...]) -> TensorType:
        x, w = inputs[0].type, inputs[1].type
        taps, channels = w.shape
        if x.channels != taps * channels:
            raise ValueError(f"weights {w.shape} do not fit {x.shape}")
        lo, hi = dot_range(x.int, const_value(inputs[1]))
        return TensorType((*x.shape[:-1], channels), Int(lo, hi, x.int.scale * w.int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        x, w = arrays
        kind = carrier(dot_bound(node.inputs[0].type.int, w))
        split = as_carrier(x, kind).reshape(*x.shape[:-1], *w.shape)
        return np.asarray(np.einsum("...tc,tc->...c", split, as_carrier(w, kind)))

    def folds(self, node: Node) -> tuple[Fold, ...]:
        x, w = node.inputs[0].type, node.inputs[1].type
        folds = with_variants(
            x.int.bits, w.int.bits, legal(node, tap_folds(*w.shape)), shifts(node)
        )
        tree = Fold(w.size, w.shape[1], Variant.TREE)
        return (*folds, tree) if unrolls(node, const_value(node.inputs[1])) else folds

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.inputs[0].type.size // fold.simd

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        if fold.variant is Variant.TREE:
            return adders_kernel(node, self._blocks(node), fold)
        taps, channels = node.inputs[1].type.shape
        params = {
            "Lanes": fold.pe,
            "Positions": node.type.size // channels,
            "Taps": taps,
            "PerWord": fold.simd // fold.pe,
            "Chunks": channels // fold.pe,
            **io_params(node),
            **weight_params(node, fold),
        }
        weights = node.inputs[1]
        depth = weights.type.size // fold.simd
        rom = Rom(depth, fold.simd, weight_elem(node, fold), lambda: weight_codes(node, fold))
        return Kernel("depthwise", params, {"w": rom})

    def _blocks(self, node: Node) -> list[Block]:
        """A column of weights per channel."""
        w = const_value(node.inputs[1])
        taps, channels = w.shape
        return [
            Block(w[:, c : c + 1], tuple(range(c, taps * channels, channels)), (c,))
            for c in range(channels)
        ]

    def multipliers(self, node: Node, fold: Fold) -> int:
        return fold.simd

    def lag(self, node: Node) -> Fraction:
        taps, channels = node.inputs[1].type.shape
        return Fraction((taps - 1) * channels, node.inputs[0].type.size)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((2, 2, 36), INT8), source((3, 8), UINT4)
        int16, int25 = Int.of_bits(16, signed=True), Int.of_bits(25, signed=True)
        return (
            Node(cls(), (source((2, 6), int25), weights((3, 2), int16, 5)), "wide"),
            Node(cls(), (x, weights((9, 4), INT8, 1)), "signed"),
            Node(cls(), (u, weights((2, 4), Int(-4, 3), 2)), "unsigned"),
            Node(cls(), (u, weights((1, 8), Int(0, 1), 3)), "one_tap"),
            Node(cls(), (source((2, 40), INT8), weights((2, 20), INT8, 4)), "many_chunks"),
        )
