"""What every kernel is made of, in numbers that LUTs and flip-flops are linear in.

One function per module of rtl_lib, from its parameters to ``Terms``. Terms follow the structure of
the module: bits of adders, of multiplexers, of registers, of counters, LUTs of memories. What they
weigh is fitted (bench/fit_costs.py); DSPs and block memories are counted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qfxc.hw.cost_memory import Memory, ram, rom
from qfxc.hw.latency import LATENCIES, levels, memory_stages, signed_digits

Params = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Terms:
    """Quantities that LUTs and flip-flops are proportional to, by name; exact DSPs and blocks."""

    lut: Mapping[str, float]
    ff: Mapping[str, float]
    dsp: int = 0
    bram18: int = 0


def counters(*counts: int) -> int:
    """Bits of counters 0..count-1; one that does not count has none."""
    return sum((count - 1).bit_length() for count in counts)


def fifo(p: Params) -> Terms:
    """Shift registers, distributed or block memory (qfx_fifo.sv)."""
    width, depth = p["Width"], p["Depth"]
    block = int(depth > 256)
    slots = depth - block
    count = levels(slots) + 1
    if depth <= 2 or (depth <= 32 and width < 24):
        kept = width * depth if depth <= 2 else 0
        return Terms({"shift": width, "one": 1, "count": count}, {"state": count + kept})
    rows = slots if depth > 128 else max(32, 1 << levels(depth))
    memory = ram(rows, width, "auto" if block else "distributed")
    pointers = counters(rows)
    registered = 0 if memory.bram18 or not block else width
    return Terms(
        {
            "memory": 1,
            "block": block,
            "count": count,
            "ram": memory.luts,
            "choice": memory.choice,
            "banks": memory.banks,
        },
        {"memory": 1, "state": count + 2 * pointers + block + registered},
        bram18=memory.bram18,
    )


def fork(p: Params) -> Terms:
    """Wires and two gates per branch."""
    return Terms({"one": 1, "branches": p["N"] > 5}, {})


def width(p: Params) -> Terms:
    """A shift register, or what is left of a wide word and the choice of a part of it."""
    wide, narrow = max(p["InBits"], p["OutBits"]), min(p["InBits"], p["OutBits"])
    count = counters(wide // narrow)
    state = wide + count + 1 + (p["OutBits"] > p["InBits"])
    if p["OutBits"] >= p["InBits"]:
        return Terms({"one": 1, "count": count}, {"state": state})
    parts = wide // narrow
    choice = narrow * (1 if parts <= 4 else 2 if parts <= 8 else -(-parts // 4) + parts // 12)
    return Terms({"one": 1, "count": count, "choice": choice}, {"state": state})


def add(p: Params) -> Terms:
    """A tree of registered adders over the signed digits of both factors."""
    terms = signed_digits(p["KA"]) + signed_digits(p["KB"])
    lanes, bits, stages = p["Lanes"], p["YBits"], LATENCIES["add"](p)
    registers, count = 0, terms
    while count > 1:
        count = -(-count // 2)
        registers += count
    negated = p["KA"] < 0 or p["KB"] < 0
    return Terms(
        {"one": 1, "adders": lanes * bits * (terms - 1), "negated": lanes * bits * negated},
        {"state": stages, "registers": lanes * bits * registers},
    )


def const(p: Params) -> Terms:
    """A counter and a memory."""
    size, words = p["Lanes"] * p["YBits"], p["Words"]
    memory, stages = rom(words, size), memory_stages(words, size)
    count = counters(words)
    registers = size * (stages - bool(memory.bram18))
    return Terms(
        {"one": 1, "count": count, "rom": memory.luts, "choice": memory.choice},
        {"state": stages + count, "registers": registers},
        bram18=memory.bram18,
    )


def parameter(p: Params, key: str, parts: int = 1) -> Memory:
    """The memory of a parameter of ``parts`` values per channel; one period is wires."""
    depth = p[f"{key}Period"]
    return rom(depth, p["Lanes"] * parts * p[f"{key}Bits"]) if depth > 1 else Memory()


def parameter_bits(p: Params, key: str, parts: int = 1) -> int:
    """Flip-flops behind such a memory: a block memory has its own."""
    if p[f"{key}Period"] == 1 or parameter(p, key, parts).bram18:
        return 0
    return p["Lanes"] * parts * p[f"{key}Bits"]


def saturation(p: Params, shift: int) -> dict[str, float]:
    """Per lane: high bits that decide, and the bits that are replaced."""
    value = max(p["WideBits"] - shift, 1)
    high, low = (1 << (value - 1)) - 1, -(1 << (value - 1))
    limits = (p["Hi"] < high) + (p["Lo"] > low)
    power = (p["Hi"] + 1) & p["Hi"] == 0 and (p["Lo"] & -p["Lo"]) == abs(p["Lo"])
    return {
        "saturated": p["Lanes"] * p["YBits"] * bool(limits),
        "decided": p["Lanes"] * (value - p["YBits"] if power else value) * limits,
    }


def shift(p: Params) -> Terms:
    """Memories, a barrel shifter where channels differ, an adder, the saturation."""
    lanes, wide, stages = p["Lanes"], p["WideBits"], LATENCIES["shift"](p)
    moving, read = p["LPeriod"] > 1, p["LPeriod"] > 1 or p["BPeriod"] > 1
    left, bias = parameter(p, "L"), parameter(p, "B")
    count = counters(p["Period"]) * read
    registers = lanes * (p["XBits"] * read + wide * (1 + moving) + p["YBits"])
    registers += parameter_bits(p, "L") + parameter_bits(p, "B")
    registers += lanes * p["BBits"] * (p["BPeriod"] > 1 and moving)
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "adders": lanes * wide * read,
            "constants": lanes * wide * (not read),
            "barrel": lanes * wide * p["LBits"] * moving,
            "rom": left.luts + bias.luts + left.choice + bias.choice,
            **saturation(p, p["Right"]),
        },
        {"state": stages + count, "registers": registers},
        bram18=left.bram18 + bias.bram18,
    )


def csd(p: Params) -> Terms:
    """A tree of adders over the digits and the bias, the saturation."""
    lanes, wide, stages = p["Lanes"], p["WideBits"], LATENCIES["csd"](p)
    read = p["BPeriod"] > 1
    terms = p["Plus"].bit_count() + p["Minus"].bit_count() + 1
    bias, count = parameter(p, "B"), counters(p["Period"]) * read
    nodes, left = 0, terms
    while left > 1:
        left = -(-left // 2)
        nodes += left
    registers = lanes * (wide * nodes + p["XBits"] * read + p["YBits"])
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "adders": lanes * wide * (terms - 1),
            "rom": bias.luts + bias.choice,
            **saturation(p, p["Shift"]),
        },
        {"state": stages + count, "registers": registers + parameter_bits(p, "B")},
        bram18=bias.bram18,
    )


def compare(p: Params) -> Terms:
    """Comparators, counts of six of them, a tree of adders over the counts."""
    lanes, steps, stages = p["Lanes"], p["Steps"], LATENCIES["compare"](p)
    read, groups = p["TPeriod"] > 1, max(-(-steps // 6), 1)
    memory, count = parameter(p, "T", max(steps, 1)), counters(p["Period"]) * read
    bits = max(p["XBits"], p["TBits"])
    registers = lanes * (steps + p["YBits"] * (2 * groups - 1) + p["XBits"] * read)
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "comparators": lanes * steps * bits * read,
            "constants": lanes * steps * bits * (not read),
            "counts": lanes * p["YBits"] * (2 * groups - 1) * (steps > 1),
            "rom": memory.luts + memory.choice,
        },
        {
            "state": stages + count,
            "registers": registers + parameter_bits(p, "T", max(steps, 1)),
        },
        bram18=memory.bram18,
    )


def table(p: Params) -> Terms:
    """An address and a memory per lane."""
    lanes, rows, stages = p["Lanes"], p["VPeriod"] * p["Size"], LATENCIES["table"](p)
    memory, address = rom(rows, p["YBits"]), counters(rows)
    base = address if p["VPeriod"] > 1 else 0
    return Terms(
        {
            "one": 1,
            "count": counters(p["VPeriod"]) + base,
            "address": lanes * address * (p["VPeriod"] > 1 or p["XLo"] != 0),
            "rom": lanes * memory.luts,
            "choice": lanes * memory.choice,
        },
        {
            "state": stages + counters(p["VPeriod"]) + base,
            "registers": lanes * (address + p["YBits"] * (stages - 1 - bool(memory.bram18))),
        },
        bram18=lanes * memory.bram18,
    )


def argmax(p: Params) -> Terms:
    """A tree of comparisons over the lanes, and the best so far."""
    lanes, stages = p["Lanes"], LATENCIES["argmax"](p)
    value = p["XBits"] + 1 - p["XSigned"]
    nodes, left = lanes, lanes
    while left > 1:
        left = -(-left // 2)
        nodes += left
    base = p["YBits"] if p["Words"] > 1 else 0
    return Terms(
        {
            "one": 1,
            "stages": stages,
            "count": counters(p["Words"]) + base,
            "values": lanes * value,
            "indices": lanes * p["YBits"],
        },
        {
            "state": stages * 2 + counters(p["Words"]) + base * levels(lanes),
            "values": (nodes + 1) * value,
            "indices": (nodes - lanes) * levels(lanes) + p["YBits"],
        },
    )
