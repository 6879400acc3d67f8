"""y[p, (g,m)] = sum_k w[g,k,m] * x[p, (g,k)]."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Rom, Variant, divisors
from qfxc.ir.types import Array, Int, Scale, TensorType
from qfxc.ops._adders import Block, adders_kernel, unrolls
from qfxc.ops._dot import as_carrier, carrier, dot_bound, dot_range
from qfxc.ops._hardware import (
    io_params,
    legal,
    with_variants,
)
from qfxc.ops._samples import INT8, UINT4, source, weights
from qfxc.ops._weights import shifts, weight_codes, weight_elem, weight_params
from qfxc.ops.const import const_value, int_const


@dataclass(frozen=True)
class MatVec(KernelOp):
    """Constant matrix times every vector of x (.., G*K); w (G, K, M) -> (.., G*M)."""

    data_inputs = 1

    def infer_node(self, inputs: tuple[Node, ...]) -> TensorType:
        x, w = inputs[0].type, inputs[1].type
        groups, k, m = w.shape
        if x.channels != groups * k:
            raise ValueError(f"weights {w.shape} do not fit {x.shape}")
        value = const_value(inputs[1])
        bounds = [dot_range(x.int, value[g]) for g in range(groups)]
        scale = x.int.scale * Scale(w.int.scale.channels(groups * m))
        elem = Int(min(b[0] for b in bounds), max(b[1] for b in bounds), scale)
        return TensorType((*x.shape[:-1], groups * m), elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        x, w = arrays
        kind = carrier(max(dot_bound(node.inputs[0].type.int, group) for group in w))
        x, w = as_carrier(x, kind), as_carrier(w, kind)
        if len(w) == 1:
            return np.asarray(x @ w[0])
        split = x.reshape(*x.shape[:-1], len(w), 1, w.shape[1])
        return np.asarray(np.matmul(split, w).reshape(*x.shape[:-1], -1))

    def folds(self, node: Node) -> tuple[Fold, ...]:
        x, w = node.inputs[0].type, node.inputs[1].type
        groups, k, m = w.shape
        folds = legal(node, (Fold(s, p) for s in divisors(k) for p in divisors(m)))
        tree = Fold(groups * k, groups * m, Variant.TREE)
        whole = (tree,) if unrolls(node, const_value(node.inputs[1])) else ()
        return (*with_variants(x.int.bits, w.int.bits, folds, shifts(node)), *whole)

    def cycles(self, node: Node, fold: Fold) -> int:
        groups, k, m = node.inputs[1].type.shape
        vectors = node.type.size // (groups * m)
        if fold.variant is Variant.TREE:
            return vectors
        return vectors * groups * (m // fold.pe) * (k // fold.simd)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        if fold.variant is Variant.TREE:
            return adders_kernel(node, self._blocks(node), fold)
        groups, k, m = node.inputs[1].type.shape
        tiles, depth = m // fold.pe, k // fold.simd
        params = {
            "Simd": fold.simd,
            "Pe": fold.pe,
            "Vectors": node.type.size // (groups * m),
            "Groups": groups,
            "Tiles": tiles,
            "Depth": depth,
            **io_params(node),
            **weight_params(node, fold),
        }
        split = (groups, depth, fold.simd, tiles, fold.pe)
        rom = Rom(
            groups * tiles * depth,
            fold.simd * fold.pe,
            weight_elem(node, fold),
            lambda: weight_codes(node, fold).reshape(split).transpose(0, 3, 1, 4, 2),
        )
        return Kernel("matvec", params, {"w": rom})

    def _blocks(self, node: Node) -> list[Block]:
        """The matrix of every group."""
        w = const_value(node.inputs[1])
        groups, k, m = w.shape
        return [
            Block(w[g], tuple(range(g * k, g * k + k)), tuple(range(g * m, g * m + m)))
            for g in range(groups)
        ]

    def multipliers(self, node: Node, fold: Fold) -> int:
        groups = node.inputs[1].type.shape[0] if fold.variant is Variant.TREE else 1
        return fold.simd * fold.pe // groups

    def lag(self, node: Node) -> Fraction:
        """One vector of one group."""
        return Fraction(node.inputs[1].type.shape[1], node.inputs[0].type.size)

    def pause(self, node: Node) -> Fraction:
        """The next vector, while all tiles but the first use the kept one."""
        return self.lag(node)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        int3, uint2, sign = Int(-4, 3), Int(0, 3), Int(-1, 1)
        int16, int25 = Int.of_bits(16, signed=True), Int.of_bits(25, signed=True)
        x, u = source((3, 12), INT8), source((2, 2, 6), UINT4)
        minus = np.array([[0, 0, -1], [0, -2, 0], [0, -6, 0]]).repeat(2, axis=0)[None]
        return (
            Node(cls(), (x, weights((1, 12, 4), INT8, 1)), "signed"),
            Node(cls(), (u, weights((1, 6, 8), int3, 2)), "unsigned_input"),
            Node(cls(), (u, weights((2, 3, 4), sign, 3)), "groups"),
            Node(cls(), (source((40,), Int(3, 9)), weights((1, 40, 2), uint2, 4)), "positive"),
            Node(cls(), (source((2, 32), Int(-1, 0)), weights((1, 32, 3), int3, 5)), "long"),
            Node(cls(), (source((5, 1), INT8), weights((1, 1, 1), INT8, 6)), "scalar"),
            Node(cls(), (source((2, 4), int25), weights((1, 4, 2), int16, 7)), "wide"),
            Node(cls(), (u, int_const(minus, Int(-6, 0), "w")), "minus"),
        )
