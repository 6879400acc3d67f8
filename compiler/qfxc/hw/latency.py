"""Latency of every kernel's hardware: what the ``Latency`` of ``rtl_lib/qfx_<name>.sv`` states.

An iteration of the kernel's schedule that fires in cycle t has its word on the output from cycle
``t + latency`` on (docs/rtl.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qfxc.ir.kernel import Kernel
from qfxc.ir.powers import Powers

Params = Mapping[str, int]


def latency(kernel: Kernel) -> int:
    """Register stages between an iteration and its word, in cycles."""
    return LATENCIES[kernel.name](kernel.structure)


def fifo_latency(depth: int, block: bool) -> int:
    """Cycles from a stream's input to its output; a stream of depth 0 is wires."""
    return 0 if depth == 0 else 2 if block else 1


def memory_stages(depth: int, width: int) -> int:
    """Read stages of a memory: ``qfx_pkg::memory_stages``."""
    return 1 if depth <= 32 or depth * width <= 4096 else 2


def levels(terms: int) -> int:
    """Levels of a tree of two-input nodes: ``$clog2``."""
    return (terms - 1).bit_length()


def signed_digits(k: int) -> int:
    """Non-zero digits of the non-adjacent form of ``k``."""
    return (k ^ (3 * k)).bit_count() if k >= 0 else signed_digits(-k)


def _add(p: Params) -> int:
    return max(levels(signed_digits(p["KA"]) + signed_digits(p["KB"])), 1)


def _const(p: Params) -> int:
    return memory_stages(p["Words"], p["Lanes"] * p["YBits"])


def _shift(p: Params) -> int:
    """A cast that floors."""
    return _cast({**p, "Sum": 1, "Round": 0})


def _cast(p: Params) -> int:
    """Memories, left shift, sum, rounding, overflow."""
    moved = int(max(p["LPeriod"], p["BPeriod"]) > 1) + int(p["LPeriod"] > 1)
    return moved + p["Sum"] + int(p["Right"] > 0 and p["Round"] > 0) + 1


def booth_rows(bits: int, signed: int) -> int:
    """Radix-4 Booth digits of a number."""
    return (bits + 1) // 2 if signed else bits // 2 + 1


def product_stages(fabric: int, simd: int, pe: int, x: tuple[int, int], w: tuple[int, int]) -> int:
    """Stages of a dot product; x and w: (bits, signed): ``qfx_pkg::dot_stages``."""
    if fabric:
        swaps = booth_rows(*x) * (w[0] + 2 - w[1]) < booth_rows(*w) * (x[0] + 2 - x[1])
        rows = booth_rows(*(x if swaps else w))
        slots = min(simd, max(8 // rows, 1))
        return max(slots * rows // 2, 1) + levels(-(-simd // slots))
    slots = dsp_slots(simd, pe, x, w)
    return 2 + (slots if slots > 1 else 0) + levels(-(-simd // slots))


def shift_slots(simd: int, terms: int) -> int:
    """Lanes of a chain of a dot product by shifts: ``qfx_pkg::shift_slots``."""
    return -(-simd // -(-simd * terms // 10))


def shift_stages(simd: int, terms: int, shifts: int) -> int:
    """Stages of a dot product by shifts: ``qfx_pkg::shift_stages``."""
    slots = shift_slots(simd, terms)
    moved = Powers(terms, shifts).fine > 1
    return moved + max(slots * terms // 2, 1) + levels(-(-simd // slots))


def _dot_stages(p: Params, simd: int, pe: int) -> int:
    """Of matvec and depthwise, whatever multiplies."""
    if p["Fabric"] == 2:
        return shift_stages(simd, p["Terms"], p["Shifts"])
    return product_stages(p["Fabric"], simd, pe, _elem(p, "X"), _elem(p, "W"))


def dsp_pack(pe: int, x: tuple[int, int], w: tuple[int, int]) -> int:
    """Products of one x that share a DSP: ``qfx_pkg::dsp_pack``."""
    product = x[0] + w[0] + (not x[1] and not w[1])
    if x[0] + 1 - x[1] > 18 or 26 - w[0] < product:
        return 1
    return int(min(pe, 1 + (26 - w[0]) // product))


def dsp_slots(simd: int, pe: int, x: tuple[int, int], w: tuple[int, int]) -> int:
    """Products that are added inside the DSPs: ``qfx_pkg::dsp_slots``."""
    pack, guard = dsp_pack(pe, x, w), 2
    if pack > 1:
        product = x[0] + w[0] + (not x[1] and not w[1])
        guard = min((26 - w[0]) // (pack - 1) - product, 2)
    return int(min(simd, 1 << guard))


def _elem(p: Params, name: str) -> tuple[int, int]:
    return p[f"{name}Bits"], p[f"{name}Signed"]


def _matvec(p: Params) -> int:
    """Memory, dot product, accumulators."""
    width = p["Pe"] * p["Simd"] * p["WBits"]
    memory = memory_stages(p["Groups"] * p["Tiles"] * p["Depth"], width)
    return memory + _dot_stages(p, p["Simd"], p["Pe"]) + 1


def _depthwise(p: Params) -> int:
    """Memory, dot product, accumulators."""
    steps = p["Taps"] // p["PerWord"]
    memory = memory_stages(steps * p["Chunks"], p["PerWord"] * p["Lanes"] * p["WBits"])
    return memory + _dot_stages(p, p["PerWord"], 1) + 1


def _pool(p: Params) -> int:
    """The word, the tree over its taps, the accumulators; the product with the factor."""
    reduced = 2 + levels(p["PerWord"])
    if p["FBits"] == 0:
        return reduced
    if p["Fabric"] == 2:
        return reduced + 1 + shift_stages(1, p["Terms"], p["Shifts"])
    acc, factor = (p["AccBits"], p["XSigned"]), (p["FBits"], 0)
    return reduced + 1 + product_stages(p["Fabric"], 1, 1, acc, factor)


def _stencil(p: Params) -> int:
    """The rows above the newest one, the shift registers, the choice of a part of the window."""
    kept = (p["KH"] - 1) * p["Simd"] * p["XBits"]
    block = p["KH"] > 1 and memory_stages(p["DH"] * p["W"] * p["Words"], kept) > 1
    parts = p["KH"] * p["KW"] * p["Words"] * p["Simd"] // p["Pe"]
    return (2 if block else 0) + (2 if parts > 1 else 1)


def _window(p: Params) -> int:
    """What an iteration does, and the ring buffer of the rows of a window and of its step."""
    rows = (p["KH"] - 1) * p["DH"] + 1 + p["SH"]
    return 1 + memory_stages(rows * p["W"] * p["Words"], p["Simd"] * p["XBits"])


def _dyadic(p: Params) -> int:
    """Memories, comparisons and choice of the segment, product, sum, saturation."""
    read = int(max(p["APeriod"], p["BPeriod"], p["SPeriod"]) > 1)
    if p["Fabric"] == 2:
        product = shift_stages(1, p["Terms"], p["Shifts"])
    else:
        product = product_stages(p["Fabric"], 1, 1, _elem(p, "X"), _elem(p, "A"))
    return read + (2 if p["Segments"] > 1 else 0) + product + 2


def _expand(p: Params) -> int:
    """The word's place, and the memory of the frame."""
    return 1 + memory_stages(p["Words"], p["Lanes"] * p["XBits"])


def _transpose(p: Params) -> int:
    """What an iteration does, and the memory of the frame."""
    words = p["D0"] * p["D1"] * p["D2"] * p["D3"]
    return 1 + memory_stages(words, p["Lanes"] * p["XBits"])


def _mul(p: Params) -> int:
    """The product; of LUTs, its last carry."""
    return product_stages(p["Fabric"], 1, 1, _elem(p, "A"), _elem(p, "B")) + p["Fabric"]


def _csd(p: Params) -> int:
    """Memory, tree over the digits and b, saturation."""
    digits = p["Plus"].bit_count() + p["Minus"].bit_count()
    return int(p["BPeriod"] > 1) + levels(digits + 1) + 1


def _compare(p: Params) -> int:
    """Memory, comparisons, counts of six each, tree over the counts."""
    return int(p["TPeriod"] > 1) + 2 + levels(max(-(-p["Steps"] // 6), 1))


def _table(p: Params) -> int:
    """The address, the memory."""
    return 1 + memory_stages(p["VPeriod"] * p["Size"], p["YBits"])


LATENCIES: Mapping[str, Callable[[Params], int]] = {
    "add": _add,
    "adders": lambda p: p["Stages"],
    "argmax": lambda p: 2 + levels(p["Lanes"]),
    "cast": _cast,
    "compare": _compare,
    "concat": lambda p: 1,
    "const": _const,
    "csd": _csd,
    "depthwise": _depthwise,
    "dyadic": _dyadic,
    "expand": _expand,
    "fork": lambda p: 0,
    "matvec": _matvec,
    "mul": _mul,
    "pad": lambda p: 1 if p["VPeriod"] == 1 else 2,
    "pool": _pool,
    "shift": _shift,
    "slice": lambda p: 0,
    "stencil": _stencil,
    "table": _table,
    "transpose": _transpose,
    "width": lambda p: 1,
    "window": _window,
}
