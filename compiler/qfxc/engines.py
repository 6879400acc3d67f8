"""The engines besides the simulator: how each one builds a project and runs frames through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from qfxc.backends.project import Files
from qfxc.backends.vectors import Golden
from qfxc.golden import require_equal
from qfxc.hw.netlist import Netlist
from qfxc.ir.types import Array
from qfxc.progress import Progress
from qfxc.verify import csim, rtlsim

Run = Callable[[Sequence[Array]], list[Array]]

VERIFY: Mapping[str, tuple[str, ...]] = {
    "all": ("hls", "rtl"),
    "csim": ("hls",),
    "rtl": ("rtl",),
    "none": (),
}
"""What ``--verify`` can be, and the engines that it runs."""

NAMES = {"hls": "C-simulation", "rtl": "RTL simulation"}
STALLED = "RTL simulation with stalls"
SEED = 0


def engine(name: str, files: Files, netlist: Netlist, progress: Progress) -> Run:
    """``hls`` or ``rtl``, built from the files of a project: inputs to outputs, netlist order."""
    build = {"hls": csim.build, "rtl": rtlsim.build}[name]
    binary = build(files, progress=progress)

    def run(inputs: Sequence[Array]) -> list[Array]:
        tell = partial(progress.step, NAMES[name])
        tell(0, len(inputs[0]))
        if name == "hls":
            return [*csim.run(binary, netlist, inputs, tell)]
        return [*rtlsim.run(binary, netlist, inputs, progress=tell)[0]]

    return run


def prove(
    verify: str,
    files: Files,
    netlist: Netlist,
    golden: Golden,
    progress: Progress,
    trace: Path | None = None,
) -> list[dict[str, Any]]:
    """Runs the golden frames on the engines that ``--verify`` names; a report entry per run.

    Every element of every output must be equal, else VerificationError. ``trace``: where to write
    a waveform of the RTL at full speed.
    """
    proofs: list[dict[str, Any]] = []
    if "hls" in VERIFY[verify]:
        outputs = engine("hls", files, netlist, progress)(golden.inputs)
        proofs.append(_entry("hls", netlist, golden, outputs))
    if "rtl" in VERIFY[verify]:
        proofs += _prove_rtl(files, netlist, golden, progress)
    if trace is not None:
        binary = rtlsim.build(files, progress=progress, trace=True)
        rtlsim.run(binary, netlist, golden.inputs, trace=trace)
    return proofs


def _prove_rtl(
    files: Files, netlist: Netlist, golden: Golden, progress: Progress
) -> list[dict[str, Any]]:
    """At full speed, which tells the rate, and with stalls at every port."""
    binary = rtlsim.build(files, progress=progress)
    entries = []
    for name, seed in ((NAMES["rtl"], None), (STALLED, SEED)):
        tell = partial(progress.step, name)
        tell(0, len(golden.outputs[0]))
        outputs, timing = rtlsim.run(binary, netlist, golden.inputs, seed, tell)
        entry = _entry("rtl", netlist, golden, outputs)
        entry |= {
            "stalls": 0 if seed is None else rtlsim.STALL,
            "latency_cycles": timing.latency,
            "interval_cycles": timing.interval,
        }
        entries.append(entry)
    return entries


def _entry(name: str, netlist: Netlist, golden: Golden, outputs: Sequence[Array]) -> dict[str, Any]:
    for port, expected, got in zip(netlist.out_ports, golden.outputs, outputs, strict=True):
        require_equal(port.name, expected, got, NAMES[name])
    elements = sum(x.size for x in golden.outputs)
    return {"engine": name, "frames": len(golden.outputs[0]), "elements": elements, "equal": True}
