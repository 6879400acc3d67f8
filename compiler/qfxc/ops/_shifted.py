"""What operators share that begin with ``(x << left[c]) + b[c]``."""

from __future__ import annotations

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Rom, stream_params
from qfxc.ir.types import Int
from qfxc.ops._hardware import ChannelOp, channel_memory, signed_bits


class ShiftedOp(ChannelOp):
    """``left``, ``b``: (1) or (C); ``right``: bits that are cut off afterwards."""

    left: tuple[int, ...]
    b: tuple[int, ...]
    right: int

    def wide(self, x: Int) -> Int:
        """The range of ``(x << left) + b`` over all channels."""
        most = max(self.left)
        return Int(min(x.lo << most, 0) + min(self.b), max(x.hi << most, 0) + max(self.b))

    def wide_bits(self, x: Int) -> int:
        """Of a signed number that holds every intermediate value."""
        ends = (min(self.left), max(self.left))
        shifted = Int(min(x.lo << k for k in ends), max(x.hi << k for k in ends))
        return signed_bits(x, shifted, Int(min(self.b), max(self.b)), self.wide(x))

    def memories(self, node: Node, lanes: int) -> dict[str, Rom]:
        """The memories of the kernel: ``left`` and ``b``."""
        channels = node.type.channels
        return {
            "left": channel_memory((self.left,), channels, lanes),
            "b": channel_memory((self.b,), channels, lanes),
        }


def memory_params(roms: dict[str, Rom]) -> dict[str, int]:
    """What the kernels are told of ``memories``."""
    return {
        "LBits": roms["left"].elem.bits,
        "LPeriod": roms["left"].depth,
        **stream_params("B", roms["b"].elem),
        "BPeriod": roms["b"].depth,
    }
