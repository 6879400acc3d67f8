"""One step per quantizer, so that every join is exact and cheap."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from math import ceil, floor, frexp

import networkx as nx

from qfxc.ir.graph import Node
from qfxc.ops.add import Add
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.clip import Clip
from qfxc.ops.mul import Mul
from qfxc.ops.prelu import PRelu
from qfxc.quantize.allowed import few_ones
from qfxc.quantize.factors import worth
from qfxc.quantize.placement import Placement

MULTIPLIER_BITS = 8
"""Bits of the factor of a rescale that we are free to choose."""

JOIN_BITS = 4
"""Bits of the smallest factor at a residual join: steps grow by at most 2**-JOIN_BITS."""


def align(
    steps: Mapping[str, Fraction],
    placement: Placement,
    fixed: Iterable[str] = (),
    zeros: Collection[str] = (),
    ones: int = 0,
) -> dict[str, Fraction]:
    """Enlarges steps until joins are exact: inputs of a Concat equal, of an Add multiples.

    ``fixed`` names quantizers whose step cannot change (uint8 pixels): the rest follows them.
    ``zeros`` names values that are always zero: any step is fine, so they take their partners'.
    ``ones``: the multiples are sums of at most that many signed powers of two; 0 for any.
    """
    out = dict(steps)
    for group in _groups(steps, (*placement.equal, *placement.joined)):
        real = [out[n] for n in group if n not in zeros]
        if real:
            out.update(dict.fromkeys(group & set(zeros), max(real)))
    held = set(fixed)
    same = _groups(steps, placement.equal)
    leader = {name: min(group) for group in same for name in group}
    for group in same:
        pinned = [out[n] for n in sorted(group) if n in held]
        step = pinned[0] if pinned else max(out[n] for n in group)
        out.update(dict.fromkeys(group, step))
    edges = [(leader[a], leader[b]) for a, b in placement.joined]
    for family in _groups(set(leader.values()), edges):
        held_leaders = {leader[n] for n in held} & family
        for name, step in _multiples({n: out[n] for n in family}, held_leaders, ones).items():
            out.update({n: step for n in steps if leader[n] == name})
    return out


def cheap_steps(
    steps: Mapping[str, Fraction], placement: Placement, ones: int = 0
) -> dict[str, Fraction]:
    """Enlarges the free steps behind sums, products and averages until their rescale is dyadic.

    A point that no join ties down gets the next larger step ``unit * 2**e / p`` with ``p`` of
    ``MULTIPLIER_BITS`` bits, where ``unit`` is what one integer step before it is worth; ``p`` is a
    sum of at most ``ones`` signed powers of two, unless that is 0.
    """
    out = dict(steps)
    tied = {name for pair in (*placement.joined, *placement.equal) for name in pair}
    for point in placement.points:
        unit = _unit(point, out)
        if unit is not None and point.name not in tied:
            out[point.name] = unit / _dyadic_below(unit / out[point.name], ones)
    return out


def _unit(point: Node, steps: Mapping[str, Fraction]) -> Fraction | None:
    """The exact worth of one code in front of the quantizer; None behind layers and tables."""
    before = {name: step for name, step in steps.items() if name != point.name}
    node = point
    while isinstance(node.op, (Clip, PRelu)) and node.name not in before:
        node = node.inputs[0]
    if node is point and not isinstance(node.op, (Mul, Add, AvgPool)):
        return None
    return worth(node, lambda n: before.get(n.name))


def _dyadic_below(ratio: Fraction, ones: int) -> Fraction:
    """The largest ``p * 2**e`` up to ``ratio`` with ``p`` of ``MULTIPLIER_BITS`` bits."""
    _, exponent = frexp(float(ratio))
    grid = Fraction(2) ** (exponent - MULTIPLIER_BITS)
    p = floor(ratio / grid)
    while not few_ones(p, ones):
        p -= 1
    return p * grid


def _groups(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    graph = nx.Graph()
    graph.add_nodes_from(names)
    graph.add_edges_from(pairs)
    return [set(c) for c in nx.connected_components(graph)]


def _multiples(
    steps: Mapping[str, Fraction], held: Collection[str], ones: int
) -> dict[str, Fraction]:
    """Steps that are small integer multiples of one unit, none smaller than asked."""
    if len(steps) == 1:
        return dict(steps)
    largest, smallest = max(steps.values()), min(steps.values())
    if not held and largest <= smallest * (1 + Fraction(1, 1 << JOIN_BITS)):
        return dict.fromkeys(steps, largest)
    base = steps[min(held)] if held else smallest
    least = 1 << JOIN_BITS
    counts = [m for m in range(least, 2 * least) if few_ones(m, ones)] if ones else [least]
    found = [_on_unit(steps, held, _below(base / m, smallest / least), ones) for m in counts]
    short = [out for out in found if _few_in_ratios(out, ones)]
    return min(short or found, key=lambda out: max(out[n] / steps[n] for n in steps))


def _few_in_ratios(steps: Mapping[str, Fraction], ones: int) -> bool:
    """Whether the ratio of any two steps is one of sums of few powers of two, in lowest terms.

    20 and 65 units are such sums, 4 and 13 are not.
    """
    ratios = [a / b for a in steps.values() for b in steps.values()]
    return all(few_ones(r.numerator, ones) for r in ratios)


def _below(unit: Fraction, limit: Fraction) -> Fraction:
    """A unit halved until it is at most ``limit``."""
    while unit > limit:
        unit /= 2
    return unit


def _on_unit(
    steps: Mapping[str, Fraction], held: Collection[str], unit: Fraction, ones: int
) -> dict[str, Fraction]:
    """The next larger multiples of ``unit``; steps that are held stay."""
    out = dict(steps)
    for name in steps.keys() - set(held):
        multiple = ceil(steps[name] / unit)
        while not few_ones(multiple, ones):
            multiple += 1
        out[name] = unit * multiple
    return out
