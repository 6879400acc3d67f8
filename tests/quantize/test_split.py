"""What the fuzzer found in scales, placement, pads and closed forms, as small as it gets."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qfxc.ir.graph import Node
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int
from qfxc.ops.input import Input
from qfxc.ops.pad import Pad
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale_forms import exact_segments
from qfxc.quantize.placement import Placement
from qfxc.quantize.scales import align


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("den", [1, 2, 3, 4, 6])
def test_many_quotients_round_as_one(mode: Rounding, den: int) -> None:
    nums = np.arange(-25, 26)
    assert mode.divide(nums, den).tolist() == [mode.round(Fraction(int(n), den)) for n in nums]


def test_a_border_below_unsigned_codes_keeps_its_sign() -> None:
    node = Node(Pad((1,), (0,), (-40000,)), (Node(Input((2,), Int(0, 65535)), (), "x"),), "pad")
    assert node.op.run(node, np.array([[1, 2]], np.uint16)).tolist() == [[-40000, 1, 2]]


def test_falling_and_rising_segments_have_a_closed_form() -> None:
    """|x| clipped to 1..9, times 5/8, plus 1/3: no direction, flat in the middle."""
    f = Piecewise.linear(Fraction(1)).prelu(Fraction(-1)).clip(Fraction(1), Fraction(9))
    f = f.affine(Fraction(5, 8), Fraction(1, 3))
    source = Int(-300, 300)
    x = Node(Input((601,), source), (), "x")
    stairs = Node(Staircase((f,), Rounding.HALF_UP, Int(-128, 127)), (x,), "stairs")
    form = exact_segments(stairs.op, source, stairs.type.int)
    assert form is not None
    codes = np.arange(-300, 301)[None]
    made = Node(form, (x,), "form")
    assert np.array_equal(made.op.run(made, codes), stairs.op.run(stairs, codes))


def test_a_tensor_of_zeros_does_not_coarsen_its_partners() -> None:
    steps = {"a": Fraction(1, 100), "zero": Fraction(1)}
    placement = Placement((), frozenset(), (), (("a", "zero"),))
    assert set(align(steps, placement, zeros=("zero",)).values()) == {Fraction(1, 100)}
