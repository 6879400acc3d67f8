"""y[p, c] = max_t x[p, (t,c)], or factor[p] * sum_t x[p, (t,c)]."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Rom, Variant, rom_elem
from qfxc.ir.powers import Powers
from qfxc.ir.types import Array, Int, TensorType
from qfxc.ops._dot import as_carrier, carrier
from qfxc.ops._hardware import (
    io_params,
    legal,
    tap_folds,
    with_variants,
)
from qfxc.ops._samples import INT8, UINT4, source
from qfxc.ops._weights import FABRICS, MOST_TERMS, coded, powers_of


@dataclass(frozen=True)
class Pool(KernelOp):
    """Reduces the taps of x (.., T*C) to (.., C).

    ``kind`` is "max" or "sum". A sum may have one positive integer factor per position: the
    divisors of an average whose windows count different numbers of positions, made integer.
    """

    kind: str
    taps: int
    factors: tuple[int, ...] = (1,)

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if x.channels % self.taps:
            raise ValueError(f"{x.channels} elements are not {self.taps} taps")
        shape = (*x.shape[:-1], x.channels // self.taps)
        if self.kind == "max":
            return TensorType(shape, x.elem)
        most = self.taps * max(self.factors)
        low, high = (min(x.int.lo, 0) * most, max(x.int.hi, 0) * most)
        return TensorType(shape, Int(low, high, x.int.scale))

    def run(self, node: Node, *arrays: Array) -> Array:
        x = arrays[0]
        split = x.reshape(*x.shape[:-1], self.taps, -1)
        if self.kind == "max":
            return np.asarray(split.max(axis=-2))
        kind = carrier(node.type.int.magnitude)
        total = as_carrier(split, kind).sum(axis=-2, dtype=kind)
        if self.factors == (1,):
            return np.asarray(total)
        factor = np.asarray(self.factors).reshape(*node.type.shape[:-1], 1)
        return np.asarray(total * factor.astype(kind))

    def folds(self, node: Node) -> tuple[Fold, ...]:
        folds = legal(node, tap_folds(self.taps, node.type.channels))
        if self.factors == (1,):
            return folds
        bits, powers = self._accumulator(node.inputs[0].type.int).bits, powers_of(self.factors)
        few = powers.terms <= MOST_TERMS
        return with_variants(bits, max(self.factors).bit_length(), folds, few)

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.inputs[0].type.size // fold.simd

    def _accumulator(self, x: Int) -> Int:
        if self.kind == "max":
            return x
        return Int(min(x.lo, 0) * self.taps, max(x.hi, 0) * self.taps)

    def _factor_rom(self, variant: Variant) -> Rom | None:
        if self.factors == (1,):
            return None
        values, powers = np.asarray(self.factors).reshape(-1, 1), powers_of(self.factors)
        if variant is Variant.SHIFT:
            return Rom.of(coded(values, powers), Int.of_bits(powers.bits, signed=False))
        return Rom.of(values, rom_elem(values))

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        rom, x = self._factor_rom(fold.variant), node.inputs[0].type.int
        powers = powers_of(self.factors) if fold.variant is Variant.SHIFT else Powers(0, 0)
        params = {
            "Lanes": fold.pe,
            "Positions": node.type.size // node.type.channels,
            "Taps": self.taps,
            "PerWord": fold.simd // fold.pe,
            "Chunks": node.type.channels // fold.pe,
            "Max": int(self.kind == "max"),
            "AccBits": self._accumulator(x).bits,
            "FBits": 0 if rom is None else rom.elem.bits,
            **io_params(node),
            "Fabric": FABRICS[fold.variant] if rom else 0,
            "Terms": powers.terms,
            "Shifts": powers.shifts,
        }
        return Kernel("pool", params, {} if rom is None else {"factor": rom})

    def lag(self, node: Node) -> Fraction:
        return Fraction((self.taps - 1) * node.type.channels, node.inputs[0].type.size)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        x, u = source((2, 3, 16), INT8), source((2, 12), UINT4)
        factors = (9, 6, 6, 4, 12, 1)
        return (
            Node(cls("max", 4), (x,), "max"),
            Node(cls("max", 3), (source((2, 12), Int(-9, -2)),), "max_negative"),
            Node(cls("sum", 4), (x,), "sum"),
            Node(cls("sum", 3), (u,), "sum_unsigned"),
            Node(cls("sum", 4, factors), (x,), "factors"),
            Node(cls("sum", 4, (90, 60, 60, 40, 120, 10)), (x,), "wide_factors"),
            Node(cls("sum", 12), (source((1, 48), INT8),), "whole_image"),
            Node(cls("max", 2), (source((2, 40), INT8),), "many_chunks"),
        )
