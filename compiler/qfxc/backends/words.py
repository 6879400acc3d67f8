"""Streams as bytes: golden vectors, test bench input and output.

A file is a sequence of words in stream order. A word of ``lanes * bits`` bits takes that many bits,
rounded up to whole bytes, least significant byte first, the padding zero; element 0 is in the
least significant bits. Frames follow each other without a gap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qfxc.hw.netlist import Stream
from qfxc.ir.types import Array


def word_bytes(stream: Stream) -> int:
    """Bytes of one word in a file, and of one AXI4-Stream beat."""
    return -(-stream.bits // 8)


def to_bytes(frames: Array, stream: Stream) -> bytes:
    """Frames (count, ..) of integers as a file; the frame has ``words * lanes`` elements."""
    bits = stream.elem.bits
    codes = np.ascontiguousarray(frames, dtype=np.int64).reshape(-1, stream.lanes)
    planes = np.unpackbits(
        codes.view(np.uint8).reshape(*codes.shape, 8), axis=-1, bitorder="little"
    )
    words = planes[:, :, :bits].reshape(len(codes), stream.bits)
    return np.packbits(words, axis=-1, bitorder="little").tobytes()


def from_bytes(data: bytes, stream: Stream) -> NDArray[np.int64]:
    """The inverse: (frames, elements of a frame) as int64."""
    bits, lanes = stream.elem.bits, stream.lanes
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, word_bytes(stream))
    planes = np.unpackbits(rows, axis=-1, bitorder="little")[:, : stream.bits]
    planes = planes.reshape(len(rows), lanes, bits)
    wide = np.zeros((len(rows), lanes, 64), dtype=np.uint8)
    wide[:, :, :bits] = planes
    if stream.elem.signed:
        wide[:, :, bits:] = planes[:, :, -1:]
    codes = np.packbits(wide, axis=-1, bitorder="little").view(np.int64)
    return codes.reshape(-1, stream.words * lanes)
