"""The SystemVerilog library and the compiler name the same kernels, parameters and memories."""

from __future__ import annotations

import re

import pytest

from kernel_cases import glue_cases, sample_cases
from qfxc.backends.rtl import module_text
from qfxc.hw.latency import LATENCIES
from qfxc.ir.kernel import Kernel
from qfxc.share import folder

ROOT = folder("rtl_lib")
PORTS = {"clk_i", "rst_ni", *(f"{p}_{w}" for p in "xy" for w in ("data", "valid", "ready"))}
WRITTEN = {"adders"}
"""Kernels with a body: their modules are generated."""
PARAMETER = re.compile(r"^\s*parameter\s+(.*?)(\w+)\s*=\s*(.*?),?\s*$", re.M)


def kernels() -> dict[str, list[Kernel]]:
    found: dict[str, list[Kernel]] = {}
    for case in [*sample_cases(), *glue_cases()]:
        found.setdefault(case.instance.kernel.name, []).append(case.instance.kernel)
    return found


def header(name: str) -> str:
    text = (ROOT / f"qfx_{name}.sv").read_text()
    found = re.search(rf"^module qfx_{name}\b.*?^\);", text, re.M | re.S)
    assert found is not None
    return re.sub(r"//[^\n]*", "", found.group(0))


def test_every_kernel_of_the_contract_has_its_module_and_its_latency() -> None:
    text = (ROOT.parent / "docs" / "kernels.md").read_text()
    listed = set(re.findall(r"^\| (\w+) \|", text, re.M)) - {"kernel"}
    assert listed == set(kernels()) == set(LATENCIES)
    assert all((ROOT / f"qfx_{name}.sv").is_file() for name in listed - WRITTEN)


@pytest.mark.parametrize("name", sorted(set(kernels()) - WRITTEN))
def test_parameters(name: str) -> None:
    """Exactly those of the kernel, and a file for every memory; 0 means that it was not given."""
    found = {match[1]: (match[0].strip(), match[2]) for match in PARAMETER.findall(header(name))}
    given: set[str] = set()
    for kernel in kernels()[name]:
        given |= {*kernel.params, *(f"{m[0].upper()}{m[1:]}File" for m in kernel.roms)}
    assert set(found) == given
    for parameter, (kind, default) in found.items():
        file = parameter.endswith("File")
        assert default == ('""' if file else "0")
        assert kind in (("",) if file else ("int", "signed [63:0]")), parameter


def ports(text: str) -> set[str]:
    found = re.findall(r"\b(?:input|output)\s+logic\s*(?:\[[^\]]*\]\s*)?(\w+)", text)
    return {re.sub(r"^([xy]_\w+)_[io]$", r"\1", port) for port in found}


@pytest.mark.parametrize("name", sorted(set(kernels()) - WRITTEN))
def test_ports(name: str) -> None:
    """All kernels have the same ones."""
    assert ports(header(name)) == PORTS


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_ports_of_written_modules(name: str) -> None:
    for kernel in kernels()[name]:
        assert kernel.body is not None
        text = module_text(kernel, "qfx_written", "n")
        assert ports(text[: text.index(");")]) == PORTS


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.sv")), ids=lambda path: path.stem)
def test_one_module_per_file(path: object) -> None:
    text = re.sub(r"//[^\n]*", "", (ROOT / str(path)).read_text())
    kind = "package" if str(path).endswith("_pkg.sv") else "module"
    names = re.findall(rf"^{kind}\s+(\w+)", text, re.M)
    assert [f"{name}.sv" for name in names] == [str(path).rsplit("/", 1)[-1]]
