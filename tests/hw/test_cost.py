"""Cost models: exact blocks and DSPs, sane sums, and predictions that hold on new instances."""

from __future__ import annotations

import json

import pytest

from kernel_cases import netlist_of, sample_cases
from qfxc.hw.cost import DATA, TERMS, fifo_cost, kernel_cost, models, netlist_cost
from qfxc.hw.cost_dot import dot, shifted
from qfxc.hw.cost_memory import blocks, ram, rom, rom_blocks
from qfxc.ir.kernel import Cost, Kernel


def test_block_memories_by_shape() -> None:
    """UG573: 18 kbit as 512 x 36, 1024 x 18, .. 16384 x 1."""
    assert [blocks(512, 36), blocks(1024, 18), blocks(16384, 1)] == [1, 1, 1]
    assert blocks(513, 36) == 2
    assert blocks(600, 24) == 2
    # 3072 x 24 bits are exactly four times 18 kbit: three words of 24 bits in a row of 72
    assert (rom_blocks(3072, 24), blocks(3072, 24)) == (4, 6)


def test_small_memories_are_luts() -> None:
    """A constant memory goes to a RAMB18E2 (price 129) above 129 * 64 = 8256 bits."""
    assert rom(256, 32).bram18 == 0  # 8192 bits
    assert rom(256, 33).bram18 == 1  # 8448 bits
    assert rom(64, 100).bram18 == 0
    # 14 bits of 32 words, or 7 of 64, are one primitive of 8 LUTs
    assert [ram(n, 14, "distributed").luts for n in (32, 64, 128)] == [8, 16, 32]
    assert ram(1024, 18, "block").bram18 == 1
    assert ram(4096, 8).bram18 == 2
    assert ram(64, 8).bram18 == 0


def test_products_share_dsps() -> None:
    """A factor of 27 bits: three 4-bit weights with products of 8 bits, two of 8 with 16."""
    four, eight, wide = (4, 1), (8, 1), (25, 1)
    assert dot(0, 8, 12, four, four).dsp == 8 * 4  # 1 + (26 - 4) // 8 = 3 weights each
    assert dot(0, 8, 12, eight, eight).dsp == 8 * 6  # 1 + (26 - 8) // 16 = 2
    assert dot(0, 8, 12, wide, (16, 1)).dsp == 8 * 12
    assert dot(1, 8, 12, eight, eight).dsp == 0


def test_shifts_are_moves_and_chains() -> None:
    """Eight places of 8 bits: a choice of four for 8 + 3 bits, then 8 + 7 bits by 0 or 4 places,
    two of which add up to 17 bits with the sign. Terms of two have six places: 8 + 2 bits."""
    one, two = shifted(1, 1, 1, 8, (8, 0)), shifted(2, 3, 1, 8, (8, 0))
    assert (one.moves, one.adders, one.tree) == (11, 15, 0)
    assert (two.moves, two.adders) == (3 * 2 * 11, 3 * (15 + 17))
    assert shifted(1, 1, 2, 8, (8, 0)).moves == 2 * 10
    assert shifted(9, 1, 1, 8, (8, 0)).tree == 0  # a chain of nine
    assert shifted(1, 1, 1, 1, (8, 1)).moves == 0


def test_every_kernel_has_a_model() -> None:
    fitted = models()["kernels"]
    assert set(fitted) == set(TERMS)
    for name, fit in fitted.items():
        error = fit["error"]
        assert error["dsp_exact"] >= 0.95, name
        assert error["bram18_exact"] >= 0.95, name
    assert json.loads(DATA.read_text()) == models()


def test_every_instance_of_the_samples_has_a_cost() -> None:
    netlist, _ = netlist_of(sample_cases())
    costs = [kernel_cost(instance.kernel) for instance in netlist.instances]
    assert all(min(c.lut, c.ff, c.dsp, c.bram18) >= 0 for c in costs)
    fifos = [fifo_cost(s.depth, s.bits, s.block) for s in netlist.streams]
    assert netlist_cost(netlist) == sum([*costs, *fifos], Cost())


@pytest.mark.parametrize("bits", [1, 8, 24, 100])
def test_deeper_fifos_never_cost_less_memory(bits: int) -> None:
    costs = [fifo_cost(depth, bits) for depth in (2, 16, 32, 64, 128, 256)]
    assert all(cost.bram18 == 0 for cost in costs)
    assert costs[-1].lut >= costs[0].lut
    assert fifo_cost(4096, 36, True).bram18 == 8
    assert fifo_cost(4096, 36).bram18 == 0
    assert fifo_cost(0, bits) == Cost()


def test_parallelism_costs() -> None:
    def matvec(simd: int, pe: int) -> Cost:
        params = {"Simd": simd, "Pe": pe, "Vectors": 9, "Groups": 1, "Tiles": 16 // pe}
        params |= {"Depth": 32 // simd, "Fabric": 1}
        for name, bits in (("X", 4), ("W", 4), ("Y", 12)):
            params |= {f"{name}Bits": bits, f"{name}Signed": 1}
        return kernel_cost(Kernel("matvec", params))

    assert matvec(1, 1).lut < matvec(4, 4).lut < matvec(32, 16).lut
