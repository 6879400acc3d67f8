"""Dot products in RTL: packed DSPs, Booth chains, shifts == Python, stalls or not."""

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
from qfxc.ops.const import int_const
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
    _check(cases)


def _check(cases: list[Case]) -> None:
    netlist, golden = netlist_of(cases)
    binary = rtlsim.build(rtl.render(netlist), optimize="-O0", jobs=2)
    for seed in (None, 1):
        outputs, _ = rtlsim.run(
            binary, netlist, golden.inputs, seed=seed, patience=20_000, frames=FRAMES
        )
        for stream, expected, got in zip(netlist.outputs, golden.outputs, outputs, strict=True):
            assert np.array_equal(expected.reshape(got.shape), got), stream.name


SHIFTED = (
    (U8, (-128, 64, -32, 0, 16, 8, 4, 2, 1)),  # eight places: remainders 0..3
    (I8, (-16, 1, 0, 2, 4, 8)),  # five: remainders 0..2, and one that says none
    (I4, (-1, 0, 1)),  # one place
    (U2, (2, -1, 0)),  # two: nothing to move in front of the adder
    (U8, (127, -96, 5, 0, -128, 3, 2)),  # two terms of six places each
    (I8, (5, -3, 0, 2)),  # two terms of three places in all
    (I5, (-107, 84, 21, 1, 0, -128)),  # three terms
)
"""Inputs, and the weights that come up."""


def _shifted(name: str, x: Int, values: tuple[int, ...], simd: int, pe: int) -> Case:
    shape = (1, 2 * simd, 2 * pe)
    codes = np.resize(np.array(values), shape)
    w = int_const(codes, Int(min(values), max(values)), f"{name}.w")
    inputs = (source((2, 2 * simd), x), w)
    return case_of(name, Node(MatVec(), inputs, name), Fold(simd, pe, Variant.SHIFT))


def test_shifts_of_every_shape() -> None:
    cases = [
        _shifted(f"shifted_{k}_{s}_{p}", x, values, s, p)
        for (k, (x, values)), (s, p) in product(enumerate(SHIFTED), (*SHAPES, (9, 1)))
    ]
    _check(cases)


def test_what_shares_a_dsp() -> None:
    """27 bits hold two weights of 8 bits 18 apart: room for 2 bits more than a product of 16."""
    assert dsp_pack(4, (8, 1), (8, 1)) == dsp_pack(4, (8, 0), (8, 1)) == 2
    assert dsp_slots(16, 4, (8, 1), (8, 1)) == 4
    assert dsp_slots(16, 4, (8, 0), (8, 0)) == 2  # a product as a signed number has 17 bits
    assert dsp_pack(4, (16, 1), (16, 1)) == dsp_pack(1, (8, 1), (8, 1)) == 1
    assert dsp_pack(8, (4, 1), (4, 1)) == 3  # 4 + 2 * 11 + 1 bits
