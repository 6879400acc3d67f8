"""Synthesis: what cells count as, and what Yosys makes of modules whose size is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qfxc.errors import InternalError, UserError
from qfxc.hw.cost import fifo_kernel
from qfxc.hw.netlist import Instance, Netlist, Stream
from qfxc.ir.kernel import Cost, Kernel, Rom
from qfxc.ir.types import Int
from qfxc.verify import synth
from qfxc.verify.synth_netlist import FIFOS, synthesise
from qfxc.verify.synth_source import Module, kernel_module, version


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "cache_folder", lambda: tmp_path)


def test_cells_count_as_in_a_utilisation_report() -> None:
    """UG974: RAM64M8 takes the 8 LUTs of a slice; a RAMB36E2 is two halves; carries are free."""
    cells = {"LUT6": 3, "SRL16E": 2, "RAM64M8": 1, "FDRE": 5, "FDSE": 1, "CARRY4": 9}
    assert synth.resources(cells) == Cost(lut=3 + 2 + 8, ff=6)
    cells = {"RAMB36E2": 2, "RAMB18E2": 1, "DSP48E2": 4, "MUXF7": 8, "INV": 1}
    assert synth.resources(cells) == Cost(dsp=4, bram18=5)
    with pytest.raises(InternalError, match="unknown kind: LATCH"):
        synth.resources({"LATCH": 1})


def test_registers_memories_and_shift_registers() -> None:
    """A FIFO of 16 x 12 bits is 12 SRL16E; one of 1024 x 18 bits exactly one RAMB18E2."""
    shallow, deep = synth.measure(
        [kernel_module(fifo_kernel(16, 12)), kernel_module(fifo_kernel(1024, 18, block=True))]
    )
    assert shallow is not None
    assert deep is not None
    assert 12 <= shallow.lut <= 12 + 15
    assert (shallow.bram18, deep.bram18) == (0, 1)


def test_memory_contents_arrive() -> None:
    """A constant memory of zeros takes no LUT for its words; one of random bits does."""
    rng = np.random.default_rng(0)

    def kernel(values: np.ndarray) -> Kernel:
        params = {"Lanes": 4, "Words": 64, "YBits": 4, "YSigned": 0}
        return Kernel("const", params, {"values": Rom.of(values, Int(0, 15))})

    empty, full = (np.zeros((64, 4), np.int64), rng.integers(0, 16, (64, 4)))
    none, some = synth.measure([kernel_module(kernel(v)) for v in (empty, full)])
    assert none is not None
    assert some is not None
    assert none.lut + 16 <= some.lut  # 16 bits wide, 64 words deep: a LUT6 per bit


def test_equal_modules_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    real = synth._synthesise

    def counted(modules: list[Module], timeout: float) -> list[Cost] | None:
        runs.append(len(modules))
        return real(modules, timeout)

    monkeypatch.setattr(synth, "_synthesise", counted)
    fork = kernel_module(Kernel("fork", {"Bits": 4, "Words": 3, "N": 2}))
    first = synth.measure([fork, fork])
    assert runs == [1]
    assert synth.measure([fork]) == first[:1]
    assert runs == [1]


def test_a_module_that_takes_too_long_has_no_result() -> None:
    fork = kernel_module(Kernel("fork", {"Bits": 4, "Words": 3, "N": 2}))
    other = kernel_module(Kernel("fork", {"Bits": 4, "Words": 3, "N": 3}))
    assert synth.measure([fork, other], timeout=0.01) == [None, None]


def test_refused_parameters_name_the_module() -> None:
    bad = kernel_module(Kernel("fork", {"Bits": 4, "Words": 3, "N": 1}))
    with pytest.raises(InternalError, match="qfx_fork: Yosys failed"):
        synth.measure([bad])


def test_without_yosys_there_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth.importlib.util, "find_spec", lambda name: None)
    version.cache_clear()
    try:
        with pytest.raises(UserError) as caught:
            synth.measure([kernel_module(Kernel("fork", {"Bits": 1, "Words": 1, "N": 2}))])
    finally:
        version.cache_clear()
    text = "error: synthesis: Yosys is not installed\nhint: pip install 'qfxc[synth]'"
    assert str(caught.value) == text


def test_a_netlist_is_compared_kernel_by_kernel() -> None:
    elem = Int(0, 15)
    x, a, b = (Stream(name, elem, 2, 8, 4) for name in ("x", "a", "b"))
    fork = Kernel("fork", {"Bits": 8, "Words": 8, "N": 2})
    net = Netlist("net", (Instance("u_fork", fork, (x,), (a, b)),), (x,), (a, b), (), ())
    found = synthesise(net)
    assert [row["name"] for row in found["rows"]] == ["u_fork", FIFOS]
    three, one = (
        found["rows"][1]["yosys"],
        synth.measure([kernel_module(fifo_kernel(4, 8))])[0],
    )
    assert one is not None
    assert three["lut"] == 3 * one.lut
    total = sum(row["yosys"]["lut"] for row in found["rows"])
    assert found["total"]["yosys"]["lut"] == total
