"""How a dot product is laid out: the constant functions of qfx_pkg.sv, and what comes of it.

``qfx_dot`` splits a word's products into chains and adds the chains up in trees. A chain is a
column of DSPs, several weights in one where they fit, or a row of Booth multiples in carry chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from qfxc.hw.latency import booth_rows, dsp_pack, dsp_slots, levels, shift_slots
from qfxc.ir.powers import Powers

Number = tuple[int, int]
"""Bits of an operand, and whether it is signed."""


@dataclass(frozen=True, slots=True)
class Dot:
    """Parts of all ``pe`` dot products of a word together.

    ``adders``: bits of the adders of chains in LUTs; ``moves``: of the choices of a place before
    them; ``packers``: of those that place weights side
    by side for a DSP; ``cascade``: of those that add up products of DSPs; ``tree``: of the adders
    over the chains. ``registers``: of the chains; ``inner``: those that a DSP has itself;
    ``tree_registers``. ``bits``: the width of a result.
    """

    dsp: int
    adders: int
    moves: int
    packers: int
    cascade: int
    tree: int
    registers: int
    inner: int
    tree_registers: int
    bits: int


def wide(x: Number) -> int:
    """Bits as a signed number."""
    return x[0] + 1 - x[1]


def _booth_width(last: int, slots: int, x: Number) -> int:
    most = 0
    for t in range(last + 1):
        if t and t % slots == 0:
            most = (most + 3) // 4
        most += 1 << wide(x)
    return levels(most) + 1


def _booth_bits(slots: int, rows: int, x: Number) -> int:
    return _booth_width(slots * rows - 1, slots, x) + 2 * (rows - 1)


def _product_bits(x: Number, w: Number) -> int:
    return x[0] + w[0] + (not x[1] and not w[1])


@cache
def dot(fabric: int, simd: int, pe: int, x: Number, w: Number) -> Dot:
    """``pe`` dot products of ``simd`` products of x by w."""
    return _in_luts(simd, pe, x, w) if fabric else _in_dsps(simd, pe, x, w)


@cache
def shifted(simd: int, pe: int, terms: int, shifts: int, x: Number) -> Dot:
    """``pe`` dot products of ``simd`` weights of ``terms`` signed powers of two below 2**shifts.

    A chain of ``slots`` lanes is as long as ``terms`` rows of Booth multiples, then the tree. What
    waits for its turn: x, once for all outputs, and the codes; then what is moved.
    """
    powers, slots = Powers(terms, shifts), shift_slots(simd, terms)
    chains = -(-simd // slots)
    whole, rest = divmod(simd, slots)
    lanes = [slots] * whole + ([rest] if rest else [])
    parts = [_shift_chain(n, slots, powers, x) for n in lanes]
    part = _booth_bits(slots, terms, (x[0] + powers.span - 2, x[1]))
    tree, kept = _tree(chains, part)
    return Dot(
        dsp=0,
        adders=pe * sum(p.adders for p in parts),
        moves=pe * sum(p.moves for p in parts),
        packers=0,
        cascade=0,
        tree=pe * tree,
        registers=sum(pe * p.registers + p.shared for p in parts),
        inner=0,
        tree_registers=pe * kept,
        bits=part + levels(chains),
    )


@dataclass(frozen=True, slots=True)
class Chain:
    """Bits of the adders, of the choices of places and of the registers of one chain; ``shared``:
    registers that the chains of all outputs have in common."""

    adders: int
    moves: int
    registers: int
    shared: int


@cache
def _shift_chain(lanes: int, slots: int, powers: Powers, x: Number) -> Chain:
    """qfx_product_shift: the first term is moved and made negative in front of its register."""
    terms, fine, moved = slots * powers.terms, powers.fine, x[0] + powers.fine - 1
    rest, wide = powers.field - levels(fine), (x[0] + powers.span - 2, x[1])
    adders = moves = registers = 0
    until = [0] * lanes
    for t in range(terms):
        row, lane = divmod(t, slots)
        stage, width = (max(t - 1, 0) // 2), _booth_width(t, slots, wide)
        if lane < lanes:
            adders += width if t else x[0] + powers.span - 1
            moves += moved * -(-levels(fine) // 2)
            until[lane] = stage
            registers += powers.field * stage
            if fine > 1:
                registers += moved + rest if t else width + 1
        if t == terms - 1 or t // 2 > stage:
            registers += 2 * row + width
    registers += max(terms // 2, 1)
    return Chain(adders, moves, registers, x[0] * sum(until))


def _in_luts(simd: int, pe: int, x: Number, w: Number) -> Dot:
    if booth_rows(*x) * (wide(w) + 1) < booth_rows(*w) * (wide(x) + 1):
        x, w = w, x
    rows = booth_rows(*w)
    slots = min(simd, max(8 // rows, 1))
    chains = -(-simd // slots)
    part = _booth_bits(slots, rows, x)
    whole, rest = divmod(simd, slots)
    parts = [_chain(slots, slots, x, w)] * whole + ([_chain(rest, slots, x, w)] if rest else [])
    tree, kept = _tree(chains, part)
    return Dot(
        dsp=0,
        adders=pe * sum(adders for adders, _ in parts),
        moves=0,
        packers=0,
        cascade=0,
        tree=pe * tree,
        registers=pe * sum(registers for _, registers in parts),
        inner=0,
        tree_registers=pe * kept,
        bits=part + levels(chains),
    )


@cache
def _chain(lanes: int, slots: int, x: Number, w: Number) -> tuple[int, int]:
    """Bits of the adders and of the registers of one chain of Booth multiples."""
    rows, adders, registers = booth_rows(*w), 0, 1
    terms = slots * rows
    x_until, w_until = [0] * lanes, [0] * (2 * rows * lanes)
    for t in range(terms):
        row, lane = divmod(t, slots)
        stage = 0 if t == 0 else (t - 1) // 2
        width = _booth_width(t, slots, x)
        if lane < lanes:
            adders += width
            x_until[lane] = stage
            for bit in range(max(2 * row - 1, 0), 2 * row + 2):
                w_until[lane * 2 * rows + bit] = stage
        if t == terms - 1 or t // 2 > stage:
            registers += 2 * row + width
    registers += x[0] * sum(x_until)
    for lane in range(lanes):
        registers += sum(w_until[lane * 2 * rows : lane * 2 * rows + w[0]])
    return adders, registers


def _in_dsps(simd: int, pe: int, x: Number, w: Number) -> Dot:
    """A lane's operands wait as many stages as it has lanes before it; DSPs hold all else."""
    pack, slots = dsp_pack(pe, x, w), dsp_slots(simd, pe, x, w)
    groups, chains = -(-pe // pack), -(-simd // slots)
    field = 0 if pack == 1 else (26 - w[0]) // (pack - 1)
    part = _product_bits(x, w) + levels(slots)
    skew = sum((k % slots) * (groups * x[0] + pe * w[0]) for k in range(simd))
    tree, kept = _tree(chains, part)
    a, b = wide(x), wide(w)
    factor = b if pack == 1 else (pack - 1) * field + w[0] + 1
    high = (pack - 1) * field + _product_bits(x, w)
    total = high + levels(slots)
    tiles = min(-(-a // 18) * -(-b // 27), -(-a // 27) * -(-b // 18))
    return Dot(
        dsp=simd * groups * tiles,
        adders=0,
        moves=0,
        packers=simd * (pe - groups) * field,
        cascade=groups * (simd - chains) * total,
        tree=pe * tree,
        registers=skew,
        inner=groups * (simd * (a + factor + high) + (chains * slots * total if slots > 1 else 0)),
        tree_registers=pe * kept,
        bits=part + levels(chains),
    )


@cache
def _tree(count: int, bits: int) -> tuple[int, int]:
    """Bits of the adders and of the registers of a tree over ``count`` numbers."""
    adders = registers = 0
    level = 0
    while count > 1:
        level += 1
        adders += (count // 2) * (bits + level)
        count = -(-count // 2)
        registers += count * (bits + level + 1)
    return adders, registers
