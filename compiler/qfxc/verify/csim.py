"""C-simulation: the generated HLS project, compiled with g++ and run on frames."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qfxc.backends.vectors import port_files
from qfxc.backends.words import from_bytes, to_bytes
from qfxc.errors import InternalError, UserError
from qfxc.hw.netlist import Netlist
from qfxc.ir.graph import Port
from qfxc.ir.types import Array
from qfxc.progress import Progress, Silent

Content = bytes | str

SOURCES = ("hls/src/", "hls/include/", "hls/sim/", "hls/tb/", "hls/Makefile")
GOLDEN = "hls/tb/golden/"
BINARY = "build/tb"


def cache_folder() -> Path:
    """Where built simulations are kept: the user's cache folder of the platform."""
    home = Path.home()
    if sys.platform == "win32":
        return home / "AppData" / "Local" / "qfxc" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "qfxc"
    return home / ".cache" / "qfxc"


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
    sources = _sources(project)
    folder = (workdir or cache_folder() / "csim") / _digest(sources, optimize)
    binary = folder / BINARY
    if binary.is_file():
        return binary
    _require_tools()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="build-") as scratch:
        made = Path(scratch) / "hls"
        for path, content in sources.items():
            _write(made / path, content)
        options = [f"-j{jobs or os.cpu_count() or 1}", f"OPT={optimize}"]
        _make(made, sources, options, progress or Silent())
        _keep(made, folder)
    return binary


def _keep(made: Path, folder: Path) -> None:
    """Moves a finished build to its place; another process may have been faster."""
    try:
        made.rename(folder)
    except OSError:
        if not (folder / BINARY).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)


def _sources(project: Mapping[str, Content]) -> dict[str, bytes]:
    """What the binary is made of, relative to ``hls/``."""
    return {
        path.removeprefix("hls/"): content.encode() if isinstance(content, str) else content
        for path, content in sorted(project.items())
        if path.startswith(SOURCES) and not path.startswith(GOLDEN)
    }


def _digest(sources: Mapping[str, bytes], optimize: str) -> str:
    total = hashlib.sha256(f"{ap_types().as_posix()}\0{optimize}\0".encode())
    for path, content in sources.items():
        total.update(f"{path}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()[:24]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


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


def _require_tools() -> None:
    for tool in ("g++", "make"):
        if shutil.which(tool) is None:
            raise UserError(
                f"{tool} is not installed",
                where="C-simulation",
                hint="install g++ and make, or skip it with --verify none",
            )


def _make(folder: Path, sources: Iterable[str], options: Sequence[str], progress: Progress) -> None:
    """Runs the project's own Makefile; progress counts the objects."""
    total = sum(path.endswith(".cpp") for path in sources) + 1
    command = ["make", *options, "build", f"AP_TYPES={ap_types()}", "CXX=g++"]
    progress.step("g++", 0, total)
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        log: list[str] = []
        for line in process.stdout:
            log.append(line)
            if line.startswith("g++"):
                done = sum(entry.startswith("g++") for entry in log)
                progress.step("g++", min(done, total) - 1, total)
    if process.returncode:
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
    binary: Path,
    netlist: Netlist,
    inputs: Sequence[Array],
    progress: Callable[[int, int], None] | None = None,
) -> list[NDArray[np.int64]]:
    """Runs frames through a built simulation; one array (frames, *frame shape) per output.

    ``inputs``: integers, one array (frames, ..) per netlist input. ``progress(done, total)`` is
    called after every frame. Raises InternalError when the simulation breaks off.
    """
    return run_timed(binary, netlist, inputs, progress)[0]


def run_timed(
    binary: Path,
    netlist: Netlist,
    inputs: Sequence[Array],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[NDArray[np.int64]], Timing]:
    """As ``run``, with the time that the simulation itself took."""
    in_files, out_files = port_files(netlist)
    with tempfile.TemporaryDirectory(prefix="qfxc-csim-") as name:
        folder = Path(name)
        for file, stream, frames in zip(in_files, netlist.inputs, inputs, strict=True):
            (folder / file).write_bytes(to_bytes(frames, stream))
        timing = _simulate(binary, folder, progress)
        outputs = [
            from_bytes((folder / file).read_bytes(), stream)
            for file, stream in zip(out_files, netlist.outputs, strict=True)
        ]
    ports = netlist.out_ports or (None,) * len(outputs)
    shaped = [_shaped(x, port) for x, port in zip(outputs, ports, strict=True)]
    return shaped, timing


def _shaped(frames: NDArray[np.int64], port: Port | None) -> NDArray[np.int64]:
    if port is None:
        return frames
    return frames.reshape(len(frames), *(port.shape[axis] for axis in port.perm))


def _simulate(binary: Path, folder: Path, progress: Callable[[int, int], None] | None) -> Timing:
    with subprocess.Popen(
        [str(binary), "run", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            words = line.split()
            if progress is not None and words[:1] == ["frame"]:
                progress(int(words[1]), int(words[3]))
    if process.returncode:
        raise InternalError("C-simulation failed:\n" + "".join(lines[-20:]))
    words = lines[-1].split()
    return Timing(int(words[1]), float(words[4]))
