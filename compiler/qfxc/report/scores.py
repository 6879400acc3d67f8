"""How good a run was: against the float reference, and against labels where there are some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import NO_ARRAYS, UserError
from qfxc.ir.types import Array
from qfxc.quantize.calibration import LABEL_KEYS
from qfxc.quantize.error import cosine, sqnr_db


class Batch(Protocol):
    """A batch of results (``qfxc.run.Result``)."""

    @property
    def real(self) -> Mapping[str, Array]:
        """Real numbers by output, batch axis first."""
        ...

    @property
    def classes(self) -> Mapping[str, int]:
        """Classes by output; 0 for an output that is no classification."""
        ...

    def top1(self, output: str | None = None) -> NDArray[np.int64]:
        """The class of every frame."""
        ...


@dataclass(frozen=True, slots=True)
class Score:
    """One output. Shares are fractions of the frames; None where a number has no meaning.

    ``top1`` and ``top1_float``: frames whose class is the label, integer network and float
    reference; ``agreement``: frames on which both find the same class; ``cosine``: mean over the
    frames; ``sqnr_db``: None where both are equal on every element.
    """

    shape: tuple[int, ...]
    classes: int
    top1: float | None
    top1_float: float | None
    agreement: float | None
    cosine: float
    sqnr_db: float | None

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"shape": list(self.shape)}


def scores(
    result: Batch, reference: Batch, labels: NDArray[np.int64] | None = None
) -> dict[str, Score]:
    """A score per output; the labels judge the first output that is a classification.

    Raises UserError where labels do not fit the frames or the classes.
    """
    judged = next((name for name, count in result.classes.items() if count), None)
    if labels is not None and judged is not None:
        _check(labels, len(result.real[judged]), result.classes[judged])
    return {
        name: _score(name, result, reference, labels if name == judged else None)
        for name in result.real
    }


def _score(name: str, result: Batch, reference: Batch, labels: NDArray[np.int64] | None) -> Score:
    got, expected = result.real[name], reference.real[name]
    noise = sqnr_db(expected, got)
    top1 = top1_float = agreement = None
    if result.classes[name]:
        ours, theirs = result.top1(name), reference.top1(name)
        agreement = float(np.mean(ours == theirs))
        if labels is not None:
            top1, top1_float = (float(np.mean(found == labels)) for found in (ours, theirs))
    return Score(
        shape=got.shape[1:],
        classes=result.classes[name],
        top1=top1,
        top1_float=top1_float,
        agreement=agreement,
        cosine=cosine(expected, got),
        sqnr_db=noise if np.isfinite(noise) else None,
    )


def _check(labels: NDArray[np.int64], frames: int, classes: int) -> None:
    if len(labels) != frames:
        raise UserError(f"{len(labels)} labels for {frames} frames", where="--labels")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise UserError(
            f"label {labels[wrong[0]]} of frame {wrong[0]} is not one of {classes} classes",
            where="--labels",
            hint=f"labels are class indices, 0 to {classes - 1}",
        )


def read_labels(path: Path) -> NDArray[np.int64]:
    """Class indices from .npy, .npz (one array, or one called labels or y) or a text file.

    A text file has one integer per line. Raises UserError for anything else.
    """
    try:
        if path.suffix in (".npy", ".npz"):
            values = _binary(path)
        else:
            values = np.array(
                [int(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
            )
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"the labels cannot be read: {reason}", where=str(path)) from error
    except (*NO_ARRAYS, OverflowError) as error:
        raise _no_labels(path) from error
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise _no_labels(path)
    return values.astype(np.int64)


def _binary(path: Path) -> Array:
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        names = list(loaded.files)
        chosen = names if len(names) == 1 else [key for key in LABEL_KEYS if key in names]
        if not chosen:
            raise UserError(
                "several arrays and none is called labels or y",
                where=str(path),
                hint=f"arrays in it: {', '.join(names) or 'none'}",
            )
        return np.asarray(loaded[chosen[0]])


def _no_labels(path: Path) -> UserError:
    return UserError(
        "these are not labels",
        where=str(path),
        hint="one class index per frame: .npy, .npz, or text with one integer per line",
    )
