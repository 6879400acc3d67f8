"""Values that are on a grid by themselves: the codes that keep every digit of them."""

from __future__ import annotations

from fractions import Fraction

from qfxc.ir.graph import Node
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int, Scale
from qfxc.ops.staircase import Staircase
from qfxc.passes.exact import Exact
from qfxc.passes.exact_layers import common_step


def grid(value: Exact, most: int, step: Fraction | None = None) -> Int | None:
    """The type of codes that keep every digit of a value; None above ``most`` bits.

    ``step``: the scale that they must have.
    """
    if value.then is not None:
        return None
    numbers = [v for p in value.pieces for v in _numbers(p)]
    unit = common_step((*numbers, step) if step is not None else tuple(numbers))
    if unit == 0 or (step is not None and unit != step):
        return None
    return _codes(value, (unit,), most)


def _numbers(piece: Piecewise) -> list[Fraction]:
    """What a function's values at integers are sums of multiples of."""
    return [v for s in piece.segments for v in (s.slope, s.intercept)]


def grid_by_channel(value: Exact, most: int) -> Int | None:
    """As ``grid``, with a scale of its own for every channel."""
    if value.then is not None:
        return None
    units = tuple(common_step(tuple(_numbers(p))) or Fraction(1) for p in value.pieces)
    return _codes(value, units, most)


def _codes(value: Exact, units: tuple[Fraction, ...], most: int) -> Int | None:
    pieces = value.pieces * (len(units) // len(value.pieces) or 1)
    over = zip(pieces, units * (len(pieces) // len(units)), strict=True)
    steps = tuple(p.affine(1 / u, Fraction(0)) for p, u in over)
    wide = Int(-(1 << 62), 1 << 62, Scale(units))
    elem = Node(Staircase(steps, Rounding.FLOOR, wide), (value.node,)).type.int
    return elem if elem.bits <= most else None
