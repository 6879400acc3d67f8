"""Re-simulation around a pass: how passes that claim to be exact are held to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qfxc.errors import VerificationError
from qfxc.ir.graph import Graph, Node
from qfxc.ir.types import Array
from qfxc.ops.quantize import Quantize
from qfxc.passes.base import Pass
from qfxc.quantize.encode import feed
from qfxc.quantize.error import sqnr_db
from qfxc.sim import simulate

FLOAT_DB = 90.0
"""Two orders of the same float64 sums agree better than this, even where they cancel."""

TIE = 2.0**-20
"""Distance from a rounding boundary, in steps, below which float64 cannot decide."""


def prove(step: Pass, before: Graph, after: Graph, frames: Sequence[Array]) -> None:
    """Raises VerificationError when an exact pass changed a value.

    Integer graphs: every element equal. Real graphs: equal up to float64 rounding. From QDQ to
    integer: every quantizer's codes equal, ties that float64 cannot decide left aside.
    ``frames`` are real-valued inputs of the graph.
    """
    if not step.exact:
        return
    if _has_quantizers(before):
        _prove_codes(step, before, after, frames)
        return
    old, new = (simulate(g, _codes(g, frames)) for g in (before, after))
    for node, a, b in zip(after.outputs, old, new, strict=True):
        same = np.array_equal(a, b) if node.type.is_int else sqnr_db(a, b) > FLOAT_DB
        if not same:
            raise VerificationError(f"pass {step.name} changed the output {node.name}")


def _has_quantizers(graph: Graph) -> bool:
    return any(isinstance(n.op, Quantize) for n in graph.nodes())


def _codes(graph: Graph, frames: Sequence[Array]) -> list[Array]:
    return feed(graph, [x.astype(np.float64) for x in frames])


def _prove_codes(step: Pass, before: Graph, after: Graph, frames: Sequence[Array]) -> None:
    """Runs the QDQ graph in float64, every quantizer checked and then set to the integer codes."""
    codes: dict[str, Array] = {}
    wanted = {n.name for n in before.nodes() if isinstance(n.op, Quantize)}

    def keep(node: Node, value: Array) -> None:
        if node.name in wanted:
            codes.setdefault(node.name, value.astype(np.float64))

    for i in range(len(frames[0])):
        codes.clear()
        frame = [x[i : i + 1] for x in frames]
        simulate(after, _codes(after, frame), keep)
        _compare_codes(step, before, codes, frame)


def _compare_codes(
    step: Pass, graph: Graph, codes: dict[str, Array], frame: Sequence[Array]
) -> None:
    values: dict[int, Array] = {
        id(n): x for n, x in zip(graph.inputs, _codes(graph, frame), strict=True)
    }
    for node in graph.nodes():
        if id(node) in values:
            continue
        values[id(node)] = node.op.run(node, *(values[id(i)] for i in node.inputs))
        if node.name in codes:
            got = codes[node.name]
            _check_codes(step, node, values[id(node.inputs[0])], values[id(node)], got)
            values[id(node)] = got


def _check_codes(step: Pass, node: Node, real: Array, expected: Array, got: Array) -> None:
    elem = node.type.int
    wrong = expected != got
    steps = (real / elem.scale.floats())[wrong]
    halves = np.abs(2 * steps - np.rint(2 * steps))
    undecided = (halves < TIE * np.maximum(1, np.abs(steps))) & (np.abs(expected - got)[wrong] <= 1)
    if not undecided.all():
        raise VerificationError(
            f"pass {step.name}: {(~undecided).sum()} codes of {node.name} differ"
        )
