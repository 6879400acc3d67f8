"""Dot products in RTL: packed DSPs and Booth chains of every shape == Python, stalls or not."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from kernel_cases import FRAMES, Case, case_of, netlist_of
from qfxc.backends import rtl
from qfxc.hw.latency import dsp_pack, dsp_slots
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Variant
from qfxc.ir.types import Int
from qfxc.ops._samples import source, weights
from qfxc.ops.matvec import MatVec
from qfxc.verify import rtlsim

U2, I4, I5 = Int(0, 3), Int(-8, 7), Int(-16, 15)
U8, I8 = Int(0, 255), Int(-128, 127)
U12, I12 = Int(0, 4095), Int(-2048, 2047)

WIDE = ((I8, I8), (U8, I8), (U8, U8), (I12, I5), (I12, I12), (U12, I8))
NARROW = ((I8, I8), (U8, I8), (U2, I4), (I4, Int(-1, 0)), (Int(-1, 0), Int(-1, 0)), (I5, U2))
SHAPES = ((1, 1), (3, 2), (5, 7))
"""(Simd, Pe): one lane; less than a chain; chains and packs that are not full."""


def _case(name: str, x: Int, w: Int, simd: int, pe: int, fabric: bool) -> Case:
    inputs = (source((2, 2 * simd), x), weights((1, 2 * simd, 2 * pe), w, 3))
    return case_of(name, Node(MatVec(), inputs, name), Fold(simd, pe, Variant(fabric)))


@pytest.mark.parametrize("fabric", [False, True], ids=["dsp", "lut"])
def test_products_of_every_shape(fabric: bool) -> None:
    kinds = NARROW if fabric else WIDE
    cases = [
        _case(f"product_{k}_{s}_{p}", x, w, s, p, fabric)
        for (k, (x, w)), (s, p) in product(enumerate(kinds), SHAPES)
    ]
    netlist, golden = netlist_of(cases)
    binary = rtlsim.build(rtl.render(netlist), optimize="-O0", jobs=2)
    for seed in (None, 1):
        outputs, _ = rtlsim.run(
            binary, netlist, golden.inputs, seed=seed, patience=20_000, frames=FRAMES
        )
        for stream, expected, got in zip(netlist.outputs, golden.outputs, outputs, strict=True):
            assert np.array_equal(expected.reshape(got.shape), got), stream.name


def test_what_shares_a_dsp() -> None:
    """27 bits hold two weights of 8 bits 18 apart: room for 2 bits more than a product of 16."""
    assert dsp_pack(4, (8, 1), (8, 1)) == dsp_pack(4, (8, 0), (8, 1)) == 2
    assert dsp_slots(16, 4, (8, 1), (8, 1)) == 4
    assert dsp_slots(16, 4, (8, 0), (8, 0)) == 2  # a product as a signed number has 17 bits
    assert dsp_pack(4, (16, 1), (16, 1)) == dsp_pack(1, (8, 1), (8, 1)) == 1
    assert dsp_pack(8, (4, 1), (4, 1)) == 3  # 4 + 2 * 11 + 1 bits
