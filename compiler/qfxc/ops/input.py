"""y = the graph input."""

from __future__ import annotations

from dataclasses import dataclass

from qfxc.ir.graph import Op
from qfxc.ir.types import Elem, TensorType


@dataclass(frozen=True)
class Input(Op):
    """A graph input: one frame of ``shape``, channels last."""

    shape: tuple[int, ...]
    elem: Elem

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(self.shape, self.elem)
