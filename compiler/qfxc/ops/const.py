"""y = a constant tensor: weights, or a stream that repeats every frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Rom, lane_folds, stream_params
from qfxc.ir.types import Array, Elem, Int, Real, TensorType
from qfxc.ops._hardware import legal


@dataclass(frozen=True, eq=False)
class Const(KernelOp):
    """``value`` (int64 for integers, float64 for reals) with an element type that covers it."""

    value: Array = field(repr=False)
    elem: Elem

    def infer(self, *inputs: TensorType) -> TensorType:
        if isinstance(self.elem, Int) and not self.elem.contains(self.value):
            raise ValueError(f"constant outside its type {self.elem}")
        return TensorType(self.value.shape, self.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        return self.value

    def folds(self, node: Node) -> tuple[Fold, ...]:
        return legal(node, lane_folds(node.type.channels))

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.type.size // fold.pe

    def _rom(self, node: Node, lanes: int) -> Rom:
        return Rom(node.type.size // lanes, lanes, node.type.int, lambda: self.value)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        rom = self._rom(node, fold.pe)
        params = {"Lanes": fold.pe, "Words": rom.depth, **stream_params("Y", rom.elem)}
        return Kernel("const", params, {"values": rom})

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        values = np.arange(-6, 6)
        return (
            Node(cls(values.reshape(3, 4), Int(-6, 5)), (), "signed"),
            Node(cls(values.reshape(2, 6) + 6, Int(0, 11)), (), "unsigned"),
        )


def real_const(value: Array, name: str) -> Node:
    """A real constant; float64 holds every float32 exactly."""
    return Node(Const(np.asarray(value, dtype=np.float64), Real()), (), name)


def int_const(value: Array, elem: Int, name: str) -> Node:
    """An integer constant of type ``elem``."""
    return Node(Const(np.asarray(value, dtype=np.int64), elem), (), name)


def const_value(node: Node) -> Array:
    """The array of a ``Const`` node; asking another node for it is a bug."""
    if not isinstance(node.op, Const):
        raise TypeError(f"{node.name} is not constant")
    return node.op.value
