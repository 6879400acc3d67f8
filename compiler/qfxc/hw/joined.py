"""What a node costs inside the circuit of adders in front of it, before either is built.

A circuit goes on with the one reader of its words where that can be part of it
(``KernelOp.behind``): no stream lies between, and the reader is no kernel. A plan that priced it as
one would find circuits dearer than they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from qfxc.hw.constant import hardware
from qfxc.hw.cost import kernel_cost
from qfxc.hw.links import Link, Wiring
from qfxc.ir.circuit import Circuit, Lane, Operand, Sum, Wire
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Cost, Fold, Variant
from qfxc.ir.types import Int


@dataclass(frozen=True, slots=True)
class Joint:
    """A link whose source is a circuit at ``tree``, of which the reader is part at ``fold``:
    ``extra`` is what the circuit costs more then."""

    tree: Fold
    fold: Fold
    extra: Cost


def joints(wiring: Wiring, folds: Mapping[str, Collection[Fold]]) -> dict[Link, Joint]:
    """The links inside which a circuit may go on, by the folds that the nodes have."""
    found = {}
    for node in wiring.nodes:
        first, *others = wiring.readers(node)
        trees = [fold for fold in folds[node.name] if fold.variant is Variant.TREE]
        if others or first.sink is None or not trees:
            continue
        for fold in folds[first.sink.name]:
            more = extra(node, trees[0], first.sink, fold)
            if more is not None:
                found[first] = Joint(trees[0], fold, more)
                break
    return found


@lru_cache(maxsize=1024)
def extra(node: Node, tree: Fold, sink: Node, fold: Fold) -> Cost | None:
    """What a circuit costs more with the reader of its words as a part of it; None where it cannot
    be one.

    That is the price of the reader's own circuit behind sums of a wide and a narrow value: as
    behind most trees of adders, the narrow one is there early enough to take a constant.
    """
    kernel = hardware(node).kernel(node, tree)
    if fold.simd != tree.pe or kernel.body is None:
        return None
    words = _words(node.inputs[0].type.int, node.type.int, tree.pe)
    alone = replace(kernel, body=replace(kernel.body, make=lambda: words))
    longer = hardware(sink).behind(sink, fold, alone)
    return None if longer is None else kernel_cost(longer) - kernel_cost(alone)


def _words(x: Int, y: Int, count: int) -> Circuit:
    """``count`` sums in the range of ``y``; one term is as wide as ``x``, or half as wide as y."""
    narrow = Int(0, min(x.hi - x.lo, (y.hi - y.lo) // 2))
    wide = Int(y.lo, y.hi - narrow.hi)
    half = Int(0, (wide.hi - wide.lo) // 2)
    other = Int(wide.lo, wide.hi - half.hi)
    wires: list[Wire] = []
    for at in range(0, 5 * count, 5):
        lanes = (Lane(elem, at + n) for n, elem in enumerate((narrow, half, other)))
        wires += [*lanes, Sum(wide, (Operand(at + 1), Operand(at + 2)))]
        wires.append(Sum(Int(y.lo, y.hi), (Operand(at + 3), Operand(at))))
    return Circuit(tuple(wires), tuple(Operand(at) for at in range(4, 5 * count, 5)))
