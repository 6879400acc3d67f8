"""Files that are missing, damaged or no ONNX at all: one clear error, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_checks import model, node

from qfxc.errors import UserError
from qfxc.frontend.onnx_file import load

SHAPE: dict[str, Any] = {"x": ["n", 3, 8, 8]}
WEIGHTS = np.ones((4, 3, 3, 3), dtype=np.float32)


def convolution() -> onnx.ModelProto:
    return model([node("Conv", "x", "w")], SHAPE, constants={"w": WEIGHTS})


def text(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(path)
    return str(caught.value).replace(str(path), "FILE")


def test_missing_file(tmp_path: Path) -> None:
    assert text(tmp_path / "no.onnx") == "error: FILE: cannot be read: No such file or directory"


DAMAGED = (
    "error: FILE: not an ONNX model, or a damaged one: it is no valid protocol buffer\n"
    "hint: download or export it again"
)


def test_not_an_onnx_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 20)
    assert text(path) == DAMAGED


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(convolution().SerializeToString()[:-30])
    assert text(path) == DAMAGED


def test_damaged_names(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    data = model([node("Relu", "x", name="activation")], SHAPE).SerializeToString()
    path.write_bytes(data.replace(b"activation", b"activ\xa2tion"))
    assert text(path) == "error: names in the model are not valid UTF-8; it is damaged"


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"")
    assert text(path) == "error: FILE: not an ONNX model: it has no graph with outputs"


def test_external_data_missing(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(
        convolution(),
        path,
        save_as_external_data=True,
        location="net.bin",
        size_threshold=0,
    )
    assert load(path).outputs[0].type.shape == (6, 6, 4)
    (tmp_path / "net.bin").unlink()
    assert text(path).startswith(
        "error: FILE: a file with external weights cannot be read\n"
        "hint: keep the weight files beside the model ("
    )


def test_external_data_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    proto = convolution()
    onnx.save(proto, path, save_as_external_data=True, location="net.bin", size_threshold=0)
    with pytest.raises(UserError) as caught:
        load(onnx.load(path, load_external_data=False))
    assert str(caught.value) == "error: initialiser w: its external data are not loaded"


def test_damaged_files_never_give_a_traceback(tmp_path: Path) -> None:
    """Every truncation and 400 changed bytes: an error for the user, or a model."""
    path = tmp_path / "net.onnx"
    nodes = [node("Conv", "x", "w", to="c"), node("MaxPool", "c", kernel_shape=[2, 2])]
    data = model(nodes, SHAPE, constants={"w": WEIGHTS[:1]}).SerializeToString()
    rng = np.random.default_rng(0)
    variants = [data[:size] for size in range(0, len(data), 7)]
    for index in rng.integers(0, len(data), 400):
        variants.append(data[:index] + bytes([rng.integers(0, 256)]) + data[index + 1 :])
    refused = 0
    for variant in variants:
        path.write_bytes(variant)
        try:
            load(path)
        except UserError:
            refused += 1
    assert refused > len(data) // 7  # at least the truncated ones


def test_unsupported_operators_and_refused_ones_are_listed_together() -> None:
    """The second convolution is behind an operator that is not supported: its input is unknown."""
    nodes = [
        node("Conv", "x", "w", to="c", name="deep"),
        node("Det", "x", to="d", name="det"),
        node("Conv", "d", "w", to="e", name="behind"),
        node("Relu", "c", to="y"),
        node("Relu", "e", to="z"),
    ]
    weights = {"w": np.ones((2, 3, 3, 3, 3), np.float32)}
    proto = model(nodes, {"x": ["n", 3, 4, 4, 4]}, ("y", "z"), weights)
    with pytest.raises(UserError) as caught:
        load(proto)
    assert str(caught.value) == (
        "error: det (Det): this operator is not supported\n"
        "hint: `qfxc ops` lists the ones that are\n"
        "error: deep (Conv): 3-dimensional windows are not supported\n"
        "hint: 1-D and 2-D convolution and pooling are"
    )
