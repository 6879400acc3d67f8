"""The terms of the kernels that multiply or reduce: matvec, depthwise, pool, mul, dyadic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

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
    rows, word = p["Groups"] * tiles * depth, simd * p["XBits"]
    count, read = counters(depth, tiles, rows), memory_stages(rows, simd * pe * p["WBits"])
    kept = ram(depth, word, "auto" if read > 1 else "distributed") if tiles > 1 else Memory()
    held = word * (read if tiles == 1 or read == 1 else 3 - bool(kept.bram18))
    own = {
        "count": count,
        "words": word if tiles > 1 else 0,
        "accumulators": pe * p["YBits"],
        "choice": kept.choice,
        "ram": kept.luts,
    }
    own_ff = {"words": held, "accumulators": pe * p["YBits"]}
    found = _weighted(p, "matvec", _products(p, simd, pe), 1, rows, simd * pe, own, own_ff)
    return replace(found, bram18=found.bram18 + kept.bram18)


def depthwise(p: Params) -> Terms:
    """As matvec, a dot product per lane; what is reduced so far waits for its chunk's turn."""
    lanes, taps, chunks = p["Lanes"], p["PerWord"], p["Chunks"]
    rows, size = p["Taps"] // taps * chunks, lanes * taps
    count, waiting = counters(chunks, p["Taps"] // taps, rows), lanes * p["YBits"]
    words = size * p["XBits"] * memory_stages(rows, size * p["WBits"])
    own = {"count": count, "accumulators": waiting, "delay": waiting * _delay(chunks), "choice": 0}
    own_ff = {"words": words, "accumulators": waiting * _turns(chunks)}
    return _weighted(p, "depthwise", _products(p, taps, 1), lanes, rows, size, own, own_ff)


def _weighted(
    p: Params,
    name: str,
    products: Dot,
    copies: int,
    rows: int,
    lanes: int,
    own: Mapping[str, float],
    own_ff: Mapping[str, float],
) -> Terms:
    """Of matvec and depthwise: ``copies`` of the products, ``rows`` words of ``lanes`` weights, and
    what each has of its ``own``."""
    size = lanes * p["WBits"]
    weights, stages = rom(rows, size), LATENCIES[name](p)
    luts, registers = _by_fabric(p, products, copies, rows)
    state = own["count"] + 3 * stages
    own = {**own, "choice": weights.choice + own["choice"]}
    waiting = size * (memory_stages(rows, size) - 1) + weights.bits
    return Terms(
        {"one": 1, "stages": stages, "rom": weights.luts, **own, **luts},
        {"state": state, "weights": waiting, **own_ff, **registers},
        dsp=copies * products.dsp,
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
    scaled, stages = p["FBits"] > 0, LATENCIES["pool"](p)
    count = counters(chunks, p["Taps"] // taps) + counters(p["Positions"]) * scaled
    pairs = lanes * acc * (taps - (p["Taps"] == taps))
    registers = lanes * acc * (_nodes(taps) + _turns(chunks)) + lanes * p["YBits"] * scaled
    found = Terms(
        {
            "one": 1,
            "count": count,
            "stages": stages,
            "maxima": pairs * p["Max"],
            "sums": pairs * (1 - p["Max"]),
            "delay": lanes * acc * _delay(chunks),
            "scaled": lanes * p["YBits"] * scaled,
            "rom": 0,
        },
        {"state": count + 2 * stages, "registers": registers + p["FBits"] * (2 + levels(taps))},
    )
    return _scaled(p, found) if scaled else found


def _nodes(taps: int) -> int:
    """Of a tree of two-input nodes with registers."""
    nodes = taps
    while taps > 1:
        taps = -(-taps // 2)
        nodes += taps
    return nodes


def _scaled(p: Params, plain: Terms) -> Terms:
    """A pool whose results are multiplied by the factor of their position."""
    lanes, (products, factors) = p["Lanes"], _factor(p)
    luts = _luts(products, lanes)
    luts["products"] += lanes * products.moves
    return Terms(
        {**plain.lut, **luts, "rom": factors.luts},
        {**plain.ff, **_registers(products, lanes)},
        dsp=lanes * products.dsp,
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
    lanes, segments, products = p["Lanes"], p["Segments"], _factor_of_line(p)
    memories = [parameter(p, "A", segments), parameter(p, "B", segments)]
    memories += [parameter(p, "S", segments - 1)] if segments > 1 else []
    chosen = lanes * (segments - 1) * (p["ABits"] + p["BBits"])
    product = products.bits if p["Fabric"] == 2 else p["XBits"] + p["ABits"]
    luts = _luts(products, lanes, p["APeriod"])
    luts["products"] += lanes * products.moves * (1 if segments > 1 else varying(p["APeriod"]))
    share = varying(p["BPeriod"]) if segments == 1 else 1
    return Terms(
        {
            "one": 1,
            "count": _count_of_line(p),
            "stages": LATENCIES["dyadic"](p),
            "sums": lanes * min(product + 1, p["WideBits"]) * share,
            "segments": chosen + lanes * (segments - 1) * p["XBits"],
            "rom": sum(m.luts + m.choice for m in memories),
            **saturation(p, p["Shift"], bool(p["XSigned"] or p["ASigned"] or p["BSigned"])),
            **luts,
        },
        {**_registers_of_line(p, memories), **_registers(products, lanes)},
        dsp=lanes * products.dsp,
        bram18=sum(m.bram18 for m in memories),
    )


def _reads(p: Params) -> bool:
    """Whether some parameter differs from word to word."""
    return max(p["APeriod"], p["BPeriod"], p["SPeriod"]) > 1


def _count_of_line(p: Params) -> int:
    return counters(p["Period"]) * _reads(p)


def _registers_of_line(p: Params, memories: Sequence[Memory]) -> dict[str, float]:
    """The element and its parameters on their way to the product, and what waits for the sum."""
    lanes, segments, stages = p["Lanes"], p["Segments"], LATENCIES["dyadic"](p)
    choosing = 2 * (segments > 1)
    chosen = lanes * (segments - 1) * (p["ABits"] + p["BBits"] + 1)
    value = max(p["WideBits"] - p["Shift"], 1)
    held = lanes * (p["XBits"] * (_reads(p) + choosing) + value + p["YBits"]) + chosen
    waits = lanes * p["BBits"] if segments > 1 else memories[1].bits
    waiting = waits * (stages - _reads(p) - 2 - choosing)
    return {
        "state": stages + _count_of_line(p),
        "registers": held + sum(m.bits for m in memories) + waiting,
        "constant": lanes * p["ABits"] * (p["APeriod"] > 1),
    }
