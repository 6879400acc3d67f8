"""Moves activations up to the layer that feeds them, so that one requantization does both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.concat import Concat
from qfxc.ops.const import const_value, real_const
from qfxc.ops.conv import Conv
from qfxc.ops.matmul import MatMul
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.pad import Pad
from qfxc.ops.prelu import PRelu
from qfxc.ops.reshape import Reshape
from qfxc.ops.slice import Slice
from qfxc.ops.transpose import Transpose
from qfxc.passes.base import Pass


@dataclass(frozen=True)
class HoistActivations(Pass):
    """moves activations and constant arithmetic in front of max pooling and moves of elements"""

    exact = True
    optional = True

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, _Hoist(graph.uses()).rule)


_BETWEEN = (Affine, Clip, Concat, PRelu, Reshape)


class _Hoist:
    def __init__(self, uses: Counter[str]) -> None:
        self._uses = uses
        self._tiled: dict[tuple[Node, int], Node] = {}

    def rule(self, node: Node) -> Node | None:
        if not isinstance(node.op, (Affine, Clip, PRelu)):
            return None
        inner = node.inputs[0]
        if self._uses[inner.name] != 1:
            return None
        if isinstance(inner.op, Concat):
            return self._into_parts(node, inner) if self._pays(node, inner, inner.op) else None
        return self._swapped(node, inner) if _commutes(node, inner) else None

    def _swapped(self, node: Node, inner: Node) -> Node:
        # the names change places, and the readers of the value with them
        self._uses[inner.name], self._uses[node.name] = self._uses[node.name], 1
        moved = self._hoisted(node, inner.inputs[0], node.name)
        return Node(inner.op, (moved, *inner.inputs[1:]), inner.name)

    def _into_parts(self, node: Node, inner: Node) -> Node:
        """Joined channels' positions: the activation works on every part by itself."""
        self._uses[inner.name], self._uses[node.name] = self._uses[node.name], 1
        parts = []
        for k, part in enumerate(inner.inputs):
            name = f"{node.name}.part{k}"
            self._uses[name] = 1
            parts.append(self._hoisted(_own_constants(node, k), part, name))
        return Node(inner.op, tuple(parts), inner.name)

    def _hoisted(self, node: Node, source: Node, name: str) -> Node:
        """``node`` on ``source``, moved on if it can be."""
        constants = (self._for_channels(c, source.type.channels) for c in node.inputs[1:])
        moved = Node(node.op, (source, *constants), name)
        return self.rule(moved) or moved

    def _for_channels(self, constant: Node, channels: int) -> Node:
        """A constant per channel where one position holds several pixels: repeated."""
        value = const_value(constant)
        if value.ndim == 0 or len(value) == channels:
            return constant
        count = channels // len(value)
        key = (constant, count)  # nodes are compared by identity
        if key not in self._tiled:
            name = f"{constant.name}.x{count}"
            self._tiled[key] = real_const(np.tile(value, count), name)
        return self._tiled[key]

    def _pays(self, node: Node, inner: Node, op: Concat) -> bool:
        """Whether every part comes straight from a layer of its own."""
        if op.axis == len(inner.type.shape) - 1:
            return False
        for part in inner.inputs:
            while isinstance(part.op, _BETWEEN) and self._uses[part.name] == 1:
                part = part.inputs[0]
            if not isinstance(part.op, (Conv, MatMul)) or self._uses[part.name] != 1:
                return False
        return True


def _own_constants(node: Node, k: int) -> Node:
    """The activation with constants of its own: each part may round them in its own way."""
    constants = (real_const(const_value(c), f"{c.name}.part{k}") for c in node.inputs[1:])
    return Node(node.op, (node.inputs[0], *constants), node.name)


def _commutes(node: Node, inner: Node) -> bool:
    """Whether ``node`` after ``inner`` equals ``node`` before it."""
    per_tensor = all(i.type.shape == () for i in node.inputs[1:])
    match inner.op:
        case MaxPool():
            return _rises(node)
        case Pad(lowest=True):  # in front of a maximum, which never picks it
            return _rises(node)
        case Reshape():
            # channels of one pixel, or of several pixels side by side
            return per_tensor or inner.inputs[0].type.channels % inner.type.channels == 0
        case Slice(starts=starts, steps=steps):
            whole = inner.type.channels == inner.inputs[0].type.channels
            return per_tensor or (whole and starts[-1] == 0 and steps[-1] == 1)
        case Transpose(perm=perm):
            return per_tensor or perm[-1] == len(perm) - 1
    return False


def _rises(node: Node) -> bool:
    """Maximum commutes with functions that never fall (padding with -inf stays out of reach)."""
    if isinstance(node.op, Clip):
        return True
    return bool(np.all(const_value(node.inputs[1]) > 0))
