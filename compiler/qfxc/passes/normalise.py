"""Pixels in: the preprocessing that users otherwise do on the host."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.passes.base import Pass
from qfxc.passes.fold_affine import affine


@dataclass(frozen=True)
class Normalise(Pass):
    """feeds the network (pixel / 255 - mean) / std, where mean and std are given

    One value each, or one per channel. Without them the network sees its input as it is.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    exact = False

    def run(self, graph: Graph) -> Graph:
        return self._normalise(graph) if self.mean or self.std else graph

    def _normalise(self, graph: Graph) -> Graph:
        """Puts one affine behind every input."""
        behind = {source.name: self._normalised(source) for source in graph.inputs}
        made = {node.name for node in behind.values()}

        def insert(node: Node) -> Node | None:
            if node.name in made or not any(i.name in behind for i in node.inputs):
                return None
            return Node(node.op, tuple(behind.get(i.name, i) for i in node.inputs), node.name)

        return rewrite(graph, insert)

    def _normalised(self, source: Node) -> Node:
        mean = np.asarray(self.mean or (0.0,), dtype=np.float64)
        std = np.asarray(self.std or (1.0,), dtype=np.float64)
        for values, flag in ((mean, "--mean"), (std, "--std")):
            if len(values) not in (1, source.type.channels):
                raise UserError(
                    f"{flag} has {len(values)} values for {source.type.channels} channels",
                    where=f"{source.name} (input)",
                    hint="give one value, or one per channel",
                )
        a, b = 1 / (255 * std), -mean / std
        if len(a) == len(b) == 1:
            a, b = a[0], b[0]
        shape = np.broadcast_shapes(a.shape, b.shape)
        wide_a, wide_b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
        return affine(source, wide_a, wide_b, f"{source.name}.normalise")
