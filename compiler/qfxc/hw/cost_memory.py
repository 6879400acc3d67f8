"""What Yosys makes of a memory: block memories, distributed memory or plain LUTs.

`memory_libmap` takes the cheapest of what is possible; the prices are those of its Xilinx libraries
(a RAMB18E2 129, a RAMB36E2 257, 16 for the 8 LUTs of a RAM64M8 or RAM32M16, a bit of a constant
memory in LUTs 1/64), so that counting with them gives its choice and the exact number of blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Depth and width of a RAMB18E2 with one port to read and one to write (UG573)."""

_HALF, _FULL, _DISTRIBUTED, _ROM_BITS = 129, 257, 16, 64


@dataclass(frozen=True, slots=True)
class Memory:
    """``luts``: of the storage; ``choice``: those that select among its parts; the rest is exact.

    ``bits``: of a word of a constant memory in LUTs, those apart that synthesis merges.
    ``banks``: parts of a writable memory of LUTs that need a write enable of their own.
    """

    luts: float = 0
    choice: int = 0
    banks: int = 0
    bram18: int = 0
    bits: float = 0


def blocks(depth: int, width: int) -> int:
    """RAMB18E2 of a writable memory (a RAMB36E2 counts twice)."""
    return min(-(-depth // d) * -(-width // w) for d, w in BLOCK_SHAPES)


def rom_blocks(depth: int, width: int) -> int:
    """RAMB18E2 of a constant memory: its parts lie side by side in one wide word."""
    return min(-(-(-(-depth // d) * width) // w) for d, w in BLOCK_SHAPES)


def _choice(parts: int, width: int) -> int:
    """LUTs that choose the part of a word: up to four parts take a LUT6 per bit."""
    return 0 if parts == 1 else width * -(-parts // 4)


def _parts(depth: int, width: int) -> int:
    """Parts of the depth of a writable memory in as few blocks as possible."""
    count = blocks(depth, width)
    return min(-(-depth // d) for d, w in BLOCK_SHAPES if -(-depth // d) * -(-width // w) == count)


def _price(halves: int) -> int:
    return _FULL * (halves // 2) if halves % 2 == 0 else _HALF * halves


@cache
def rom(depth: int, width: int) -> Memory:
    """A constant memory with a registered output."""
    count = rom_blocks(depth, width)
    if depth * width > _ROM_BITS * _price(count):
        parts = (-(-depth // d) for d, w in BLOCK_SHAPES)
        fitting = [
            n for n, (_, w) in zip(parts, BLOCK_SHAPES, strict=True) if n * width <= count * w
        ]
        return Memory(choice=_choice(min(fitting), width), bram18=count)
    bits = distinct(depth, width)
    return Memory(luts=bits * -(-depth // 64), choice=_choice(-(-depth // 256), width), bits=bits)


def column(depth: int, lanes: int, bits: int) -> Memory:
    """The part of a memory of ``lanes`` elements per word that one lane reads, at its own address.

    LUTs or blocks are chosen for the whole word; then what is not read goes.
    """
    count = rom_blocks(depth, lanes * bits)
    if depth * lanes * bits <= _ROM_BITS * _price(count):
        return Memory(luts=bits * -(-depth // 64), bits=bits)
    unit = 2 - count % 2
    return Memory(bram18=unit * -(-depth * bits // (unit << 14)))


def distinct(depth: int, width: int) -> float:
    """Different columns that a memory of random bits is expected to have, constant ones apart."""
    if depth > 12:
        return width
    patterns = 1 << depth
    return (patterns - 2) * (1 - (1 - 1 / patterns) ** width)


@cache
def ram(depth: int, width: int, style: str = "auto") -> Memory:
    """A memory with a write port and a read port; ``style``: auto, block or distributed."""
    shallow, deep = -(-depth // 32), -(-depth // 64)
    short, long = shallow * width / 14, deep * width / 7
    count = blocks(depth, width)
    dear = _price(count) >= _DISTRIBUTED * min(short, long)
    if style == "block" or (style == "auto" and not dear):
        return Memory(choice=_choice(_parts(depth, width), width), bram18=count)
    few, many = -(-width // 14), -(-width // 7)
    if shallow * few < deep * many:
        return _distributed(shallow, few, width)
    return _distributed(deep, many, width)


def _distributed(banks: int, cells: int, width: int) -> Memory:
    """Banks of 8-LUT cells; a multiplexer of four banks takes a LUT6 per bit."""
    select = 0 if banks == 1 else width * -(-banks // 4)
    return Memory(luts=8 * banks * cells, choice=select, banks=banks if banks > 1 else 0)
