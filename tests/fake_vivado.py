"""A stand-in for Vivado that runs the generated Tcl: it knows what the scripts use, and no more.

Cells have the pins and interfaces that the product guides give for their configuration; a
parameter, pin, file or command that is not known is an error, as is a wrong connection. Modules
and the packaged network get theirs from the interface attributes in their Verilog.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from vivado_cells import MODELS, Cell, of_verilog

tkinter = pytest.importorskip("tkinter", reason="Python's own Tcl runs the scripts")

BOARDS = (
    "avnet.com:ultra96v2:part0:1.2",
    "avnet.com:ultra96v2:part0:1.10",
    "xilinx.com:kv260_som:part0:1.4",
    "tul.com.tw:pynq-z2:part0:1.0",
)
IPS = (
    *("axi_dma:7.1", "axis_dwidth_converter:1.1", "smartconnect:1.0", "proc_sys_reset:5.0"),
    *("zynq_ultra_ps_e:3.5", "processing_system7:5.5"),
)
NOTHING = (
    *("update_compile_order", "wait_on_run", "open_run", "close_design", "close_project"),
    *("assign_bd_address", "save_bd_design", "ipx::create_xgui_files", "ipx::update_checksums"),
    *("report_power", "ipx::save_core", "write_checkpoint", "report_timing_summary"),
)
"""Commands that need no model."""


class Vivado:
    """A session; ``calls`` are the commands in order, ``out`` what was printed."""

    def __init__(
        self, boards: Iterable[str] = BOARDS, slack: float = 0.1, status: str = "Complete!"
    ) -> None:
        self.boards, self.slack, self.status = tuple(boards), slack, status
        self.calls: list[tuple[str, ...]] = []
        self.out: list[str] = []
        self.errors: list[Exception] = []
        self.cells: dict[str, Cell] = {}
        self.configs: dict[str, dict[str, str]] = {}
        self.models: dict[str, str] = {}
        self.modules: dict[str, str] = {}
        self.catalog = {ip.split(":")[0]: f"xilinx.com:ip:{ip}" for ip in IPS}
        self.network: Cell | None = None
        self.nets: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.files: set[str] = set()
        self.properties: dict[tuple[str, str], str] = {}
        self.project = Path()
        self.code: int | None = None
        self.valid = False
        self._tcl = tkinter.Tcl()

    def source(self, script: Path, *arguments: str) -> int:
        """Runs a script as ``vivado -mode batch -source`` does; returns the exit code."""
        tcl = self._tcl
        names = [n for n in dir(self) if n.startswith("do_")]
        for name in names:
            self._command(name[3:].replace("__", "::"), getattr(self, name))
        for name in NOTHING:
            self._command(name, lambda *_: "")
        tcl.createcommand("exit", self._exit)
        tcl.call("set", "argv", arguments)
        tcl.call("set", "argc", len(arguments))
        try:
            tcl.call("source", str(script))
        except tkinter.TclError as error:
            if self.code is None:
                where = tcl.getvar("errorInfo")
                raise AssertionError(f"{error} {self.errors}\n{where}") from error
        return self.code or 0

    def _command(self, name: str, run: Callable[..., Any]) -> None:
        def recorded(*arguments: str) -> Any:
            self.calls.append((name, *arguments))
            try:
                return run(*arguments)
            except Exception as error:  # Tcl would lose what went wrong
                self.errors.append(error)
                raise

        self._tcl.createcommand(name, recorded)

    def _exit(self, code: str = "0") -> None:
        self.code = int(code)
        raise RuntimeError("exit")

    def split(self, value: Any) -> list[str]:
        return [str(item) for item in self._tcl.splitlist(value)]

    def do_puts(self, *arguments: str) -> str:
        self.out.append(arguments[-1])
        return ""

    # Projects, files, properties.

    def do_create_project(self, *arguments: str) -> str:
        options = dict(zip(arguments[-2::-2], arguments[:0:-2], strict=False))
        assert options["-part"]
        self.project = Path(arguments[2])
        self.project.mkdir(parents=True, exist_ok=True)
        return ""

    def do_add_files(self, *arguments: str) -> str:
        for name in self.split(arguments[-1]):
            assert Path(name).is_file(), name
            self.files.add(name)
            text = Path(name).read_text()
            self.modules |= dict.fromkeys(re.findall(r"^module (\w+)", text, re.M), text)
        return ""

    def do_get_files(self, name: str) -> str:
        assert name in self.files, name
        return name

    def do_get_board_parts(self, _: str, pattern: str) -> tuple[str, ...]:
        return tuple(board for board in self.boards if fnmatchcase(board, pattern))

    def do_get_ipdefs(self, pattern: str) -> tuple[str, ...]:
        return tuple(v for v in self.catalog.values() if fnmatchcase(v, pattern))

    def do_current_project(self) -> str:
        return "project"

    def do_current_fileset(self) -> str:
        return "sources_1"

    def do_set_property(self, *arguments: str) -> str:
        if arguments[0] != "-dict":
            self.properties[arguments[-1], arguments[0].lower()] = arguments[1]
            return ""
        pairs = self.split(arguments[1])
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            assert name.startswith("CONFIG.")
            self._configure(arguments[2], name[7:], value)
        self._remodel(arguments[2])
        return ""

    def _configure(self, cell: str, name: str, value: str) -> None:
        assert name in self.cells[cell].known, f"{cell}: {name}"
        self.configs[cell][name] = value

    def _remodel(self, cell: str) -> None:
        self.cells[cell] = MODELS[self.models[cell]](self.configs[cell])

    def do_get_property(self, name: str, of: str) -> str:
        if name == "SLACK":
            return str(self.slack)
        if name == "STATUS":
            return f"{self.properties[of, 'step']} {self.status}"
        if name == "DIRECTORY":
            return str(self.project / of)
        made = {"PL0_REF_CTRL__ACT_FREQMHZ", "PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ"}
        assert any(name.endswith(end) for end in made), name
        return "99.999"

    def do_update_ip_catalog(self, *arguments: str) -> str:
        if "-add_ip" in arguments:
            archive = Path(arguments[arguments.index("-add_ip") + 1])
            assert archive.is_file()
            top = archive.stem
            wrapper = archive.parents[1] / "vivado" / "src" / f"{top}_ip.v"
            self.network = of_verilog(wrapper.read_text())
            self.catalog[top] = f"xilinx.com:hls:{top}:1.0"
        else:
            (path,) = self.split(self.properties["project", "ip_repo_paths"])
            assert Path(path).is_dir()
            if (found := Path(path) / "component.xml").is_file():
                top, text = found.read_text().split("\n", 1)
                self.network = of_verilog(text)
                self.catalog[top] = f"qfxc:network:{top}:1.0"
        return ""

    # The packager.

    def do_ipx__package_project(self, *arguments: str) -> str:
        folder = Path(arguments[arguments.index("-root_dir") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        top = self.properties["sources_1", "top"]
        self.network = of_verilog(self.modules[top])
        text = f"{top.removesuffix('_ip')}\n{self.modules[top]}"
        (folder / "component.xml").write_text(text)
        return ""

    def do_ipx__current_core(self) -> str:
        return "core"

    def do_ipx__get_bus_interfaces(self, *arguments: str) -> str:
        assert self.network is not None
        name = arguments[1]
        return name if name in {*self.network.ins, *self.network.interfaces} else ""

    # Block designs.

    def do_create_bd_design(self, name: str) -> str:
        self.files.add(f"{name}.bd")
        return ""

    def do_create_bd_cell(self, *arguments: str) -> str:
        _, kind, _, what, name = arguments
        assert name not in self.cells
        self.configs[name] = {}
        if kind == "module":
            self.cells[name] = of_verilog(self.modules[what])
            return name
        assert what in self.catalog.values()
        ip = what.split(":")[2]
        if ip in MODELS:
            self.models[name] = ip
            self._remodel(name)
        else:
            self.cells[name] = self._network(hls=":hls:" in what)
        return name

    def _network(self, hls: bool) -> Cell:
        """An exported IP has the same streams, with the clock and reset names of HLS."""
        assert self.network is not None
        if hls:
            return Cell({"ap_clk", "ap_rst_n"}, set(), self.network.interfaces)
        return self.network

    def do_apply_bd_automation(self, *arguments: str) -> str:
        assert 'apply_board_preset "1"' in arguments[3]
        assert arguments[1] == f"xilinx.com:bd_rule:{self.models[arguments[-1]]}"
        return ""

    def do_get_bd_cells(self, name: str) -> str:
        assert name in self.cells, name
        return name

    def do_get_bd_pins(self, name: str) -> str:
        cell, pin = name.split("/")
        assert pin in self.cells[cell].ins | self.cells[cell].outs, name
        return name

    def do_get_bd_intf_pins(self, name: str) -> str:
        cell, pin = name.split("/")
        assert pin in self.cells[cell].interfaces, name
        return name

    def do_connect_bd_net(self, source: str, sink: str) -> str:
        cell, pin = source.split("/")
        assert pin in self.cells[cell].outs, f"{source} drives nothing"
        assert sink not in self.nets, f"{sink} is driven twice"
        self.nets[sink] = source
        return ""

    def do_connect_bd_intf_net(self, source: str, sink: str) -> str:
        ends = []
        for name, mode in ((source, "master"), (sink, "slave")):
            cell, pin = name.split("/")
            end = self.cells[cell].interfaces[pin]
            assert end.mode == mode, f"{name} is a {end.mode}"
            assert name not in self.links, f"{name} is connected twice"
            ends.append(end)
        assert (ends[0].kind, ends[0].bytes) == (ends[1].kind, ends[1].bytes), f"{source}, {sink}"
        self.links[source], self.links[sink] = sink, source
        return ""

    def do_validate_bd_design(self) -> str:
        """No clock, reset or interface is left open."""
        for name, cell in self.cells.items():
            assert {f"{name}/{pin}" for pin in cell.ins} <= set(self.nets), name
            assert {f"{name}/{pin}" for pin in cell.interfaces} <= set(self.links), name
        self.valid = True
        return ""

    def do_make_wrapper(self, *_: str) -> str:
        path = self.project / "project.gen" / "sources_1" / "bd" / "system" / "hdl"
        path.mkdir(parents=True, exist_ok=True)
        wrapper = path / "system_wrapper.v"
        wrapper.write_text("module system_wrapper;\nendmodule\n")
        return str(wrapper)

    # Runs.

    def do_get_runs(self, name: str) -> str:
        return name

    def do_launch_runs(self, *arguments: str) -> str:
        assert self.valid
        assert self.properties["sources_1", "top"] == "system_wrapper"
        name, options = arguments[0], dict(zip(arguments[1::2], arguments[2::2], strict=True))
        step = options.get("-to_step", "synth_design")
        assert int(options["-jobs"]) > 0
        assert (name == "synth_1") == (step == "synth_design")
        self.properties[name, "step"] = step
        if step == "write_bitstream":
            bits = self.project / "project.runs" / "impl_1"
            hand = self.project / "project.gen" / "sources_1" / "bd" / "system" / "hw_handoff"
            for file in (bits / "system_wrapper.bit", hand / "system.hwh"):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("made")
        return ""

    def do_get_timing_paths(self, *_: str) -> str:
        return "path"

    def do_report_utilization(self, *arguments: str) -> str:
        return "a table" if "-return_string" in arguments else ""

    # Synthesis without a project.

    def do_read_verilog(self, _: str, files: str) -> str:
        for name in self.split(files):
            assert Path(name).is_file(), name
            self.files.add(name)
        return ""

    def do_read_mem(self, name: str) -> str:
        assert Path(name).is_file()
        return ""

    def do_read_xdc(self, *arguments: str) -> str:
        text = Path(arguments[-1]).read_text()
        assert re.search(r"^create_clock -name aclk -period \S+ \[get_ports aclk\]$", text, re.M)
        return ""

    def do_synth_design(self, *arguments: str) -> str:
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        text = "".join(Path(f).read_text() for f in self.files)
        assert f"module {options['-top']} (" in text
        assert (Path(options["-include_dirs"]) / "qfx_check.svh").is_file()
        return ""


def main() -> int:
    """``vivado -mode batch .. -source SCRIPT [-tclargs ..]``."""
    arguments = sys.argv[1:]
    script = arguments[arguments.index("-source") + 1]
    rest = arguments[arguments.index("-tclargs") + 1 :] if "-tclargs" in arguments else []
    session = Vivado()
    code = session.source(Path(script), *rest)
    print("\n".join(session.out))
    return code
