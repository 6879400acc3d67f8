"""What every kernel is made of, in numbers that LUTs and flip-flops are linear in.

One function per module of rtl_lib, from its parameters to ``Terms``. Terms follow the structure of
the module: bits of adders, of multiplexers, of registers, of counters, LUTs of memories. What they
weigh is fitted (bench/fit_costs.py); DSPs and block memories are counted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qfxc.hw.cost_memory import Memory, column, ram, rom
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
    width, depth, block = p["Width"], p["Depth"], p["Block"]
    slots = depth - block
    count = levels(max(slots, 3 if depth == 2 else 1)) + 1
    if not block and depth <= 32 and width < 24:
        return Terms({"shift": width, "one": 1, "count": count}, {"state": count + 1})
    rows = slots if slots > (512 if block else 128) else 1 << levels(slots)
    memory = ram(rows, width, "block" if block else "distributed")
    pointers = counters(rows)
    return Terms(
        {
            "memory": 1,
            "block": block,
            "count": count,
            "ram": memory.luts,
            "choice": memory.choice,
            "banks": memory.banks,
        },
        {"memory": 1, "state": count + 2 * pointers + block + 1},
        bram18=memory.bram18,
    )


def adders(p: Params) -> Terms:
    """Carry chains and registers, as the circuit counts them."""
    return Terms(
        {
            "stages": p["Stages"],
            "adders": p["AdderBits"] - p["NarrowBits"],
            "narrow": p["NarrowBits"],
        },
        {"state": p["Stages"], "registers": p["RegisterBits"]},
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
    return Terms(
        {
            "one": 1,
            "adders": lanes * _overlap(p) if terms == 2 else 0,
            "more": lanes * bits * (terms - 1) if terms > 2 else 0,
        },
        {
            "state": stages,
            "registers": lanes * bits if terms == 2 else 0,
            "more": lanes * bits * registers if terms > 2 else 0,
        },
    )


def _overlap(p: Params) -> int:
    """Bits of a sum of two shifted numbers in which both of them have bits of their own."""
    shifts = {x: (p[f"K{x}"] & -p[f"K{x}"]).bit_length() - 1 for x in "AB"}
    tops = [p["YBits"] if p[f"{x}Signed"] else s + p[f"{x}Bits"] for x, s in shifts.items()]
    shared = p["ASigned"] and p["BSigned"] and p["KA"] > 0 and p["KB"] > 0
    return max(min(tops) - max(shifts.values()) - bool(shared), 0)


def const(p: Params) -> Terms:
    """A counter and a memory."""
    size, words = p["Lanes"] * p["YBits"], p["Words"]
    memory, stages = rom(words, size), memory_stages(words, size)
    count = counters(words)
    registers = size * (stages - 1) + round(memory.bits)
    return Terms(
        {"one": 1, "count": count, "rom": memory.luts, "choice": memory.choice},
        {"state": stages + count, "registers": registers},
        bram18=memory.bram18,
    )


def parameter(p: Params, key: str, parts: int = 1) -> Memory:
    """The memory of a parameter of ``parts`` values per channel; one period is wires."""
    depth = p[f"{key}Period"]
    return rom(depth, p["Lanes"] * parts * p[f"{key}Bits"]) if depth > 1 else Memory()


def parameter_bits(p: Params, key: str, parts: int = 1) -> float:
    """Flip-flops behind such a memory: a block memory has its own."""
    return parameter(p, key, parts).bits


def varying(period: int) -> float:
    """The part of a parameter's bits that differ among its words; the others are constants."""
    return 1 - 2.0 ** (1 - period)


def saturation(p: Params, shift: int, negative: bool) -> dict[str, float]:
    """A limit alone is the set or reset of the result's flip-flops; two take a LUT per bit.

    ``negative``: whether a number below zero can come. Limits that are powers of two look at the
    bits above the result, others are comparisons.
    """
    value = max(p["WideBits"] - shift, 1)
    high, low = (1 << (value - 1)) - 1, -(1 << (value - 1))
    above, below = p["Hi"] < high, p["Lo"] > low and negative
    power = (p["Hi"] + 1) & p["Hi"] == 0 and -p["Lo"] & (-p["Lo"] - 1) == 0
    one = 1 + (max(value - p["YBits"], 0) / 5 if power else value / 2)
    return {
        "saturated": p["Lanes"] * p["YBits"] * (above and below),
        "decided": p["Lanes"] * one * (above + below),
    }


def shift(p: Params) -> Terms:
    """Memories, a barrel shifter where channels differ, an adder, the saturation."""
    lanes, wide, stages = p["Lanes"], p["WideBits"], LATENCIES["shift"](p)
    moving, varied = p["LPeriod"] > 1, p["BPeriod"] > 1
    left, bias = parameter(p, "L"), parameter(p, "B")
    read = moving or varied
    count, value = counters(p["Period"]) * read, max(wide - p["Right"], 1)
    held = lanes * (p["XBits"] * read + wide * moving + value + p["YBits"])
    registers = held + left.bits + bias.bits * (1 + moving)
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "adders": lanes
            * min(wide, p["XBits"] + 3 * moving, p["BBits"])
            * varying(p["BPeriod"]),
            "barrel": lanes * wide * -(-p["LBits"] // 2) * varying(p["LPeriod"]),
            "rom": left.luts + bias.luts + left.choice + bias.choice,
            **saturation(p, p["Right"], bool(p["XSigned"] or p["BSigned"])),
        },
        {"state": stages + count, "registers": registers},
        bram18=left.bram18 + bias.bram18,
    )


def cast(p: Params) -> Terms:
    """As shift; then the bits that are cut off decide over one more, and the overflow."""
    lanes, wide, stages = p["Lanes"], p["WideBits"], LATENCIES["cast"](p)
    moving, varied, rounds = p["LPeriod"] > 1, p["BPeriod"] > 1, p["Right"] > 0 and p["Round"] > 0
    left, bias, read = parameter(p, "L"), parameter(p, "B"), moving or varied
    count, value = counters(p["Period"]) * read, wide - p["Right"] + rounds
    kept = min(value, p["YBits"]) if p["Overflow"] == 2 else value
    summed = wide if rounds else kept
    held = p["XBits"] * read + wide * moving + summed * p["Sum"] + kept * rounds
    held += min(value, p["YBits"])
    limits = saturation({**p, "WideBits": value}, 0, bool(p["XSigned"] or p["BSigned"]))
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "adders": lanes
            * min(wide, p["XBits"] + 3 * moving, p["BBits"])
            * varying(p["BPeriod"])
            * p["Sum"],
            "barrel": lanes * wide * -(-p["LBits"] // 2) * varying(p["LPeriod"]),
            "rom": left.luts + bias.luts + left.choice + bias.choice,
            "rounded": lanes * kept * rounds,
            "cut": lanes * (p["Right"] / 5 + 1) * (rounds and p["Round"] != 4),
            **({key: v * (p["Overflow"] == 0) for key, v in limits.items()}),
            "zeroed": lanes * (1 + max(value - p["YBits"], 0) / 5) * (p["Overflow"] == 1),
        },
        {"state": stages + count, "registers": lanes * held + left.bits + bias.bits * (1 + moving)},
        bram18=left.bram18 + bias.bram18,
    )


def csd(p: Params) -> Terms:
    """A tree of adders over the digits and the bias, the saturation."""
    lanes, stages, varied = p["Lanes"], LATENCIES["csd"](p), p["BPeriod"] > 1
    bias, count = parameter(p, "B"), counters(p["Period"]) * varied
    adders, registers = _csd_tree(p)
    registers = lanes * (registers + p["XBits"] * varied + p["YBits"])
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "adders": lanes * adders,
            "rom": bias.luts + bias.choice,
            **saturation(p, p["Shift"], bool(p["XSigned"] or p["BSigned"] or p["Minus"])),
        },
        {"state": stages + count, "registers": registers + bias.bits},
        bram18=bias.bram18,
    )


def _csd_tree(p: Params) -> tuple[float, int]:
    """Bits of the adders and of the registers of a lane; a number lies between two places."""
    plus = [i for i in range(64) if p["Plus"] >> i & 1]
    minus = [i for i in range(64) if p["Minus"] >> i & 1]
    spans = [(i, i + p["XBits"], 1.0) for i in plus] + [(0, p["BBits"], varying(p["BPeriod"]))]
    spans += [(i, i + p["XBits"], 1.0) for i in minus]
    adders, registers = 0.0, 0
    while len(spans) > 1:
        pairs = list(zip(spans[::2], spans[1::2], strict=False))
        rest = spans[-1:] if len(spans) % 2 else []
        spans = []
        for a, b in pairs:
            top = min(max(a[1], b[1]) + 1, p["WideBits"])
            spans.append((min(a[0], b[0]), top, 1.0))
            adders += max(top - max(a[0], b[0]), 0) * min(a[2], b[2])
        spans += rest
        last = len(spans) == 1
        registers += sum(top - max(low, p["Shift"] * last) for low, top, _ in spans)
    return adders, registers


def compare(p: Params) -> Terms:
    """Comparators, counts of six of them, a tree of adders over the counts."""
    lanes, steps, stages = p["Lanes"], p["Steps"], LATENCIES["compare"](p)
    read, groups = p["TPeriod"] > 1, max(-(-steps // 6), 1)
    memory, count = parameter(p, "T", max(steps, 1)), counters(p["Period"]) * read
    bits = max(p["XBits"], p["TBits"])
    counted = sum(min(p["YBits"], min(steps - 6 * g, 6).bit_length()) for g in range(groups))
    nodes, left = groups, groups
    while left > 1:
        left = -(-left // 2)
        nodes += left
    registers = lanes * (steps + p["YBits"] * nodes + p["XBits"] * read)
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "comparators": lanes * steps * bits * read,
            "constants": lanes * steps * bits * (not read),
            "counts": lanes * (counted + p["YBits"] * (groups - 1)) * (steps > 1),
            "rom": memory.luts + memory.choice,
        },
        {"state": stages + count, "registers": registers + memory.bits},
        bram18=memory.bram18,
    )


def table(p: Params) -> Terms:
    """An address and a memory per lane."""
    lanes, rows, stages = p["Lanes"], p["VPeriod"] * p["Size"], LATENCIES["table"](p)
    memory, address = column(rows, lanes, p["YBits"]), counters(rows)
    base = address if p["VPeriod"] > 1 else 0
    held = p["YBits"] * (stages - 2) + memory.bits
    return Terms(
        {
            "one": 1,
            "count": counters(p["VPeriod"]) + base,
            "address": lanes * address * (p["VPeriod"] > 1 or p["XLo"] != 0),
            "rom": lanes * memory.luts,
        },
        {
            "state": stages + counters(p["VPeriod"]) + base,
            "registers": lanes * (address + held),
        },
        bram18=lanes * memory.bram18,
    )


def argmax(p: Params) -> Terms:
    """A tree of comparisons over the lanes, and the best so far."""
    lanes, value, several = p["Lanes"], p["XBits"], p["Words"] > 1
    values, indices, left, level = lanes, 0, lanes, 0
    while left > 1:
        left, level = -(-left // 2), level + 1
        values += left
        indices += left * min(level, p["YBits"])
    base = p["YBits"] if several else 0
    count = counters(p["Words"])
    return Terms(
        {
            "one": 1,
            "several": several,
            "count": count + base,
            "pairs": (lanes - 1) * value,
            "best": value * several,
            "indices": indices + base,
        },
        {
            "one": 1,
            "state": LATENCIES["argmax"](p) * 2 + count + base * (level + 2),
            "values": (values + (1 if several else -1)) * value,
            "indices": indices + p["YBits"],
        },
    )
