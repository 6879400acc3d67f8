"""One step per quantizer, so that every join is exact and cheap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil

import networkx as nx

from qfxc.quantize.placement import Placement

JOIN_BITS = 4
"""Bits of the smallest factor at a residual join: steps grow by at most 2**-JOIN_BITS."""


def align(
    steps: Mapping[str, Fraction], placement: Placement, fixed: Iterable[str] = ()
) -> dict[str, Fraction]:
    """Enlarges steps until joins are exact: inputs of a Concat equal, of an Add multiples.

    ``fixed`` names quantizers whose step cannot change (uint8 pixels): the rest follows them.
    """
    out = dict(steps)
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
        for name, step in _multiples({n: out[n] for n in family}, held_leaders).items():
            out.update({n: step for n in steps if leader[n] == name})
    return out


def _groups(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    graph = nx.Graph()
    graph.add_nodes_from(names)
    graph.add_edges_from(pairs)
    return [set(c) for c in nx.connected_components(graph)]


def _multiples(steps: dict[str, Fraction], held: set[str]) -> dict[str, Fraction]:
    """Steps that are small integer multiples of one unit, none smaller than asked."""
    if len(steps) == 1:
        return steps
    largest, smallest = max(steps.values()), min(steps.values())
    if not held and largest <= smallest * (1 + Fraction(1, 1 << JOIN_BITS)):
        return dict.fromkeys(steps, largest)
    base = steps[min(held)] if held else smallest
    unit = base / (1 << JOIN_BITS)
    while smallest < unit * (1 << JOIN_BITS):
        unit /= 2
    return {n: s if n in held else unit * ceil(s / unit) for n, s in steps.items()}
