"""The HLS back end: a netlist as a Vitis HLS project that g++ can simulate as it is.

It renders instances of the library ``hls_lib`` and knows no operator. Text is deterministic: the
same netlist gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qfxc import __version__
from qfxc.backends.circuits import hls_context
from qfxc.backends.hls_roms import rom_array
from qfxc.backends.names import instance_names, stream_names, top_name
from qfxc.backends.project import Files
from qfxc.backends.templates import fill
from qfxc.backends.vectors import Golden, golden_files
from qfxc.backends.words import word_bytes
from qfxc.hw.netlist import Instance, Netlist, Stream
from qfxc.share import folder

CHUNK = 24
"""Kernel instances per source file: the files compile in parallel, each parses ap_int.h (2 s)."""

FUNCTIONS = {"const": "const_"}
"""The functions of kernels whose names are C++ keywords."""

LEAST_DEPTH = 16
BRANCH_MARGIN = 32
"""The netlist's depths are exact for the latencies of rtl_lib. Those of Vitis' pipelines are known
only after synthesis: every FIFO is a full shift register at least, and every branch of a fork holds
some words more, as many as the other branch may have in flight beyond what rtl_lib's would."""

SRL_DEPTH = 32


def render(netlist: Netlist, part: str, clock_ns: float, golden: Golden | None = None) -> Files:
    """The project's files by relative path.

    ``part`` is AMD's name of the device, ``clock_ns`` the target period. With ``golden`` the
    test bench has frames to check; without, it can still run files of its own.
    """
    context = _context(netlist, part, clock_ns)
    top = context["top"]
    files: Files = {
        f"hls/src/{top}.hpp": fill("hls/top.hpp", context),
        f"hls/src/{top}.cpp": fill("hls/top.cpp", context),
        "hls/tb/tb.cpp": fill("hls/tb.cpp", context),
        "hls/run_hls.tcl": fill("hls/run_hls.tcl", context),
        "hls/hls_config.cfg": fill("hls/hls_config.cfg", context),
        "hls/Makefile": fill("hls/Makefile", context),
    }
    for name, chunk in zip(context["kernel_files"], context["chunks"], strict=True):
        files[f"hls/src/{name}"] = fill("hls/kernels.cpp", {**context, "instances": chunk})
    for instance in context["instances"]:
        for rom in instance["roms"]:
            files[f"hls/src/{rom['path']}"] = rom.pop("text")
        if instance["body"] is not None:
            files[f"hls/src/{instance['name']}_adders.hpp"] = fill("hls/adders.hpp", instance)
    return {**files, **_library(), **golden_files(netlist, golden, "hls/tb/golden/")}


def _library() -> Files:
    """The headers that the project uses, so that it stands alone."""
    root = folder("hls_lib")
    found: Files = {}
    for path in sorted((root / "include" / "qfx").glob("*.hpp")):
        found[f"hls/include/qfx/{path.name}"] = path.read_text()
    for path in sorted((root / "sim").glob("*.h")):
        found[f"hls/sim/{path.name}"] = path.read_text()
    for path in sorted((root / "tb").glob("*.hpp")):
        found[f"hls/tb/{path.name}"] = path.read_text()
    return found


def _context(netlist: Netlist, part: str, clock_ns: float) -> dict[str, Any]:
    names = stream_names(netlist)
    runs = instance_names(netlist)
    instances = [_instance(i, runs[i.name], names) for i in netlist.instances]
    ends = {*netlist.inputs, *netlist.outputs}
    forked = {s for i in netlist.instances if i.kernel.name == "fork" for s in i.outputs}
    chunks = [instances[i : i + CHUNK] for i in range(0, len(instances), CHUNK)]
    return {
        "version": __version__,
        "top": top_name(netlist),
        "name": netlist.name,
        "part": part,
        "clock_ns": f"{clock_ns:g}",
        "instances": instances,
        "chunks": chunks,
        "kernel_files": [f"kernels_{i}.cpp" for i in range(len(chunks))],
        "kernel_objects": [f"build/kernels_{i}.o" for i in range(len(chunks))],
        "streams": [_stream(s, names, forked) for s in netlist.streams if s not in ends],
        "inputs": [_port(s, names, forked) for s in netlist.inputs],
        "outputs": [_port(s, names, forked) for s in netlist.outputs],
    }


def _instance(instance: Instance, name: str, names: Mapping[str, str]) -> dict[str, Any]:
    kernel = instance.kernel
    return {
        "version": __version__,
        "name": name,
        "title": instance.name,
        "kernel": kernel.name,
        "body": None if kernel.body is None else hls_context(kernel),
        "function": FUNCTIONS.get(kernel.name, kernel.name),
        "params": [_param(key, value) for key, value in kernel.params.items()],
        "inputs": [_argument(s, names) for s in instance.inputs],
        "outputs": [_argument(s, names) for s in instance.outputs],
        "roms": [_rom(name, key, rom_array(rom)) for key, rom in kernel.roms.items()],
    }


def _param(name: str, value: int) -> dict[str, Any]:
    wide = not -(1 << 31) < value < 1 << 31
    return {
        "name": name,
        "type": "long long" if wide else "int",
        "value": f"{value}LL" if wide else str(value),
    }


def _argument(stream: Stream, names: Mapping[str, str]) -> dict[str, Any]:
    return {"name": names[stream.name], "bits": stream.bits}


def _rom(instance: str, name: str, array: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": f"uint{array.bits}_t",
        "depth": array.depth,
        "columns": array.columns,
        "impl": array.impl,
        "path": f"roms/{instance}_{name}.inc",
        "text": array.text(),
    }


def _stream(stream: Stream, names: Mapping[str, str], forked: set[Stream]) -> dict[str, Any]:
    depth = max(stream.depth, LEAST_DEPTH) + BRANCH_MARGIN * (stream in forked)
    impl = "bram" if stream.block else "srl" if depth <= SRL_DEPTH else "lutram"
    return {**_argument(stream, names), "depth": depth, "impl": impl}


def _port(stream: Stream, names: Mapping[str, str], forked: set[Stream]) -> dict[str, Any]:
    return {
        **_stream(stream, names, forked),
        "axis_bits": 8 * word_bytes(stream),
        "words": stream.words,
        "lanes": stream.lanes,
        "elem_bits": stream.elem.bits,
        "signed": "true" if stream.elem.signed else "false",
    }
