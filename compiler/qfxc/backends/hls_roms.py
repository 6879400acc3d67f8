"""Constant memories as C arrays of native unsigned integers.

A row of the array is one word of the memory; a column holds whole elements, never a part of one,
element 0 in the least significant bits of column 0. (Arrays of ``ap_int`` would run a constructor
per element at start-up and take g++ minutes to compile.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import InternalError
from qfxc.ir.kernel import Rom

LUTRAM_BITS = 4096
"""Memories up to this size go to LUTs: less than a quarter of a BRAM18 would be used."""


@dataclass(frozen=True, slots=True)
class RomArray:
    """``static const uint<bits>_t [depth][columns]`` and its initialiser."""

    bits: int
    values: NDArray[np.uint64]
    impl: str

    @property
    def depth(self) -> int:
        return int(self.values.shape[0])

    @property
    def columns(self) -> int:
        return int(self.values.shape[1])

    def text(self) -> str:
        """The initialiser, one row of the memory per line."""
        rows = ("{" + ",".join(map(hex, row)) + "}" for row in self.values.tolist())
        return ",\n".join(rows) + "\n"


def rom_array(rom: Rom) -> RomArray:
    """The packed array of a memory; elements have at most 64 bits."""
    bits = rom.elem.bits
    if not rom.elem.contains(rom.values) or bits > 64:
        raise InternalError(f"memory values outside {rom.elem}")
    width = _column_bits(bits, 1 if rom.per_lane else rom.lanes)
    per_column = 1 if rom.per_lane else width // bits
    columns = -(-rom.lanes // per_column)
    codes = rom.values.astype(np.int64).view(np.uint64) & np.uint64((1 << bits) - 1)
    padded = np.zeros((rom.depth, columns * per_column), dtype=np.uint64)
    padded[:, : rom.lanes] = codes
    shifts = (np.arange(per_column) * bits).astype(np.uint64)
    split = padded.reshape(rom.depth, columns, per_column) << shifts
    packed = np.bitwise_or.reduce(split, axis=-1)
    total = rom.depth * rom.lanes * bits
    return RomArray(width, packed, "lutram" if total <= LUTRAM_BITS else "bram")


def _column_bits(bits: int, lanes: int) -> int:
    """The column width that wastes the fewest bits, the widest one at a tie."""
    fitting = [w for w in (64, 32, 16, 8) if w >= bits]
    return min(fitting, key=lambda w: -(-lanes // (w // bits)) * w)
