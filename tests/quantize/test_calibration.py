"""Calibration data: every way to give it, every way to get it wrong (texts literally)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qfxc.errors import UserError
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Real
from qfxc.ops.input import Input
from qfxc.quantize.calibration import load_inputs, synthetic, thinned

PORT = Port("x", (3, 4, 4), (1, 2, 0))
NODE = Node(Input((4, 4, 3), Real()), (), "x")
GRAPH = Graph("g", (NODE,), (NODE,), (PORT,), (PORT,))
DATA = np.random.default_rng(0).normal(size=(5, 3, 4, 4))


def load(source, pixels: bool = False):  # type: ignore[no-untyped-def]
    return load_inputs(source, GRAPH, pixels=pixels, where="--calib")


def test_every_form(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DATA)
    np.savez(tmp_path / "a.npz", x=DATA, labels=np.zeros(5))
    np.savez(tmp_path / "one.npz", anything=DATA)
    np.savez(tmp_path / "labelled.npz", anything=DATA, y=np.zeros(5))
    folder = tmp_path / "folder"
    folder.mkdir()
    for i, frame in enumerate(DATA):
        np.save(folder / f"{i}.npy", frame)
    forms = [DATA, {"x": DATA}, tmp_path / "a.npy", str(tmp_path / "a.npz"), tmp_path / "one.npz"]
    forms.append(tmp_path / "labelled.npz")
    for source in [*forms, folder]:
        (batch,) = load(source)
        assert np.array_equal(batch, DATA.astype(np.float32))


def test_one_frame_without_a_batch_axis() -> None:
    assert load(DATA[0])[0].shape == (1, 3, 4, 4)


def test_thinned_keeps_the_ends() -> None:
    (few,) = thinned([np.arange(1000)[:, None]], 10)
    assert len(few) == 10
    assert (few[0], few[-1]) == (0, 999)


def test_synthetic_is_seeded() -> None:
    assert np.array_equal(synthetic(GRAPH, pixels=True)[0], synthetic(GRAPH, pixels=True)[0])
    assert set(np.unique(synthetic(GRAPH, pixels=True)[0] % 1)) == {0}


BAD = [
    (DATA[:, :2], False, "--calib: x: shape (5, 2, 4, 4) does not fit the input"),
    (DATA.astype(complex), False, "--calib: x: dtype complex128 is not numeric"),
    (np.where(DATA > 0, np.nan, DATA), False, "--calib: x: NaN or infinity in the data"),
    (DATA, True, "--calib: x: values are not pixels 0..255"),
    ({"y": DATA}, False, "--calib: no array for the input 'x'"),
    (DATA[:0], False, "--calib: no frames"),
    ("missing.npy", False, "--calib missing.npy: no such file or folder"),
]


@pytest.mark.parametrize(("source", "pixels", "text"), BAD)
def test_bad_data(source, pixels: bool, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError) as caught:
        load(source, pixels)
    assert str(caught.value).split("\n")[0] == f"error: {text}"


def test_bad_files(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(UserError, match=r"not a \.npy or \.npz file"):
        load(tmp_path / "text.npz")
    with pytest.raises(UserError, match=r"no \.npy files in the folder"):
        load(tmp_path)
