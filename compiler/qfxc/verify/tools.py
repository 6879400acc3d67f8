"""What both simulations share: built binaries by content, tools, running a test bench on files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qfxc.backends.vectors import port_files
from qfxc.backends.words import from_bytes, to_bytes
from qfxc.cache import cache_folder as cache_folder
from qfxc.cache import digest as digest
from qfxc.cache import kept as kept
from qfxc.errors import UserError
from qfxc.hw.netlist import Netlist
from qfxc.ir.graph import Port
from qfxc.ir.types import Array

Content = bytes | str
Tell = Callable[[int, int], None]
"""Called with the number of frames that are done and of all frames."""


def under(project: Mapping[str, Content], root: str, wanted: Sequence[str]) -> dict[str, bytes]:
    """The files of a project below ``root`` whose paths there start as one of ``wanted``."""
    prefixes = tuple(root + path for path in wanted)
    return {
        path.removeprefix(root): content.encode() if isinstance(content, str) else content
        for path, content in sorted(project.items())
        if path.startswith(prefixes)
    }


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files by their relative paths."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def require_tools(names: Sequence[str], where: str, hint: str) -> None:
    """Raises UserError for the first program that is not installed."""
    for name in names:
        if shutil.which(name) is None:
            raise UserError(f"{name} is not installed", where=where, hint=hint)


def logged(
    command: Sequence[str],
    folder: Path,
    tell: Callable[[str], None] | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[int, list[str]]:
    """Runs a program; its exit code and every line it printed, ``tell`` hears them as they come."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if tell is not None:
                tell(line)
    return process.returncode, lines


def run_bench(
    command: Sequence[str], folder: Path, tell: Tell | None = None
) -> tuple[int, list[str]]:
    """As ``logged`` for a test bench, which says ``frame i of n`` after every frame."""

    def hear(line: str) -> None:
        words = line.split()
        if tell is not None and words[:1] == ["frame"]:
            tell(int(words[1]), int(words[3]))

    return logged(command, folder, hear)


def write_inputs(folder: Path, netlist: Netlist, inputs: Sequence[Array]) -> None:
    """``<input>.bin`` for every input port."""
    files, _ = port_files(netlist)
    for file, stream, frames in zip(files, netlist.inputs, inputs, strict=True):
        (folder / file).write_bytes(to_bytes(frames, stream))


def read_outputs(folder: Path, netlist: Netlist) -> list[NDArray[np.int64]]:
    """What ``<output>.bin`` holds; one array (frames, *frame shape) per output."""
    _, files = port_files(netlist)
    values = [
        from_bytes((folder / file).read_bytes(), stream)
        for file, stream in zip(files, netlist.outputs, strict=True)
    ]
    ports = netlist.out_ports or (None,) * len(values)
    return [_shaped(x, port) for x, port in zip(values, ports, strict=True)]


def _shaped(frames: NDArray[np.int64], port: Port | None) -> NDArray[np.int64]:
    if port is None:
        return frames
    return frames.reshape(len(frames), *(port.shape[axis] for axis in port.perm))
