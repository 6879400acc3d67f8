"""RTL simulation: the generated SystemVerilog, compiled by Verilator and run on frames."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qfxc.backends.names import port_names
from qfxc.errors import InternalError, VerificationError
from qfxc.hw.netlist import Netlist
from qfxc.ir.types import Array
from qfxc.progress import Progress, Silent
from qfxc.verify import tools
from qfxc.verify.deadlock import explain, longest_wait
from qfxc.verify.tools import Content, Tell
from qfxc.verify.verilator import Verilator, verilator

SOURCES = ("src/", "lib/", "mem/", "files.f", "tb/qfx_", "tb/tb.cpp", "Makefile")
BINARY, MODEL, MEMORIES = "build/tb", "build/model", "mem"
DEADLOCK = 3
STALL = 50
"""Per cent of the cycles in which a port stalls, where a seed asks for stalls."""


def build(
    project: Mapping[str, Content],
    workdir: Path | None = None,
    progress: Progress | None = None,
    jobs: int | None = None,
    optimize: str = "-O1",
    trace: bool = False,
) -> Path:
    """Compiles the RTL of a project (``{path: content}``) and its test bench; returns the binary.

    As ``csim.build``: built once per content, kept in the user's cache unless ``workdir`` is
    given. ``optimize`` is g++'s level: -O2 takes twice the time and simulates no faster. ``trace``
    builds a slower one that can write waveforms. Raises UserError where Verilator, perl, g++ or
    make are missing.
    """
    sources = tools.under(project, "rtl/", SOURCES)
    cache = workdir or tools.cache_folder()
    found = verilator()
    settings = (found.key, optimize, f"trace={trace}")

    def make(folder: Path) -> None:
        tools.write_files(folder, sources)
        (folder / MEMORIES).mkdir(exist_ok=True)
        options = [f"-j{jobs or os.cpu_count() or 1}", f"OPT={optimize}"]
        options += ["TRACE=1"] if trace else []
        runtime = cache / "verilated" / tools.digest({}, *settings)
        _make(found, folder, options, runtime, progress or Silent())
        shutil.rmtree(folder / MODEL)

    return tools.kept(cache / "rtlsim" / tools.digest(sources, *settings), BINARY, make)


def _make(
    found: Verilator, folder: Path, options: Sequence[str], runtime: Path, progress: Progress
) -> None:
    """Runs the project's own Makefile: first the model as C++, then its objects.

    Verilator's own runtime is the same for all models: its objects are kept in ``runtime``.
    """
    base = ["make", *options, f"VERILATOR={found.binary}", "CXX=g++"]
    progress.step("Verilator", 0, 1)
    top = next((folder / "src").glob("*_core.sv")).stem.removesuffix("_core")
    _checked([*base, f"{MODEL}/V{top}.mk"], folder, found)
    progress.step("Verilator", 1, 1)
    kept = sorted(runtime.glob("*.o"))
    for path in kept:
        shutil.copy(path, folder / MODEL / path.name)
    total = len([*(folder / MODEL).glob("*.cpp")]) + 1
    _checked([*base, "build"], folder, found, _Objects(progress, total))
    progress.step("g++ (RTL)", total, total)
    if not kept:
        tools.kept(runtime, "verilated.o", lambda made: _keep_runtime(folder / MODEL, made))


class _Objects:
    """Counts the compiler's command lines."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        progress.step("g++ (RTL)", 0, total)

    def __call__(self, line: str) -> None:
        if line.startswith(("g++", "ccache", "c++")):
            self._progress.step("g++ (RTL)", min(self._done, self._total - 1), self._total)
            self._done += 1


def _keep_runtime(model: Path, folder: Path) -> None:
    for path in model.glob("verilated*.o"):
        shutil.copy(path, folder / path.name)


def _checked(
    command: Sequence[str], folder: Path, found: Verilator, hear: _Objects | None = None
) -> None:
    code, log = tools.logged(command, folder, hear, found.env)
    if code:
        errors = [line for line in log if "rror" in line and not line.startswith("g++")]
        raise InternalError("the generated RTL does not build:\n" + "".join(errors[:20] or log))


@dataclass(frozen=True)
class Timing:
    """What the test bench saw, in clock cycles since the reset.

    Per port, in netlist order, the cycle in which every frame's first and last word moved.
    """

    frames: int
    cycles: int
    seconds: float
    in_first: tuple[tuple[int, ...], ...]
    in_last: tuple[tuple[int, ...], ...]
    out_first: tuple[tuple[int, ...], ...]
    out_last: tuple[tuple[int, ...], ...]

    @property
    def ends(self) -> tuple[int, ...]:
        """When every frame had left: its last word at the last output."""
        return tuple(max(cycles) for cycles in zip(*self.out_last, strict=True))

    @property
    def latency(self) -> int:
        """Cycles from the first word of the first frame to its last result, both included.

        Later frames wait in FIFOs for those before them, so theirs says less about the design.
        """
        return self.ends[0] - min((first[0] for first in self.in_first), default=0) + 1

    @property
    def interval(self) -> int:
        """Cycles per frame: between the ends of the last two, when the FIFOs have filled.

        Of a single frame all that is known is its latency.
        """
        return self.ends[-1] - self.ends[-2] if len(self.ends) > 1 else self.latency

    @property
    def cycles_per_second(self) -> float:
        """The speed of the simulation."""
        return self.cycles / max(self.seconds, 1e-6)


def run(
    binary: Path,
    netlist: Netlist,
    inputs: Sequence[Array],
    seed: int | None = None,
    progress: Tell | None = None,
    patience: int | None = None,
    trace: Path | None = None,
    frames: int | None = None,
) -> tuple[list[NDArray[np.int64]], Timing]:
    """Runs frames through a built simulation; one array (frames, *frame shape) per output.

    ``inputs`` as in ``csim.run``. Without ``seed`` words come and go as fast as the design moves
    them; with one, every port stalls at random and registers start at random values.
    ``patience``: cycles without a word at any port that prove a deadlock; by default what the
    netlist's schedules allow. ``trace``: where to
    write a waveform (needs ``build(trace=True)``). ``frames``: how many, for a design without
    inputs. Raises VerificationError for a deadlock,
    naming the streams, and for words that are too many, InternalError when it breaks off.
    """
    limit = longest_wait(netlist) if patience is None else patience
    with tempfile.TemporaryDirectory(prefix="qfxc-rtlsim-") as name:
        folder = Path(name)
        tools.write_inputs(folder, netlist, inputs)
        command = [str(binary), "run", str(folder), "--patience", str(limit)]
        command += [] if seed is None else ["--seed", str(seed + 1), "--stall", str(STALL)]
        command += [] if frames is None else ["--frames", str(frames)]
        command += [] if trace is None else ["--trace", str(trace.absolute())]
        code, lines = tools.run_bench(command, binary.parents[1] / MEMORIES, progress)
        if code == DEADLOCK:
            raise VerificationError(explain(netlist, lines))
        wrong = [line for line in lines if line.startswith("MISMATCH")]
        if code and wrong:
            raise VerificationError("RTL simulation: " + "".join(wrong).strip())
        if code:
            raise InternalError("RTL simulation failed:\n" + "".join(lines[-20:]))
        return tools.read_outputs(folder, netlist), timing_of(netlist, lines)


def timing_of(netlist: Netlist, lines: Sequence[str]) -> Timing:
    """The timing in what a test bench printed."""
    data: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
    inputs, outputs = port_names(netlist)

    def cycles(side: str, names: Sequence[str], key: str) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(data[side][name][key]) for name in names)

    return Timing(
        data["frames"],
        data["cycles"],
        data["seconds"],
        cycles("inputs", inputs, "first"),
        cycles("inputs", inputs, "last"),
        cycles("outputs", outputs, "first"),
        cycles("outputs", outputs, "last"),
    )
