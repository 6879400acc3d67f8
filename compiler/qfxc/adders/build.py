"""The solver's C++ core: compiled once with g++, kept in the user's cache, called by ctypes."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qfxc.adders.graph import Adder, Term
from qfxc.cache import cache_folder, digest, kept
from qfxc.errors import InternalError, UserError

SOURCES = ("core.cpp", "core.hpp", "share.hpp", "trees.hpp")
OPTIONS = ("-O2", "-std=c++14", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror")
LIBRARY = "libadders.so"


class Strategy(ctypes.Structure):
    """One attempt of the solver; the fields are those of ``Strategy`` in share.hpp."""

    _fields_ = [
        ("all_digits", ctypes.c_int),
        ("base", ctypes.c_int),
        ("seed", ctypes.c_int),
        ("depth", ctypes.c_int),
    ]


@cache
def library() -> ctypes.CDLL:
    """The compiled core. Raises UserError without g++, InternalError where it does not compile."""
    here = Path(__file__).resolve().parent
    sources = {name: (here / name).read_bytes() for name in SOURCES}

    def make(folder: Path) -> None:
        if shutil.which("g++") is None:
            raise UserError("g++ is not installed", where="adder graphs", hint="install g++")
        command = ["g++", *OPTIONS, "-o", str(folder / LIBRARY), str(here / "core.cpp")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise InternalError("the adder graph solver does not compile:\n" + done.stderr)

    name = digest(sources, *OPTIONS)
    return ctypes.CDLL(str(kept(cache_folder() / "adders" / name, LIBRARY, make)))


def call(
    matrix: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    strategies: Sequence[Strategy],
    room: int,
) -> tuple[tuple[Adder, ...], tuple[Term | None, ...]]:
    """The cheapest result of the strategies: its adders (``room`` at most) and outputs."""
    rows, columns = matrix.shape
    adders = np.zeros((room, 6), np.int32)
    outputs = np.zeros((columns, 3), np.int32)
    count = library().qfxc_adders(
        *(ctypes.c_int(rows), ctypes.c_int(columns)),
        *(_pointer(np.ascontiguousarray(x, np.int64)) for x in (matrix, low, high)),
        *(ctypes.c_int(len(strategies)), (Strategy * len(strategies))(*strategies)),
        *(ctypes.c_int(room), _pointer(adders), _pointer(outputs)),
    )
    if count < 0:
        raise InternalError(f"the adder graph solver needs more than {room} adders")
    made = tuple(Adder(_term(*row[:3]), _term(*row[3:])) for row in adders[:count].tolist())
    return made, tuple(_term(*row) if row[0] >= 0 else None for row in outputs.tolist())


def _pointer(array: NDArray[np.int64] | NDArray[np.int32]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _term(node: int, shift: int, negative: int) -> Term:
    return Term(node, shift, bool(negative))
