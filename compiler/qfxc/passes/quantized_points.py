"""Types of the values that get quantizers: bits, ranges and steps from what calibration saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from qfxc.ir.graph import Node
from qfxc.ir.types import Int, Scale
from qfxc.ops.const import Const
from qfxc.ops.input import Input
from qfxc.passes.exact import MOST_TABLE_BITS
from qfxc.quantize.observe import Stats
from qfxc.quantize.placement import Placement
from qfxc.quantize.ranges import levels, magnitude, power_of_two, round_step
from qfxc.quantize.scales import align, cheap_steps
from qfxc.quantize.steep import table_bits

GUARD_BITS = 4
"""More bits of a quantizer amid a chain: its rounding is not seen behind the next one."""

PIXEL_BITS = 8


@dataclass(frozen=True)
class Widths:
    """Bits of activations, of graph inputs (at least) and of graph outputs."""

    activations: int
    inputs: int
    outputs: int


@dataclass(frozen=True)
class _Point:
    """A quantizer to be: ``bits`` of its codes, ``signed`` if there are negative values."""

    node: Node
    stats: Stats
    bits: int
    signed: bool


@dataclass(frozen=True)
class Points:
    """Where quantizers go, with the statistics of the values there.

    ``pixels``: graph inputs are uint8 as they are. ``powers``: every scale is a power of two.
    ``ones``: factors between steps are sums of at most that many signed powers of two; 0 for any.
    """

    placement: Placement
    stats: Mapping[str, Stats]
    widths: Widths
    pixels: bool = False
    powers: bool = False
    ones: int = 0

    @property
    def pixel_inputs(self) -> frozenset[str]:
        """Points whose codes are what the host has, whatever their range."""
        return frozenset(p.name for p in self.placement.points if self._is_pixels(p))

    def tops(self, method: str) -> dict[str, float]:
        """The largest magnitude that every quantizer represents."""
        return {
            p.node.name: magnitude(p.stats, p.bits, p.signed, method)
            or self.placement.borders.get(p.node.name, 0.0)
            for p in self._all()
        }

    def free(self, tops: Mapping[str, float]) -> dict[str, tuple[int, bool]]:
        """Bits and sign of the points whose ranges may be moved."""
        return {
            p.node.name: (p.bits, p.signed)
            for p in self._all()
            if not self._is_pixels(p.node)
            and not isinstance(p.node.op, Const)
            and tops[p.node.name] > 0
        }

    def types(self, tops: Mapping[str, float]) -> dict[str, Int]:
        """The type of every quantizer; steps are enlarged until joins are exact (``scales``)."""
        points = list(self._all())
        steps = {p.node.name: self._step(p, tops[p.node.name]) for p in points}
        zeros = {n for n, s in self.stats.items() if s.low == s.high == 0}
        zeros -= {*self.placement.borders}
        steps = align(steps, self.placement, self.pixel_inputs, zeros, self.ones)
        if not self.powers:
            steps = cheap_steps(steps, self.placement, self.ones)
        return {
            p.node.name: Int.of_bits(p.bits, p.signed, Scale.of(steps[p.node.name])) for p in points
        }

    def _all(self) -> Iterator[_Point]:
        for node in self.placement.points:
            stats = self.stats[node.name]
            signed = stats.low < 0
            yield _Point(node, stats, self._bits(node, stats), signed)

    def _step(self, point: _Point, top: float) -> Fraction:
        if self._is_pixels(point.node):
            return Fraction(1)
        if self.powers:
            return power_of_two(point.stats, top, point.bits, point.signed)
        return round_step(top / levels(point.bits, point.signed))

    def _is_pixels(self, point: Node) -> bool:
        return self.pixels and isinstance(point.op, Input)

    def _bits(self, point: Node, stats: Stats) -> int:
        if self._is_pixels(point):
            return PIXEL_BITS
        bits = self.widths.activations
        if isinstance(point.op, Input):
            bits = max(self.widths.inputs, bits)
        if point.name in self.placement.wide:
            return self.widths.activations + GUARD_BITS
        if point.name in self.placement.tabulated:
            return table_bits(stats, self.placement.tabulated[point.name], bits, MOST_TABLE_BITS)
        return self.widths.outputs if point.name in self.placement.at_output else bits
