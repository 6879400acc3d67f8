"""Staircases that need longer products than 64 bits hold: short multiplications, and sums.

With ``a = a1 2**k + a0`` and ``b = b1 2**k + b0``

    (a x + b) >> c == (a1 x + ((a0 x + b0) >> k) + b1) >> (c - k)

since a floor of a floor is a floor; and so on, until every part on the right fits 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from qfxc.ir.graph import Node
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Segment
from qfxc.ir.types import Int, Scale
from qfxc.ops.add import Add
from qfxc.ops.cast import Cast
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.shift import Shift
from qfxc.ops.staircase import Staircase
from qfxc.passes.rescale_casts import denominator, single_lines, with_halves
from qfxc.passes.rescale_forms import implementation_cost, squeezed
from qfxc.passes.rescale_long import long_lines
from qfxc.passes.rescale_search import MAX_BITS

LEAST_CUT = 8
"""Bits of a multiplier that a part takes."""


def wide_forms(node: Node, op: Staircase) -> Iterator[tuple[float, Node]]:
    """Staircases on single lines, with the cost; none where parts of a product get too small."""
    source, out = node.inputs[0].type.int, node.type.int
    lines = single_lines(op, source, out)
    if lines is None:
        return
    if op.overflow is Overflow.SAT and (found := long_lines(op, lines, source, out)) is not None:
        yield from _split(node, *found, out, node.name)
        return
    yield from _cast(node, op, [with_halves(s) for s in lines])


def _cast(node: Node, op: Staircase, lines: Sequence[Segment]) -> Iterator[tuple[float, Node]]:
    """Any rounding and overflow: a cast of a number that lies between the same halves.

    With the common denominator ``d`` a line stays ``1 / d`` away from the halves that it does not
    hit. On a grid of ``2**-right``, ``2**right >= 2 d``, that is two steps; so any

        v = (a x + b) >> c  with  0 <= a x + b - 2**(c + right) line(x) < 2**c

    lies between the same halves, and on those that the line hits. ``c`` has the bits of x.
    """
    source, out = node.inputs[0].type.int, node.type.int
    right = max((denominator(s) - 1).bit_length() for s in lines) + 1
    low, high = min(source.lo, 0), max(source.hi, 0)
    shift = (high - low + 2).bit_length()
    pairs = [_line(s, right + shift, low) for s in lines]
    ends = [(a * x + b) >> shift for a, b in pairs for x in (source.lo, source.hi)]
    elem = Int(min(ends), max(ends), Scale.of([v / (1 << right) for v in out.scale.values]))
    cast = Cast((0,), (0,), right, op.rounding, op.overflow, out)
    if cast.wide_bits(elem) > MAX_BITS:
        return
    a, b = ([p[i] for p in pairs] for i in (0, 1))
    for cost, inner in _split(node, a, b, shift, elem, f"{node.name}.wide"):
        yield cost + implementation_cost(cast, elem), Node(cast, (inner,), node.name)


def _line(line: Segment, bits: int, low: int) -> tuple[int, int]:
    """``(a, b)``: ``a x + b`` is ``line(x) * 2**bits``, or more by less than ``x - low + 2``."""
    slope, level = line.slope * (1 << bits), line.intercept * (1 << bits)
    a = ceil(slope)
    return a, ceil(level - (a - slope) * low)


def _split(
    node: Node, a: list[int], b: list[int], shift: int, elem: Int, name: str
) -> Iterator[tuple[float, Node]]:
    """As many low bits of the multipliers as fit, and so on; their carries join the next part."""
    source, cost = node.inputs[0].type.int, 0.0
    room = MAX_BITS - 2 - source.bits
    carry: Node | None = None
    while max(map(abs, a)).bit_length() > room:
        cut = min(room, shift)
        if cut < LEAST_CUT:
            return
        mask = (1 << cut) - 1
        part = _product(node, [v & mask for v in a], f"low{shift}")
        carry, more = _shifted(part, carry, [v & mask for v in b], cut, f"{node.name}.carry{shift}")
        cost += more + implementation_cost(part.op, source)
        a, b, shift = [v >> cut for v in a], [v >> cut for v in b], shift - cut
    part = _product(node, a, "high")
    end, more = _shifted(part, carry, b, shift, name, elem)
    sums = end.inputs[0].type.int
    if sums.magnitude + max(map(abs, b)) < 1 << MAX_BITS:
        yield cost + more + implementation_cost(part.op, source), end


def _product(node: Node, a: list[int], name: str) -> Node:
    """``a * x``, exactly."""
    x = node.inputs[0]
    ends = [u * v for u in (min(a), max(a)) for v in (x.type.int.lo, x.type.int.hi)]
    op = Dyadic((squeezed(a),), ((0,),), (), 0, Int(min(ends), max(ends)))
    return Node(op, (x,), f"{node.name}.{name}")


def _shifted(
    part: Node, carry: Node | None, b: list[int], shift: int, name: str, elem: Int | None = None
) -> tuple[Node, float]:
    """``(part + carry + b) >> shift`` and what it costs."""
    total, cost = part, 0.0
    if carry is not None:
        total = Node(Add(aligned=False), (part, carry), f"{name}.sum")
        cost += total.type.int.bits
    wide = Shift((0,), squeezed(b), shift, Int(0, 0)).wide(total.type.int)
    op = Shift((0,), squeezed(b), shift, elem or Int(wide.lo >> shift, wide.hi >> shift))
    return Node(op, (total,), name), cost + implementation_cost(op, total.type.int)
