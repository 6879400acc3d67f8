"""C-simulation: the generated HLS project, compiled with g++ and run on frames."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import InternalError, UserError
from qfxc.hw.netlist import Netlist
from qfxc.ir.types import Array
from qfxc.progress import Progress, Silent
from qfxc.verify import tools
from qfxc.verify.tools import Content, Tell

SOURCES = ("src/", "include/", "sim/", "tb/qfx_tb.hpp", "tb/tb.cpp", "Makefile")
BINARY = "build/tb"


def build(
    project: Mapping[str, Content],
    workdir: Path | None = None,
    progress: Progress | None = None,
    jobs: int | None = None,
    optimize: str = "-O2",
) -> Path:
    """Compiles the test bench of a project (``{path: content}``); returns the binary.

    The binary depends on the sources alone, so an unchanged design is not compiled again: the
    folder (in the user's cache unless ``workdir`` is given) carries the digest of its content.
    ``optimize`` is g++'s level; -O0 compiles in half the time and simulates ten times slower.
    Raises UserError where g++, make or the ap_int headers are missing.
    """
    sources = tools.under(project, "hls/", SOURCES)
    name = tools.digest(sources, ap_types().as_posix(), optimize)

    def make(folder: Path) -> None:
        hint = "install g++ and make, or skip it with --verify rtl or --verify none"
        tools.require_tools(("g++", "make"), "C-simulation", hint)
        tools.write_files(folder, sources)
        options = [f"-j{jobs or os.cpu_count() or 1}", f"OPT={optimize}"]
        _make(folder, sources, options, progress or Silent())

    return tools.kept((workdir or tools.cache_folder() / "csim") / name, BINARY, make)


def ap_types() -> Path:
    """The folder of ``ap_int.h``, found without importing the package that carries it."""
    spec = importlib.util.find_spec("hls4ml")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "templates" / "vivado" / "ap_types"
        if (folder / "ap_int.h").is_file():
            return folder
    raise UserError(
        "the Xilinx ap_int headers are not installed",
        where="C-simulation",
        hint="pip install hls4ml (its wheel carries them)",
    )


def _make(folder: Path, sources: Iterable[str], options: Sequence[str], progress: Progress) -> None:
    """Runs the project's own Makefile; progress counts the objects."""
    total = sum(path.endswith(".cpp") for path in sources) + 1
    command = ["make", *options, "build", f"AP_TYPES={ap_types()}", "CXX=g++"]
    done = 0

    def hear(line: str) -> None:
        nonlocal done
        if line.startswith("g++"):
            progress.step("g++", min(done, total - 1), total)
            done += 1

    progress.step("g++", 0, total)
    code, log = tools.logged(command, folder, hear)
    if code:
        raise InternalError("the generated C++ does not compile:\n" + _errors(log))
    progress.step("g++", total, total)


def _errors(log: Sequence[str]) -> str:
    """The compiler's complaints without its command lines; the end of the log if none is found."""
    errors = [line for line in log if "error" in line and not line.startswith("g++")]
    return "".join(errors[:20] or log[-20:])


@dataclass(frozen=True, slots=True)
class Timing:
    """What a simulation took, files aside."""

    frames: int
    seconds: float


def run(
    binary: Path, netlist: Netlist, inputs: Sequence[Array], progress: Tell | None = None
) -> list[NDArray[np.int64]]:
    """Runs frames through a built simulation; one array (frames, *frame shape) per output.

    ``inputs``: integers, one array (frames, ..) per netlist input. ``progress(done, total)`` is
    called after every frame. Raises InternalError when the simulation breaks off.
    """
    return run_timed(binary, netlist, inputs, progress)[0]


def run_timed(
    binary: Path, netlist: Netlist, inputs: Sequence[Array], progress: Tell | None = None
) -> tuple[list[NDArray[np.int64]], Timing]:
    """As ``run``, with the time that the simulation itself took."""
    with tempfile.TemporaryDirectory(prefix="qfxc-csim-") as name:
        folder = Path(name)
        tools.write_inputs(folder, netlist, inputs)
        code, lines = tools.run_bench([str(binary), "run", str(folder)], folder, progress)
        if code:
            raise InternalError("C-simulation failed:\n" + "".join(lines[-20:]))
        words = lines[-1].split()
        return tools.read_outputs(folder, netlist), Timing(int(words[1]), float(words[4]))
