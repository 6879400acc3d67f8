"""The network itself inside a project: integer and float graphs, and the folds, to run it again."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qfxc.errors import NO_ARRAYS, UserError
from qfxc.hw.pinned import fold_of, plain
from qfxc.ir.graph import Graph, Op
from qfxc.ir.kernel import Fold
from qfxc.ir.text import constants, dump, load
from qfxc.ir.types import Array

INTEGER = "model/integer"
REAL = "model/float"
FOLDS = "model/folds.json"

DAMAGE = (*NO_ARRAYS, LookupError, TypeError, AttributeError)
"""What reading a file raises that is not what ``files`` wrote."""


@dataclass(frozen=True)
class SavedModel:
    """What ``files`` wrote: the float reference, the integer graph and the folds of its kernels."""

    real: Graph
    integer: Graph
    folds: dict[str, Fold]


def files(real: Graph, integer: Graph, folds: Mapping[str, Fold]) -> dict[str, bytes | str]:
    """``model/``: graphs as text with their constants beside them (.npz), and the folds."""
    out: dict[str, bytes | str] = {}
    for stem, graph in ((INTEGER, integer), (REAL, real)):
        out[f"{stem}.txt"] = dump(graph)
        out[f"{stem}.npz"] = npz(constants(graph))
    saved = {name: plain(fold) for name, fold in sorted(folds.items())}
    out[FOLDS] = json.dumps(saved, indent=2) + "\n"
    return out


def npz(arrays: Mapping[str, Array]) -> bytes:
    """Compressed, integers as narrow as they go; stable, as numpy stamps every member 1980."""
    buffer = io.BytesIO()
    narrow: dict[str, Any] = {name: _narrow(a) for name, a in arrays.items()}
    np.savez_compressed(buffer, **narrow)
    return buffer.getvalue()


def _narrow(array: Array) -> Array:
    if array.dtype.kind != "i" or array.size == 0:
        return array
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= array.min() and array.max() <= np.iinfo(kind).max:
            return array.astype(kind)
    return array


def read(folder: Path, ops: Mapping[str, type[Op]]) -> SavedModel:
    """The model of a project folder; UserError when it is not one."""
    try:
        real, integer = (
            _graph(folder / f"{stem}.txt", folder / f"{stem}.npz", ops) for stem in (REAL, INTEGER)
        )
        raw = json.loads((folder / FOLDS).read_text(encoding="utf-8"))
        folds = {name: fold_of(fold) for name, fold in raw.items()}
    except OSError as error:
        raise _no_project(folder, f"{error.strerror}: {error.filename}") from error
    except UserError as error:
        raise _no_project(folder, str(error.what)) from error
    except DAMAGE as error:
        raise _no_project(folder, "its files are damaged") from error
    return SavedModel(real, integer, folds)


def _no_project(folder: Path, reason: str) -> UserError:
    return UserError(
        f"not a qfxc project ({reason})",
        where=str(folder),
        hint="give the folder that qfxc wrote",
    )


def _graph(text: Path, arrays: Path, ops: Mapping[str, type[Op]]) -> Graph:
    with np.load(arrays) as data:
        values = {
            name: data[name].astype(np.int64) if data[name].dtype.kind == "i" else data[name]
            for name in data.files
        }
    return load(text.read_text(), values, ops)
