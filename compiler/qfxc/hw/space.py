"""What a plan chooses from: every node's legal folds with cycles and cost, and the glue between."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError, UserErrors
from qfxc.hw.constant import hardware
from qfxc.hw.cost import expected_cost, fifo_cost
from qfxc.hw.fifo import UNREGISTERED, buffers, depth
from qfxc.hw.glue import (
    BLOCK_DEPTH,
    MAX_WORD_BITS,
    SHALLOW,
    fork_cost,
    link_cost,
    link_cycles,
)
from qfxc.hw.joined import Joint, joints
from qfxc.hw.links import Buffer, Link, Wiring, wire
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Cost, Fold, Variant


@dataclass(frozen=True, eq=False)
class Options:
    """The folds of one node; ``cycles`` (n) and ``costs`` (n, 4: of the kernel) run along them."""

    node: Node
    folds: tuple[Fold, ...]
    cycles: NDArray[np.int64]
    costs: NDArray[np.int64]

    def at(self, fold: Fold) -> tuple[int, Cost]:
        """Cycles and cost of one of the folds."""
        index = self.folds.index(fold)
        return int(self.cycles[index]), cost_of(self.costs[index])


def cost_row(cost: Cost) -> tuple[int, int, int, int]:
    """A cost as LUT, FF, DSP, BRAM18."""
    return (cost.lut, cost.ff, cost.dsp, cost.bram18)


def cost_of(row: NDArray[np.int64]) -> Cost:
    """The inverse of ``cost_row``."""
    lut, ff, dsp, bram18 = (int(v) for v in row)
    return Cost(lut, ff, dsp, bram18)


def price(node: Node, fold: Fold) -> Cost:
    """What a node costs at one of its folds, as far as that is known without solving for it."""
    return expected_cost(hardware(node).kernel(node, fold))


def _options(node: Node, levels: int) -> Options:
    op = hardware(node)
    widest = max((value.type.int.bits for value in node.streams), default=1)
    legal = [
        fold
        for fold in op.folds(node)
        if fold.simd * widest <= MAX_WORD_BITS and fold.pe * node.type.int.bits <= MAX_WORD_BITS
    ]
    folds = tuple(
        replace(fold, levels=levels) if fold.variant is Variant.TREE else fold
        for fold in legal or [min(op.folds(node))]
    )
    cycles = np.array([op.cycles(node, fold) for fold in folds], dtype=np.int64)
    costs = np.array([cost_row(price(node, fold)) for fold in folds], dtype=np.int64)
    return Options(node, folds, cycles, costs)


@dataclass(frozen=True, eq=False)
class Space:
    """The planning problem without a target: it knows no board and no method."""

    wiring: Wiring
    options: Mapping[str, Options]
    buffers: Mapping[Link, Buffer]
    joints: Mapping[Link, Joint]
    """Links that may be wires inside a circuit."""

    def stream_cost(self, node: Node, lanes: int) -> Cost:
        """The fork of a value of ``lanes`` lanes, and what lies in front of it."""
        readers = len(self.wiring.readers(node))
        if readers == 1:
            return Cost()
        before = SHALLOW if node.op.stem in UNREGISTERED else 0
        return fork_cost(readers) + fifo_cost(before, lanes * node.type.int.bits)

    def link_cost(self, link: Link, lanes: int, reader: int, block: bool = False) -> Cost:
        """Converters and FIFOs of a link between ``lanes`` and ``reader`` lanes; ``block``: a deep
        FIFO is block memory."""
        hold = depth(self.buffers[link], link.source.type.size // reader)
        split = len(self.wiring.readers(link.source)) > 1 or link.source.op.stem in UNREGISTERED
        words = SHALLOW if split else 0, hold
        deep = block and hold >= BLOCK_DEPTH
        return link_cost(link.source.type.int.bits, (lanes, reader), words, deep)

    def inside(self, link: Link, folds: Mapping[str, Fold]) -> bool:
        """Whether both ends of a link are one circuit."""
        joint = self.joints.get(link)
        if joint is None or link.sink is None:
            return False
        trees = folds[link.source.name].variant is Variant.TREE
        return trees and folds[link.sink.name] == joint.fold

    def joint_cost(self, link: Link) -> Cost:
        """What a link inside a circuit adds to its ends: the circuit goes on, and what it goes on
        with is no kernel."""
        joint = self.joints[link]
        assert link.sink is not None
        return joint.extra - self.options[link.sink.name].at(joint.fold)[1]

    def link_cycles(self, link: Link, lanes: int, reader: int) -> int:
        """Cycles per frame of the slowest converter of that link."""
        value = link.source.type
        return link_cycles(value.size, value.int.bits, (lanes, reader))

    def lanes(self, folds: Mapping[str, Fold], link: Link) -> tuple[int, int]:
        """Lanes at both ends of a link."""
        readers = [k.sink for k in self.wiring.readers(link.source)]
        if link.source.name in folds:
            lanes = folds[link.source.name].pe
        else:
            lanes = max(folds[sink.name].simd for sink in readers if sink is not None)
        return lanes, lanes if link.sink is None else folds[link.sink.name].simd

    def glue(self, folds: Mapping[str, Fold], blocks: Collection[Link] = ()) -> Cost:
        """All FIFOs, forks and converters; the deep FIFOs of ``blocks`` are block memory. What the
        nodes inside circuits do not cost as kernels is taken off."""
        total = Cost()
        for node in (*self.wiring.inputs, *self.wiring.nodes):
            readers = self.wiring.readers(node)
            for link in readers:
                if self.inside(link, folds):
                    total += self.joint_cost(link)
                else:
                    total += self.link_cost(link, *self.lanes(folds, link), link in blocks)
            total += self.stream_cost(node, self.lanes(folds, readers[0])[0])
        return total

    def interval(self, folds: Mapping[str, Fold]) -> int:
        """Cycles per frame: of the slowest kernel or converter."""
        kernels = (self.options[name].at(fold)[0] for name, fold in folds.items())
        links = (self.link_cycles(link, *self.lanes(folds, link)) for link in self.wiring.links)
        return max(*kernels, *links)

    def kernels(self, folds: Mapping[str, Fold]) -> Cost:
        """All kernels, without the glue."""
        total = Cost()
        for name, fold in folds.items():
            total += self.options[name].at(fold)[1]
        return total


def with_circuits(space: Space, known: Mapping[str, Cost]) -> Space:
    """The space with what the circuits of the nodes in ``known`` cost, instead of estimates;
    without what they go on with."""
    options = {name: _at_cost(space.options[name], cost) for name, cost in known.items()}
    return replace(space, options={**space.options, **options})


def _at_cost(options: Options, cost: Cost) -> Options:
    costs = options.costs.copy()
    costs[[fold.variant is Variant.TREE for fold in options.folds]] = cost_row(cost)
    return replace(options, costs=costs)


def without_dsps(space: Space) -> Space:
    """The choices that take no DSP. Raises one UserError for all kernels that have none."""
    options = {name: _free(choice) for name, choice in space.options.items()}
    errors = [
        UserError(
            f"the {space.options[name].node.op.stem} kernel has no variant without DSPs",
            where=name,
            hint="fewer bits, or allow some with --max-dsp",
        )
        for name, choice in options.items()
        if not choice.folds
    ]
    if errors:
        raise UserErrors(errors) if len(errors) > 1 else errors[0]
    return replace(space, options=options)


def _free(options: Options) -> Options:
    kept = np.flatnonzero(options.costs[:, 2] == 0)
    folds = tuple(options.folds[index] for index in kept)
    return Options(options.node, folds, options.cycles[kept], options.costs[kept])


def space(graph: Graph, levels: int = 0) -> Space:
    """Every choice that a graph of the KERNEL stage leaves open, with circuits of ``levels``
    additions between registers."""
    wiring = wire(graph)
    options = {node.name: _options(node, levels) for node in wiring.nodes}
    folds = {name: choice.folds for name, choice in options.items()}
    return Space(wiring, options, buffers(wiring), joints(wiring, folds))
