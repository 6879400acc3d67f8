"""Scores of a run, and every form that labels come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from qfxc.errors import UserError
from qfxc.ir.types import Array
from qfxc.report.scores import read_labels, scores
from qfxc.report.screen import run_lines


@dataclass
class Batch:
    real: dict[str, Array]
    classes: dict[str, int]

    def top1(self, output: str | None = None) -> NDArray[np.int64]:
        values = self.real[output or ""]
        return np.asarray(values.reshape(len(values), -1).argmax(axis=1))


def batches(change: int = 0) -> tuple[Batch, Batch]:
    """An image and two vectors; ``change`` is added to one element of the first vector."""
    y = np.array([[1.0, 2.0], [4.0, 3.0]])
    image = np.arange(1.0, 9).reshape(2, 2, 2)
    moved = y.copy()
    moved[0, 0] += change
    classes = {"image": 0, "y": 2, "z": 2}
    return (
        Batch({"image": image, "y": moved, "z": y}, classes),
        Batch({"image": image, "y": y, "z": y}, classes),
    )


def test_scores() -> None:
    found = scores(*batches(3), np.array([1, 0]))
    assert (found["image"].top1, found["image"].agreement) == (None, None)
    assert (found["image"].sqnr_db, found["image"].cosine) == (None, 1.0)
    y = found["y"]
    assert (y.top1, y.top1_float, y.agreement) == (0.5, 1.0, 0.5)
    assert y.sqnr_db == pytest.approx(10 * np.log10(30 / 9))  # sum of squares 30, one error of 3
    assert (found["z"].top1, found["z"].agreement) == (None, 1.0)  # labels judge the first vector


def test_lines() -> None:
    lines = run_lines(2, scores(*batches(), np.array([1, 0])), {"simulator": 0.5, "import": 9.0})
    assert lines == [
        "simulator: 2 frames in 0.50 s, 4.0 frames/s",
        "image (2x2, no classification): cosine 1.000000, SQNR infinite",
        "y (2, 2 classes): top-1 100.00% (float reference 100.00%), same class as float 100.00%, "
        "cosine 1.000000, SQNR infinite",
        "z (2, 2 classes): same class as float 100.00%, cosine 1.000000, SQNR infinite",
    ]


def test_every_form_of_labels(tmp_path: Path) -> None:
    labels = np.array([3, 0, 7], dtype=np.uint8)
    np.save(tmp_path / "a.npy", labels)
    np.save(tmp_path / "column.npy", labels[:, None])
    np.savez(tmp_path / "one.npz", anything=labels)
    np.savez(tmp_path / "y.npz", y=labels, x=np.zeros(3))
    np.savez(tmp_path / "labels.npz", y=np.zeros(3), labels=labels)
    (tmp_path / "a.txt").write_text("3\r\n0\n\n7")
    for file in tmp_path.iterdir():
        found = read_labels(file)
        assert found.tolist() == [3, 0, 7], file.name
        assert found.dtype == np.int64


def bad_files(folder: Path) -> dict[str, str]:
    np.save(folder / "floats.npy", np.zeros(3))
    np.save(folder / "onehot.npy", np.eye(3, dtype=int))
    np.savez(folder / "others.npz", a=np.zeros(3), b=np.zeros(3))
    (folder / "damaged.npz").write_bytes(b"PK\3\4nothing")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "text.txt").write_text("1\ntwo\n")
    (folder / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (folder / "huge.txt").write_text("9" * 30)
    return {path.name: "these are not labels" for path in folder.iterdir()} | {
        "others.npz": "several arrays and none is called labels or y",
        "missing.txt": "the labels cannot be read: No such file or directory",
    }


def test_bad_labels(tmp_path: Path) -> None:
    for name, what in bad_files(tmp_path).items():
        with pytest.raises(UserError) as caught:
            read_labels(tmp_path / name)
        assert (caught.value.what, caught.value.where) == (what, str(tmp_path / name)), name
