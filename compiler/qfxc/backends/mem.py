"""Constant memories as ``.mem``: a word per line in hexadecimal; element 0 in the low bits."""

from __future__ import annotations

import numpy as np

from qfxc.errors import InternalError
from qfxc.ir.kernel import Rom

ROWS = 4096
"""Words that are packed at a time: the bits of all elements are laid out in memory."""


def mem_text(rom: Rom) -> str:
    """The file that ``$readmemh`` reads; every word has lanes * bits bits."""
    bits = rom.elem.bits
    if not rom.elem.contains(rom.values) or bits > 64:
        raise InternalError(f"memory values outside {rom.elem}")
    digits = -(-rom.lanes * bits // 4)
    lines: list[str] = []
    for at in range(0, rom.depth, ROWS):
        codes = np.ascontiguousarray(rom.values[at : at + ROWS], dtype="<i8")
        planes = np.unpackbits(
            codes.view(np.uint8).reshape(*codes.shape, 8), axis=-1, bitorder="little"
        )
        words = planes[:, :, :bits].reshape(len(codes), rom.lanes * bits)
        packed = np.packbits(words, axis=-1, bitorder="little")[:, ::-1]
        lines += [row.tobytes().hex()[-digits:] for row in packed]
    return "\n".join(lines) + "\n"
