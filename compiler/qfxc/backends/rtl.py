"""The RTL back end: a netlist as SystemVerilog, with a test bench that Verilator runs as it is.

It renders instances of the library ``rtl_lib`` and knows no operator. Text is deterministic: the
same netlist gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from qfxc import __version__
from qfxc.backends.circuits import rtl_context
from qfxc.backends.mem import mem_text
from qfxc.backends.names import instance_names, stream_names, top_name
from qfxc.backends.project import Files
from qfxc.backends.templates import fill
from qfxc.backends.vectors import Golden, golden_files
from qfxc.backends.words import word_bytes
from qfxc.hw.netlist import Instance, Netlist, Stream
from qfxc.hw.schedule import schedule
from qfxc.ir.kernel import Kernel
from qfxc.share import folder

GLUE = ("qfx_fifo", "qfx_axis_in", "qfx_axis_out")
"""Modules that every design instantiates besides those of its kernels."""

PIPE = "qfx_pipe"
"""What the module of a kernel with a body instantiates."""


def render(netlist: Netlist, golden: Golden | None = None) -> Files:
    """The project's files by relative path, all of them below ``rtl/``.

    Nothing in them depends on the device. With ``golden`` the test bench has frames to check;
    without, it can still run files of its own.
    """
    context = _context(netlist)
    top = context["top"]
    written = _written(netlist)
    library = _library(i.kernel for i in netlist.instances)
    modules = sorted((p for p in library if p.endswith(".sv")), key=lambda p: ("_pkg" not in p, p))
    context["sources"] = [*modules, *written, f"src/{top}_core.sv", f"src/{top}.sv"]
    files: Files = {
        f"rtl/src/{top}.sv": fill("rtl/top.sv", context),
        f"rtl/src/{top}_core.sv": fill("rtl/core.sv", context),
        "rtl/files.f": fill("rtl/files.f", context),
        "rtl/Makefile": fill("rtl/Makefile", context),
        "rtl/tb/tb.cpp": fill("rtl/tb.cpp", context),
    }
    for path in sorted((folder("rtl_lib") / "tb").glob("*.hpp")):
        files[f"rtl/tb/{path.name}"] = path.read_text()
    memories = {f"rtl/mem/{name}": text for name, text in _memories(netlist).items()}
    sources = {f"rtl/{path}": text for path, text in (*library.items(), *written.items())}
    return {**files, **sources, **memories, **golden_files(netlist, golden, "rtl/tb/golden/")}


def _library(kernels: Iterable[Kernel]) -> dict[str, str]:
    """The modules that the design uses, with what they use themselves, as ``lib/<file>``."""
    root = folder("rtl_lib")
    have = {path.stem: path for path in sorted(root.glob("qfx_*.sv*"))}
    wanted = [*GLUE, *(PIPE if k.body is not None else f"qfx_{k.name}" for k in kernels)]
    found: dict[str, str] = {}
    while wanted:
        path = have.pop(wanted.pop(), None)
        if path is not None:
            text = path.read_text()
            found[f"lib/{path.name}"] = text
            wanted += re.findall(r"\bqfx_\w+", re.sub(r"//[^\n]*", "", text))
    return found


def _written(netlist: Netlist) -> dict[str, str]:
    """The modules of kernels with a body, as ``src/<file>``."""
    runs, top = instance_names(netlist), top_name(netlist)
    found: dict[str, str] = {}
    for instance in netlist.instances:
        if instance.kernel.body is not None:
            module = _module(instance.kernel, top, runs[instance.name])
            found[f"src/{module}.sv"] = module_text(instance.kernel, module, instance.name)
    return found


def module_text(kernel: Kernel, module: str, title: str) -> str:
    """The module of a kernel with a body."""
    names = {"version": __version__, "module": module, "title": title}
    return fill("rtl/adders.sv", {**names, **rtl_context(kernel)})


def _module(kernel: Kernel, top: str, instance: str) -> str:
    """One of the library, or the one that is written for an instance."""
    return f"qfx_{kernel.name}" if kernel.body is None else f"{top}_{instance}"


def _memories(netlist: Netlist) -> dict[str, str]:
    runs = instance_names(netlist)
    return {
        _mem_name(runs[i.name], key): mem_text(rom)
        for i in netlist.instances
        for key, rom in i.kernel.roms.items()
    }


def _mem_name(instance: str, rom: str) -> str:
    return f"{instance}_{rom}.mem"


def _context(netlist: Netlist) -> dict[str, Any]:
    names, runs = stream_names(netlist), instance_names(netlist)
    fed, top = _fed(netlist), top_name(netlist)
    return {
        "version": __version__,
        "top": top,
        "name": netlist.name,
        "instances": [
            {**_instance(i, runs[i.name], names), "module": _module(i.kernel, top, runs[i.name])}
            for i in netlist.instances
        ],
        "streams": [_stream(s, names) for s in netlist.streams],
        "inputs": [_port(s, names, fed) for s in netlist.inputs],
        "outputs": [_port(s, names, fed) for s in netlist.outputs],
    }


def _fed(netlist: Netlist) -> set[str]:
    """The streams that are empty until an input sends a frame.

    Constants never end, and a kernel that emits before it reads (the upper border of a padding)
    begins the next frame by itself.
    """
    fed = {s.name for s in netlist.inputs}
    for instance in netlist.instances:
        plan = schedule(instance.kernel)
        begins = min(int(writes[0]) for writes in plan.writes)
        ends = zip(instance.inputs, plan.reads, strict=True)
        if any(s.name in fed and reads[0] <= begins for s, reads in ends):
            fed |= {s.name for s in instance.outputs}
    return fed


def _instance(instance: Instance, name: str, names: Mapping[str, str]) -> dict[str, Any]:
    """The context of an instance; buses have stream 0 in the low bits, so it comes last."""
    kernel = instance.kernel
    given = kernel.params if kernel.body is None else {}
    params = [{"name": key, "value": literal(value)} for key, value in given.items()]
    for key in kernel.roms:
        parameter = f"{key[0].upper()}{key[1:]}File"
        params.append({"name": parameter, "value": f'"{_mem_name(name, key)}"'})
    ends = {"x": (instance.inputs, "y"), "y": (instance.outputs, "x")}
    return {
        "name": name,
        "title": instance.name,
        "params": params,
        "inputs": bool(instance.inputs),
        **{
            f"{port}_{wire}": _bus([f"{names[s.name]}_{side}_{wire}" for s in streams])
            for port, (streams, side) in ends.items()
            for wire in ("data", "valid", "ready")
        },
    }


def _bus(wires: list[str]) -> str:
    return wires[0] if len(wires) == 1 else f"{{{', '.join(reversed(wires))}}}" if wires else ""


def literal(value: int) -> str:
    """A parameter: a plain integer, or one of 64 bits (negative ones are signed in 64 bits)."""
    if 0 <= value < 1 << 31:
        return str(value)
    return f"-64'sd{-value}" if value < 0 else f"64'sd{value}"


def _stream(stream: Stream, names: Mapping[str, str]) -> dict[str, Any]:
    bits = stream.bits
    return {
        "name": names[stream.name],
        "bits": bits,
        "high": bits - 1,
        "depth": stream.depth,
        "block": int(stream.block),
    }


def _port(stream: Stream, names: Mapping[str, str], fed: set[str]) -> dict[str, Any]:
    size = word_bytes(stream)
    return {
        **_stream(stream, names),
        "axis_bits": 8 * size,
        "axis_high": 8 * size - 1,
        "bytes": size,
        "words": stream.words,
        "fed": "true" if stream.name in fed else "false",
    }
