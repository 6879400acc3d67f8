"""How a node becomes an instance: its own kernel, or the ``const`` kernel for a constant stream."""

from __future__ import annotations

import numpy as np

from qfxc.errors import InternalError
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Rom, lane_folds, stream_params, words


class ConstStream(KernelOp):
    """A constant that a kernel reads as data: emits the same frame for ever."""

    def folds(self, node: Node) -> tuple[Fold, ...]:
        """Any divisor of the channels."""
        return lane_folds(node.type.channels)

    def cycles(self, node: Node, fold: Fold) -> int:
        """One word per cycle."""
        return words(node.type, fold.pe)

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        """Parameters Lanes, Words, YBits, YSigned; memory ``values`` (Words x Lanes)."""
        value = np.broadcast_to(node.op.run(node), node.type.shape).astype(np.int64)
        rom = Rom.of(value.reshape(-1, fold.pe), node.type.int)
        params = {"Lanes": fold.pe, "Words": rom.depth, **stream_params("Y", node.type.int)}
        return Kernel("const", params, {"values": rom})


_CONST = ConstStream()


def hardware(node: Node) -> KernelOp:
    """What says folds, cycles, cost and kernel of ``node``; a node without hardware is a bug."""
    if isinstance(node.op, KernelOp):
        return node.op
    if node.op.stem == "const":
        return _CONST
    raise InternalError(f"{node.name} ({node.op.stem}) has no kernel: it was not lowered")
