"""The terms of the kernels that multiply or reduce: matvec, depthwise, pool, mul, dyadic."""

from __future__ import annotations

from qfxc.hw.cost_dot import Dot, Number, dot, shifted
from qfxc.hw.cost_memory import Memory, ram, rom
from qfxc.hw.cost_terms import (
    Params,
    Terms,
    counters,
    parameter,
    saturation,
    varying,
)
from qfxc.hw.latency import LATENCIES, levels, memory_stages


def _number(p: Params, name: str) -> Number:
    return p[f"{name}Bits"], p[f"{name}Signed"]


def _products(p: Params, simd: int, pe: int) -> Dot:
    """Of matvec and depthwise, whatever multiplies."""
    if p["Fabric"] == 2:
        return shifted(simd, pe, p["Terms"], p["Shifts"], _number(p, "X"))
    return dot(p["Fabric"], simd, pe, _number(p, "X"), _number(p, "W"))


def _luts(products: Dot, copies: int = 1, words: int = 64) -> dict[str, float]:
    """``words``: of the memory of factors; where there are few, bits of factors are constants."""
    return {
        "products": copies * products.adders * (1 + varying(words)) / 2,
        "packers": copies * products.packers,
        "cascade": copies * products.cascade,
        "tree": copies * products.tree,
    }


def _registers(products: Dot, copies: int = 1) -> dict[str, float]:
    return {
        "chains": copies * products.registers,
        "dsp": copies * products.inner,
        "tree": copies * products.tree_registers,
    }


def _by_fabric(
    p: Params, products: Dot, copies: int, words: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Of matvec and depthwise: as ``_luts`` and ``_registers``, chains of shifts apart."""
    moved, luts = p["Fabric"] == 2, _luts(products, copies, words)
    registers = _registers(products, copies)
    sums, chains = luts["products"], registers["chains"]
    luts |= {
        "products": sums * (not moved),
        "shifted": sums * moved,
        "moves": copies * products.moves * varying(words),
    }
    return luts, {**registers, "chains": chains * (not moved), "shifted": chains * moved}


def matvec(p: Params) -> Terms:
    """The weights, the kept vector, dot products, accumulators."""
    simd, pe, tiles, depth = p["Simd"], p["Pe"], p["Tiles"], p["Depth"]
    products = _products(p, simd, pe)
    rows, word, size = p["Groups"] * tiles * depth, simd * p["XBits"], simd * pe * p["WBits"]
    stages, read = LATENCIES["matvec"](p), memory_stages(rows, size)
    weights = rom(rows, size)
    kept = ram(depth, word, "auto" if read > 1 else "distributed") if tiles > 1 else Memory()
    luts, registers = _by_fabric(p, products, 1, rows)
    count = counters(depth, tiles, rows)
    held = word * (read if tiles == 1 or read == 1 else 3 - bool(kept.bram18))
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "words": word if tiles > 1 else 0,
            "accumulators": pe * p["YBits"],
            "rom": weights.luts,
            "choice": weights.choice + kept.choice,
            "ram": kept.luts,
            **luts,
        },
        {
            "state": count + 3 * stages,
            "words": held,
            "accumulators": pe * p["YBits"],
            "weights": size * (read - 1) + weights.bits,
            **registers,
        },
        dsp=products.dsp,
        bram18=weights.bram18 + kept.bram18,
    )


def depthwise(p: Params) -> Terms:
    """As matvec, a dot product per lane; what is reduced so far waits for its chunk's turn."""
    lanes, taps, chunks = p["Lanes"], p["PerWord"], p["Chunks"]
    products = _products(p, taps, 1)
    rows, word, size = p["Taps"] // taps * chunks, lanes * taps * p["XBits"], lanes * taps
    size *= p["WBits"]
    stages, read = LATENCIES["depthwise"](p), memory_stages(rows, size)
    weights, count = rom(rows, size), counters(chunks, p["Taps"] // taps, rows)
    waiting = lanes * p["YBits"]
    luts, registers = _by_fabric(p, products, lanes, rows)
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "accumulators": waiting,
            "delay": waiting * _delay(chunks),
            "rom": weights.luts,
            "choice": weights.choice,
            **luts,
        },
        {
            "state": count + 3 * stages,
            "words": word * read,
            "accumulators": waiting * _turns(chunks),
            "weights": size * (read - 1) + weights.bits,
            **registers,
        },
        dsp=lanes * products.dsp,
        bram18=weights.bram18,
    )


def _delay(chunks: int) -> int:
    """SRL32 per bit of a delay by ``chunks - 1`` words; short ones are flip-flops."""
    return 0 if chunks <= 3 else -(-(chunks - 1) // 32)


def _turns(chunks: int) -> int:
    """Flip-flops per bit of the accumulators of all chunks."""
    return chunks if chunks <= 3 else 1


def pool(p: Params) -> Terms:
    """A tree over the taps of a word, accumulators, and a product where windows differ."""
    lanes, taps, chunks, acc = p["Lanes"], p["PerWord"], p["Chunks"], p["AccBits"]
    stages, nodes, left = LATENCIES["pool"](p), taps, taps
    while left > 1:
        left = -(-left // 2)
        nodes += left
    scaled = p["FBits"] > 0
    products, factors = _factor(p) if scaled else (None, Memory())
    count = counters(chunks, p["Taps"] // taps) + counters(p["Positions"]) * scaled
    pairs = lanes * acc * (taps - (p["Taps"] == taps))
    registers = lanes * acc * (nodes + _turns(chunks)) + lanes * p["YBits"] * scaled
    luts = _luts(products, lanes) if products else {}
    if products:
        luts["products"] += lanes * products.moves
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "maxima": pairs * p["Max"],
            "sums": pairs * (1 - p["Max"]),
            "delay": lanes * acc * _delay(chunks),
            "scaled": lanes * p["YBits"] * scaled,
            "rom": factors.luts,
            **luts,
        },
        {
            "state": count + 2 * stages,
            "registers": registers + p["FBits"] * (2 + levels(taps)),
            **(_registers(products, lanes) if products else {}),
        },
        dsp=lanes * products.dsp if products else 0,
        bram18=factors.bram18,
    )


def _factor(p: Params) -> tuple[Dot, Memory]:
    acc = (p["AccBits"], p["XSigned"])
    if p["Fabric"] == 2:
        products = shifted(1, 1, p["Terms"], p["Shifts"], acc)
    else:
        products = dot(p["Fabric"], 1, 1, acc, (p["FBits"], 0))
    return products, rom(p["Positions"], p["FBits"])


def mul(p: Params) -> Terms:
    """A product per lane; of LUTs, with the last carry behind it."""
    lanes, stages, fabric = p["Lanes"], LATENCIES["mul"](p), p["Fabric"]
    products = dot(fabric, 1, 1, _number(p, "A"), _number(p, "B"))
    last = lanes * p["YBits"] * fabric
    return Terms(
        {"one": 1, "stages": stages, "last": last, **_luts(products, lanes)},
        {"state": stages, "last": last, **_registers(products, lanes)},
        dsp=lanes * products.dsp,
    )


def _factor_of_line(p: Params) -> Dot:
    """The product of dyadic, whatever multiplies."""
    if p["Fabric"] == 2:
        return shifted(1, 1, p["Terms"], p["Shifts"], _number(p, "X"))
    return dot(p["Fabric"], 1, 1, _number(p, "X"), _number(p, "A"))


def dyadic(p: Params) -> Terms:
    """Memories, the choice of a segment, a product, the sum, the saturation."""
    lanes, segments = p["Lanes"], p["Segments"]
    stages, products = LATENCIES["dyadic"](p), _factor_of_line(p)
    memories = [parameter(p, "A", segments), parameter(p, "B", segments)]
    memories += [parameter(p, "S", segments - 1)] if segments > 1 else []
    read = max(p["APeriod"], p["BPeriod"], p["SPeriod"]) > 1
    count = counters(p["Period"]) * read
    chosen = lanes * (segments - 1) * (p["ABits"] + p["BBits"])
    waiting = stages - read - 2 - (2 if segments > 1 else 0)
    waits = lanes * p["BBits"] if segments > 1 else memories[1].bits
    value = max(p["WideBits"] - p["Shift"], 1)
    held = lanes * (p["XBits"] * (read + 2 * (segments > 1)) + value + p["YBits"])
    held += chosen + lanes * (segments - 1)
    product = products.bits if p["Fabric"] == 2 else p["XBits"] + p["ABits"]
    luts = _luts(products, lanes, p["APeriod"])
    luts["products"] += lanes * products.moves * (1 if segments > 1 else varying(p["APeriod"]))
    share = varying(p["BPeriod"]) if segments == 1 else 1
    return Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "sums": lanes * min(product + 1, p["WideBits"]) * share,
            "segments": chosen + lanes * (segments - 1) * p["XBits"],
            "rom": sum(m.luts + m.choice for m in memories),
            **saturation(p, p["Shift"], bool(p["XSigned"] or p["ASigned"] or p["BSigned"])),
            **luts,
        },
        {
            "state": stages + count,
            "registers": held + sum(m.bits for m in memories) + waits * waiting,
            "constant": lanes * p["ABits"] * (p["APeriod"] > 1),
            **_registers(products, lanes),
        },
        dsp=lanes * products.dsp,
        bram18=sum(m.bram18 for m in memories),
    )
