"""The solver's C++ core: compiled once with g++, kept in the user's cache, called by ctypes."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.graph import Adder, Term
from qfxc.cache import cache_folder, digest, kept
from qfxc.errors import InternalError, UserError

SOURCES = (
    "core.cpp",
    *("core.hpp", "digits.hpp", "patterns.hpp", "blocks.hpp"),
    *("share.hpp", "trees.hpp", "differences.hpp"),
)
OPTIONS = (
    *("-O3", "-std=c++14", "-shared", "-fPIC", "-fvisibility=hidden"),
    *("-Wall", "-Wextra", "-Werror"),
)
LIBRARY = "libadders.so"


@cache
def library() -> ctypes.CDLL:
    """The compiled core, compiled again where what is kept is damaged.

    Raises UserError without g++, InternalError where it does not compile.
    """
    here = Path(__file__).resolve().parent
    sources = {name: (here / name).read_bytes() for name in SOURCES}
    name = digest(sources, *OPTIONS, platform.machine())
    folder, make = cache_folder() / "adders" / name, partial(_compile, sources)
    try:
        return ctypes.CDLL(str(kept(folder, LIBRARY, make)))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        return ctypes.CDLL(str(kept(folder, LIBRARY, make)))


def _compile(sources: Mapping[str, bytes], folder: Path) -> None:
    """The library in ``folder``, from the sources as they were read."""
    if shutil.which("g++") is None:
        raise UserError("g++ is not installed", where="adder graphs", hint="install g++")
    for name, content in sources.items():
        (folder / name).write_bytes(content)
    command = ["g++", *OPTIONS, "-o", str(folder / LIBRARY), str(folder / "core.cpp")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InternalError("the adder graph solver does not compile:\n" + done.stderr)


def call(
    matrix: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    limit: int,
    tries: int,
    room: int,
) -> tuple[tuple[Adder, ...], tuple[Term | None, ...], int]:
    """The cheapest graph of ``tries`` attempts, ``limit`` adders deep at most.

    Returns its adders, ``room`` at most, its outputs, and what the core counts for its LUT bits.
    """
    rows, columns = matrix.shape
    adders = np.zeros((room, 6), np.int32)
    outputs = np.zeros((columns, 3), np.int32)
    cost = ctypes.c_int64()
    arrays = [np.ascontiguousarray(x, np.int64) for x in (matrix, low, high)]  # alive for the call
    count = library().qfxc_adders(
        *(ctypes.c_int(rows), ctypes.c_int(columns)),
        *map(_pointer, arrays),
        *(ctypes.c_int(limit), ctypes.c_int(tries), ctypes.c_int(room)),
        *(_pointer(adders), _pointer(outputs), ctypes.byref(cost)),
    )
    if count < 0:
        raise InternalError(f"the adder graph solver needs more than {room} adders")
    made = tuple(Adder(_term(*row[:3]), _term(*row[3:])) for row in adders[:count].tolist())
    ends = tuple(_term(*row) if row[0] >= 0 else None for row in outputs.tolist())
    return made, ends, cost.value


def _pointer(array: NDArray[np.int64] | NDArray[np.int32]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _term(node: int, shift: int, negative: int) -> Term:
    return Term(node, shift, bool(negative))
