"""Generated designs: no warning of Verilator with all of them on, and Icarus elaborates them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from kernel_cases import Case, glue_cases, netlist_of, sample_cases
from qfxc.backends import rtl
from qfxc.backends.names import top_name
from qfxc.backends.project import Project
from qfxc.verify.verilator import verilator


@cache
def cases() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in [*sample_cases(), *glue_cases()]:
        found.setdefault(case.instance.kernel.name, []).append(case)
    return found


def project(kernel: str, folder: Path) -> tuple[Path, str]:
    """The RTL of all cases of a kernel; its folder and its top."""
    netlist, _ = netlist_of(cases()[kernel])
    Project.of(rtl.render(netlist)).write(folder / "p")
    return folder / "p" / "rtl", top_name(netlist)


@pytest.mark.parametrize("kernel", sorted(cases()))
def test_verilator_has_nothing_to_say(kernel: str, tmp_path: Path) -> None:
    folder, _ = project(kernel, tmp_path)
    found = verilator()
    command = ["make", "lint", f"VERILATOR={found.binary}"]
    result = subprocess.run(
        command, cwd=folder, env=dict(found.env), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "%Warning" not in result.stdout + result.stderr


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed")
@pytest.mark.parametrize("kernel", sorted(cases()))
def test_icarus_elaborates(kernel: str, tmp_path: Path) -> None:
    folder, top = project(kernel, tmp_path)
    sources = [line for line in (folder / "files.f").read_text().split() if line.endswith(".sv")]
    command = ["iverilog", "-g2012", "-Wall", "-Wno-timescale", "-Ilib", "-s", top, "-o", "x.vvp"]
    result = subprocess.run(
        [*command, *sources], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
