"""Cells of block designs: what the product guides give them for their parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Interface:
    """An AXI4-Stream ("axis", with its bytes) or memory-mapped ("aximm") interface."""

    mode: str
    kind: str
    bytes: int = 0


@dataclass
class Cell:
    """Inputs and outputs (clocks and resets), interfaces, and the parameters that may be set."""

    ins: set[str] = field(default_factory=set)
    outs: set[str] = field(default_factory=set)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    known: tuple[str, ...] = ()


MM_SLAVE, MM_MASTER = Interface("slave", "aximm"), Interface("master", "aximm")


def axi_dma(c: dict[str, str]) -> Cell:
    """PG021."""
    cell = Cell({"s_axi_lite_aclk", "axi_resetn"}, set(), {"S_AXI_LITE": MM_SLAVE})
    for way, stream, mode in (("mm2s", "M_AXIS_MM2S", "master"), ("s2mm", "S_AXIS_S2MM", "slave")):
        width = f"c_{stream.lower()}_tdata_width"
        names = ("c_include_{}", "c_m_axi_{}_data_width", "c_{}_burst_size", "c_include_{}_dre")
        cell.known += (*(n.format(way) for n in names), width)
        if c.get(f"c_include_{way}", "1") == "1":
            memory, bits = int(c.get(f"c_m_axi_{way}_data_width", 32)), int(c.get(width, 32))
            assert memory in (32, 64, 128, 256, 512, 1024)
            assert bits in (8, 16, 32, 64, 128, 256, 512, 1024)
            assert bits <= memory
            cell.ins.add(f"m_axi_{way}_aclk")
            cell.interfaces[f"M_AXI_{way.upper()}"] = MM_MASTER
            cell.interfaces[stream] = Interface(mode, "axis", bits // 8)
    cell.known += ("c_include_sg", "c_sg_include_stscntrl_strm", "c_sg_length_width")
    cell.known += ("c_addr_width",)
    return cell


def axis_dwidth_converter(c: dict[str, str]) -> Cell:
    """PG085."""
    sides = {"S_AXIS": ("slave", "S_TDATA_NUM_BYTES"), "M_AXIS": ("master", "M_TDATA_NUM_BYTES")}
    found = {k: Interface(m, "axis", int(c.get(p, 1))) for k, (m, p) in sides.items()}
    assert all(1 <= i.bytes <= 512 for i in found.values())
    known = ("S_TDATA_NUM_BYTES", "M_TDATA_NUM_BYTES", "HAS_TLAST")
    return Cell({"aclk", "aresetn"}, set(), found, known)


def smartconnect(c: dict[str, str]) -> Cell:
    """PG247."""
    slaves, masters = int(c.get("NUM_SI", 2)), int(c.get("NUM_MI", 1))
    assert 1 <= slaves <= 16
    assert 1 <= masters <= 16
    found = {f"S{i:02d}_AXI": MM_SLAVE for i in range(slaves)}
    found |= {f"M{i:02d}_AXI": MM_MASTER for i in range(masters)}
    return Cell({"aclk", "aresetn"}, set(), found, ("NUM_SI", "NUM_MI"))


def proc_sys_reset(c: dict[str, str]) -> Cell:
    """PG164."""
    return Cell({"slowest_sync_clk", "ext_reset_in"}, {"peripheral_aresetn"})


def zynq_ultra_ps_e(c: dict[str, str]) -> Cell:
    """PG201."""
    cell = Cell(set(), {"pl_clk0", "pl_resetn0"})
    ports = {"M_AXI_GP0": ("maxihpm0_fpd_aclk", "M_AXI_HPM0_FPD", MM_MASTER)}
    ports |= {
        f"S_AXI_GP{i + 2}": (f"saxihp{i}_fpd_aclk", f"S_AXI_HP{i}_FPD", MM_SLAVE) for i in (0, 1)
    }
    for use, (clock, name, interface) in ports.items():
        if c.get(f"PSU__USE__{use}") == "1":
            cell.ins.add(clock)
            cell.interfaces[name] = interface
    cell.known = tuple(f"PSU__USE__{use}" for use in (*ports, "M_AXI_GP1", "M_AXI_GP2"))
    cell.known += ("PSU__FPGA_PL0_ENABLE", "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ")
    cell.known += ("PSU__SAXIGP2__DATA_WIDTH", "PSU__SAXIGP3__DATA_WIDTH")
    return cell


def processing_system7(c: dict[str, str]) -> Cell:
    """PG082."""
    cell = Cell(set(), {"FCLK_CLK0", "FCLK_RESET0_N"})
    for port in ("M_AXI_GP0", "S_AXI_HP0", "S_AXI_HP1"):
        cell.known += (f"PCW_USE_{port}", f"PCW_{port}_DATA_WIDTH")[: 1 + (port[0] == "S")]
        if c.get(f"PCW_USE_{port}") == "1":
            cell.ins.add(f"{port}_ACLK")
            cell.interfaces[port] = MM_MASTER if port[0] == "M" else MM_SLAVE
    cell.known += ("PCW_EN_CLK0_PORT", "PCW_FPGA0_PERIPHERAL_FREQMHZ")
    return cell


MODELS: dict[str, Callable[[dict[str, str]], Cell]] = {
    f.__name__: f
    for f in (
        *(axi_dma, axis_dwidth_converter, smartconnect, proc_sys_reset),
        *(zynq_ultra_ps_e, processing_system7),
    )
}

ATTRIBUTE = re.compile(
    r'X_INTERFACE_INFO = "xilinx\.com:(\w+):(\w+):1\.0 (\w+) (\w+)" \*\)\s*'
    r'(?:\(\* X_INTERFACE_PARAMETER = "([^"]*)" \*\)\s*)?'
    r"(input|output)\s+wire (?:\[(\d+):0\] )?(\w+)"
)


def of_verilog(text: str) -> Cell:
    """What Vivado infers from the attributes of a module."""
    cell = Cell()
    buses = ""
    for library, kind, name, signal, given, way, high, port in ATTRIBUTE.findall(text):
        if library == "signal":
            assert port == name
            cell.ins.add(port)
            buses += given if kind == "clock" else ""
            continue
        assert port == f"{name}_{signal.lower()}"
        if signal in ("TDATA", "AWVALID"):
            mode = "slave" if way == "input" else "master"
            size = (int(high or 0) + 1) // 8
            assert signal != "TDATA" or f"TDATA_NUM_BYTES {size}," in given
            cell.interfaces[name] = Interface(mode, kind, size if signal == "TDATA" else 0)
    named = re.search(r"ASSOCIATED_BUSIF ([\w:]+), ASSOCIATED_RESET aresetn", buses)
    assert named is not None
    assert set(named[1].split(":")) == set(cell.interfaces)
    return cell
