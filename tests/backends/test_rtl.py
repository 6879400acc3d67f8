"""The RTL back end's files: names, memories, literals, a project that simulates itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kernel_cases import glue_cases, netlist_of, sample_cases, widest_cases
from qfxc.backends import hls, rtl
from qfxc.backends.mem import mem_text
from qfxc.backends.names import identifiers, top_name
from qfxc.backends.project import Project
from qfxc.backends.vectors import golden_files
from qfxc.errors import InternalError
from qfxc.ir.kernel import Rom
from qfxc.ir.types import Int


def test_a_word_of_a_memory_has_element_0_in_its_low_bits() -> None:
    """(-1, 2, 3) in 4 bits each: f, 2, 3, so 0x32f; (0, -8, 7): 0, 8, 7."""
    rom = Rom.of(np.array([[-1, 2, 3], [0, -8, 7]]), Int(-8, 7))
    assert mem_text(rom) == "32f\n780\n"


def test_words_that_end_inside_a_digit() -> None:
    """3 elements of 3 bits: 9 bits, 3 digits. 1 + 7 * 8 + 4 * 64 = 0x139."""
    assert mem_text(Rom.of(np.array([[1, 7, 4]]), Int(0, 7))) == "139\n"


def test_long_memories_are_packed_in_parts() -> None:
    values = np.arange(10_000).reshape(-1, 1)
    lines = mem_text(Rom.of(values, Int(0, (1 << 14) - 1))).splitlines()
    assert [int(line, 16) for line in lines] == values.reshape(-1).tolist()


def test_values_outside_their_type_are_a_bug() -> None:
    with pytest.raises(InternalError, match="memory values outside"):
        mem_text(Rom.of(np.array([[8]]), Int(-8, 7)))


def test_rendering_is_deterministic_and_complete() -> None:
    cases = [*sample_cases(), *widest_cases(), *glue_cases()]
    netlist, golden = netlist_of(cases)
    files = rtl.render(netlist, golden)
    assert files == rtl.render(netlist, golden)
    core = files["rtl/src/qfx_all_kernels_core.sv"]
    assert isinstance(core, str)
    assert len(re.findall(r"^  qfx_fifo ", core, re.M)) == len(netlist.streams)
    for case in cases:
        name = identifiers([i.name for i in netlist.instances], "u_")[case.instance.name]
        assert re.search(rf"^  (\)|qfx_\w+) {name} \($", core, re.M)
        for memory in case.instance.kernel.roms:
            assert f"rtl/mem/{name}_{memory}.mem" in files
            assert f'File("{name}_{memory}.mem")' in core


def test_ports_are_named_as_in_hls() -> None:
    netlist, golden = netlist_of(glue_cases())
    top = rtl.render(netlist)[f"rtl/src/{top_name(netlist)}.sv"]
    header = hls.render(netlist, "xczu3eg-sbva484-1-i", 5.0)[f"hls/src/{top_name(netlist)}.hpp"]
    assert isinstance(top, str)
    assert isinstance(header, str)
    first = header[: header.index("// The same with plain streams.")]
    ports = re.findall(r"& (\w+)[,)]", first)
    assert re.findall(r"\b(\w+)_tdata[,;]", top) == ports
    assert sorted(golden_files(netlist, golden)) == sorted(f"{port}.bin" for port in ports)


def test_a_project_takes_only_the_modules_that_it_uses() -> None:
    netlist, _ = netlist_of(glue_cases())
    library = {p for p in rtl.render(netlist) if p.startswith("rtl/lib/")}
    names = ("axis_in", "axis_out", "counter", "fifo", "fork", "pipe", "pkg", "width")
    used = {f"rtl/lib/qfx_{name}.sv" for name in names} | {"rtl/lib/qfx_check.svh"}
    assert library == used


def test_parameters_beyond_31_bits_and_negative_ones_have_64() -> None:
    assert rtl.literal((1 << 31) - 1) == "2147483647"
    assert rtl.literal(1 << 31) == "64'sd2147483648"
    assert rtl.literal(-1) == "-64'sd1"
    assert rtl.literal(-(1 << 40)) == "-64'sd1099511627776"


def test_the_written_project_checks_itself(tmp_path: Path) -> None:
    """`make sim`: full speed and stalls; one wrong bit is found and named."""
    netlist, golden = netlist_of(glue_cases()[:3])
    Project.of(rtl.render(netlist, golden)).write(tmp_path / "p")
    folder = tmp_path / "p" / "rtl"
    command = ["make", "sim", f"PYTHON={sys.executable}", "OPT=-O0"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("PASS: every word of 5 frames is equal") == 2
    vector = folder / "tb" / "golden" / "s_w4_1_y.bin"
    data = bytearray(vector.read_bytes())
    right = data[-1]
    data[-1] ^= 1
    vector.write_bytes(data)
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 2  # of make
    assert (
        f"MISMATCH output s_w4_1_y, frame 4, word 47: expected 0x{right ^ 1:02x}, got 0x{right:02x}"
        in result.stdout
    )
    assert "FAIL: 1 mismatches" in result.stdout
