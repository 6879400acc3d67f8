"""The terms of the kernels that move words: pad, window, stencil, slice, concat, and the rest."""

from __future__ import annotations

from qfxc.hw.cost_memory import Memory, ram, rom
from qfxc.hw.cost_terms import Params, Terms, counters
from qfxc.hw.latency import LATENCIES, memory_stages


def _buffer(depth: int, size: int) -> tuple[Memory, dict[str, float], int]:
    """A memory of qfx_ram, its LUT terms, and the flip-flops behind it."""
    stages = memory_stages(depth, size)
    memory = ram(depth, size, "block" if stages > 1 else "distributed")
    terms: dict[str, float] = {"ram": memory.luts, "choice": memory.choice, "banks": memory.banks}
    return memory, terms, size * (stages - bool(memory.bram18))


def pad(p: Params) -> Terms:
    """Counters with ranges; a constant border is the reset of the output registers."""
    size, period = p["Lanes"] * p["YBits"], p["VPeriod"]
    word = p["Before"] + p["Words"] + p["After"]
    pixel, row = p["Left"] + p["W"] + p["Right"], p["Top"] + p["H"] + p["Bottom"]
    count, read = counters(word, pixel, row), period > 1
    values = rom(period, size) if read else Memory()
    ranges = (word > p["Words"]) + (pixel > p["W"]) + (row > p["H"])
    kept = p["Lanes"] * p["XBits"] + values.bits
    return Terms(
        {
            "one": 1,
            "count": count,
            "ranges": ranges,
            "values": size * read,
            "rom": values.luts + values.choice,
        },
        {"state": count + ranges + 1, "words": size + kept * read},
        bram18=values.bram18,
    )


def window(p: Params) -> Terms:
    """The phases, the loops over a window, the address in the ring, the ring."""
    rows, row = (p["KH"] - 1) * p["DH"] + 1, p["W"] * p["Words"]
    size, ring = p["Simd"] * p["XBits"], (rows + p["SH"]) * row
    memory, terms, registers = _buffer(ring, size)
    emit = p["OW"] * p["KH"] * p["KW"] * p["Words"]
    longest = max(rows * row + 4, p["SH"] * row + 4, emit)
    phase, address = longest.bit_length(), counters(ring)
    loops = counters(p["Words"] // p["Groups"], p["KW"], p["KH"], p["Groups"], p["OW"], p["OH"])
    around = address * (ring & (ring - 1) != 0)
    return Terms(
        {"one": 1, "loops": loops, "phase": phase, "address": address, "around": around, **terms},
        {"one": 1, "state": phase + loops + 3 * address, "words": size + registers},
        bram18=memory.bram18,
    )


def transpose(p: Params) -> Terms:
    """A phase counter, the loops of the output, the address, the frame."""
    words, size = p["D0"] * p["D1"] * p["D2"] * p["D3"], p["Lanes"] * p["XBits"]
    memory, terms, registers = _buffer(words, size)
    phase, address = (words + 3).bit_length(), counters(words)
    loops = counters(p["D0"], p["D1"], p["D2"], p["D3"])
    return Terms(
        {"one": 1, "loops": loops, "phase": phase, "address": address, **terms},
        {"one": 1, "state": phase + loops + 3 * address, "words": size + registers},
        bram18=memory.bram18,
    )


def expand(p: Params) -> Terms:
    """A counter of words and one of repeats, the frame."""
    size, words = p["Lanes"] * p["XBits"], p["Words"]
    memory, terms, registers = _buffer(words, size)
    count = counters(words, p["Repeats"])
    return Terms(
        {"one": 1, "count": count, **terms},
        {"one": 1, "state": count + counters(words), "words": registers},
        bram18=memory.bram18,
    )


def stencil(p: Params) -> Terms:
    """The rows above the newest one in one memory, the window in registers, a choice of parts."""
    size, taps = p["Simd"] * p["XBits"], p["KH"]
    depth = p["DH"] * p["W"] * p["Words"]
    kept = (taps - 1) * size
    block = taps > 1 and memory_stages(depth, kept) > 1
    style = "block" if block else "distributed"
    memory = ram(depth, kept, style) if taps > 1 else Memory()
    window_ = taps * ((p["KW"] - 1) * p["DW"] + 1) * p["Words"] * size
    out = p["Pe"] * p["XBits"]
    parts = p["KH"] * p["KW"] * p["Words"] * size // out
    rows = max((taps - 1) * p["DH"] + 1, p["SH"])
    cols = max((p["KW"] - 1) * p["DW"] + 1, p["SW"])
    address = counters(depth) * (taps > 1)
    count = counters(p["Words"], p["W"], p["H"], parts, rows, cols)
    registers = window_ + (out if parts > 1 else 0) + (2 * size + kept) * block
    return Terms(
        {
            "one": 1,
            "count": count,
            "address": address * (1 + block),
            "parts": out * -(-parts // 4) * (parts > 1),
            "ram": memory.luts,
            "choice": memory.choice,
            "banks": memory.banks,
        },
        {
            "one": 1,
            "state": count + address * (1 + block) + 2 * LATENCIES["stencil"](p),
            "words": registers,
        },
        bram18=memory.bram18,
    )


def slice_(p: Params) -> Terms:
    """Counters with ranges and strides; wires. Axes outside of the outermost cut do not count."""
    axes = [(p[f"D{i}"], p[f"A{i}"], min(p[f"B{i}"], p[f"D{i}"]), p[f"S{i}"]) for i in range(4)]
    cut = [stop - start < size or step > 1 for size, start, stop, step in axes]
    inner = axes[cut.index(True) :] if any(cut) else []
    ranges = sum(stop - start < size for size, start, stop, _ in inner)
    phases = counters(*(step for *_, step in inner))
    count = counters(*(size for size, *_ in inner))
    return Terms(
        {"one": 1, "count": count, "ranges": ranges, "phases": phases},
        {"state": count + ranges + phases},
    )


def concat(p: Params) -> Terms:
    """Whose turn it is, a counter, and the words of all inputs one or the other."""
    inputs, lanes = p["N"], p["Lanes"]
    count = counters(max(p[f"Run{i}"] for i in range(inputs)))
    tops = [p["YBits"] if p[f"X{i}Signed"] else p[f"X{i}Bits"] for i in range(inputs)]
    choice = sum(_either(sum(bit < top for top in tops)) for bit in range(p["YBits"]))
    return Terms(
        {"one": 1, "inputs": inputs, "count": count, "choice": lanes * choice},
        {"one": 1, "state": inputs + count, "words": lanes * p["YBits"]},
    )


def _either(inputs: int) -> int:
    """LUT6 of one of so many bits, each with a select of its own; one alone is a reset."""
    return 0 if inputs < 2 else -(-inputs // 3)
