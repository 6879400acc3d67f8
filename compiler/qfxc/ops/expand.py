"""y[h, w, c] = x[0, 0, c]: broadcasts one pixel over an image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, lane_folds
from qfxc.ir.types import Array, TensorType
from qfxc.ops._hardware import io_params, legal
from qfxc.ops._samples import INT8, UINT4, source


@dataclass(frozen=True)
class Expand(KernelOp):
    """Repeats the channels of x (1, .., 1, C) at every position of ``shape`` (.., C)."""

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        if prod(x.shape[:-1]) != 1 or self.shape[-1] != x.channels:
            raise ValueError(f"{x.shape} does not broadcast over the positions of {self.shape}")
        return TensorType(self.shape, x.elem)

    def run(self, node: Node, *arrays: Array) -> Array:
        x = arrays[0].reshape(-1, *([1] * (len(self.shape) - 1)), self.shape[-1])
        return np.ascontiguousarray(np.broadcast_to(x, (len(x), *self.shape)))

    def folds(self, node: Node) -> tuple[Fold, ...]:
        return legal(node, lane_folds(node.type.channels))

    def cycles(self, node: Node, fold: Fold) -> int:
        return node.type.size // fold.pe

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        params = {
            "Lanes": fold.pe,
            "Words": node.type.channels // fold.pe,
            "Repeats": node.type.size // node.type.channels,
            **io_params(node),
        }
        return Kernel("expand", params)

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        return (
            Node(cls((2, 3, 4)), (source((1, 1, 4), INT8),), "few"),
            Node(cls((3, 32)), (source((32,), UINT4),), "many"),
        )
