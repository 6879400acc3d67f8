"""Average pooling without a division: its divisor becomes a power of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ops._spatial import counts
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.const import Const, const_value
from qfxc.ops.conv import Conv
from qfxc.ops.matmul import MatMul
from qfxc.ops.reshape import Reshape
from qfxc.passes.base import Pass
from qfxc.passes.fold_affine import affine, layer


@dataclass(frozen=True)
class AverageByShift(Pass):
    """divides averages by a power of two; the weights of the layer behind take the rest

    ``sum / K`` is ``sum / 2**k`` times ``2**k / K``, with ``2**k >= K``: the rescale behind the
    pooling is a shift. Only where nothing but one layer (through reshapes) reads the average.
    """

    enabled: bool = False
    exact = True
    optional = True

    def run(self, graph: Graph) -> Graph:
        if not self.enabled:
            return graph
        uses = graph.uses()
        return rewrite(graph, lambda node: _absorb(node, uses))


def _absorb(node: Node, uses: Mapping[str, int]) -> Node | None:
    if not isinstance(node.op, (Conv, MatMul)) or not isinstance(node.inputs[1].op, Const):
        return None
    x = node.inputs[0]
    chain: list[Node] = []
    while isinstance(x.op, Reshape) and uses[x.name] == 1:
        chain.append(x)
        x = x.inputs[0]
    if not (isinstance(x.op, AvgPool) and uses[x.name] == 1):
        return None
    part = _part(x, x.op)
    if part == 1:
        return None
    scaled = affine(x, np.asarray(part), np.asarray(0.0), f"{x.name}.by_shift")
    for link in reversed(chain):
        scaled = Node(link.op, (scaled,), link.name)
    bias = const_value(node.inputs[2]) if len(node.inputs) > 2 else None
    return layer(node.op, scaled, const_value(node.inputs[1]) / part, bias, node.name)


def _part(node: Node, op: AvgPool) -> float:
    """``K / 2**k``, exactly; 1 where windows count different numbers of positions."""
    shape = node.inputs[0].type.shape
    divisors = np.unique(counts((shape[0], shape[1]), op.kernel, op.stride, op.uncounted))
    count = int(divisors[0])
    return float(count / (1 << (count - 1).bit_length())) if len(divisors) == 1 else 1.0
