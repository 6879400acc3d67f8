"""Calibration inputs: from arrays, .npy, .npz or a folder of .npy, checked; or synthetic ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qfxc.errors import NO_ARRAYS, UserError
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Array

MOST_FRAMES = 512
"""More frames are thinned out evenly: statistics hardly change, time does."""

SYNTHETIC_FRAMES = 64

LABEL_KEYS = ("labels", "y")
"""Arrays that an archive may hold beside the inputs."""

Source = str | Path | Array | Mapping[str, Array]


def load_inputs(source: Source, graph: Graph, *, pixels: bool, where: str) -> list[Array]:
    """One batch (N, *ONNX shape) per graph input, float32; raises UserError on bad data."""
    arrays = _named(source, graph, where)
    batches = [_checked(port, arrays, pixels, where) for port in graph.in_ports]
    if len({len(b) for b in batches}) > 1:
        counts = ", ".join(
            f"{p.name}: {len(b)}" for p, b in zip(graph.in_ports, batches, strict=True)
        )
        raise UserError(f"inputs with different numbers of frames ({counts})", where=where)
    if len(batches[0]) == 0:
        raise UserError("no frames", where=where, hint="give at least one input")
    return batches


def thinned(batches: list[Array], most: int = MOST_FRAMES) -> list[Array]:
    """At most ``most`` frames, evenly spread."""
    count = len(batches[0])
    if count <= most:
        return batches
    index = np.linspace(0, count - 1, most).astype(np.int64)
    return [b[index] for b in batches]


def to_frames(batches: list[Array], graph: Graph) -> list[Array]:
    """Batches in the outside layout, as frames of the graph: real numbers.

    Codes of an input that is a tensor of integers become what they stand for.
    """
    items = zip(graph.in_ports, batches, graph.inputs, strict=True)
    return [_real(port.to_frame(b, node.type.shape), port, node) for port, b, node in items]


def _real(frames: Array, port: Port, node: Node) -> Array:
    if not port.kind:
        return frames
    return np.asarray((frames.astype(np.float64) - port.zero) * node.type.int.scale.floats())


def synthetic(graph: Graph, *, pixels: bool, seed: int = 0) -> list[Array]:
    """Random inputs (uniform pixels or codes, or standard normal numbers): better than nothing."""
    rng = np.random.default_rng(seed)
    out: list[Array] = []
    for port, node in zip(graph.in_ports, graph.inputs, strict=True):
        shape = (SYNTHETIC_FRAMES, *port.shape)
        data: Array = rng.integers(0, 256, shape) if pixels else rng.standard_normal(shape)
        if port.kind:
            elem = node.type.int
            data = rng.integers(elem.lo, elem.hi + 1, shape) + port.zero
        out.append(data.astype(np.float32))
    return out


def _named(source: Source, graph: Graph, where: str) -> dict[str, Array]:
    """Arrays by input name; a single array belongs to the only input."""
    if isinstance(source, Mapping):
        return {name: np.asarray(value) for name, value in source.items()}
    data = source if isinstance(source, np.ndarray) else _read(Path(str(source)), graph, where)
    if isinstance(data, np.ndarray):
        if len(graph.in_ports) > 1:
            names = ", ".join(p.name for p in graph.in_ports)
            raise UserError(
                "one array for several inputs", where=where, hint=f"give an .npz with {names}"
            )
        return {graph.in_ports[0].name: data}
    return data


def _read(path: Path, graph: Graph, where: str) -> Array | dict[str, Array]:
    if not path.exists():
        raise UserError("no such file or folder", where=f"{where} {path}")
    if path.is_dir():
        return _read_folder(path, graph, where)
    loaded = _np_load(path)
    if isinstance(loaded, np.ndarray):
        return loaded
    names = {port.name for port in graph.in_ports}
    others = [key for key in loaded if key not in LABEL_KEYS]
    if len(names) == 1 and len(others) == 1 and not names & set(loaded):
        return loaded[others[0]]
    return loaded


def _read_folder(path: Path, graph: Graph, where: str) -> Array:
    files = sorted(path.glob("*.npy"))
    if not files:
        raise UserError("no .npy files in the folder", where=where)
    rank = len(graph.in_ports[0].shape)
    parts = []
    for file in files:
        part = _np_load(file)
        if isinstance(part, dict):
            raise UserError("an .npz archive under the name .npy", where=str(file))
        parts.append(part[None] if part.ndim == rank else part)
    if len({p.shape[1:] for p in parts}) > 1:
        shapes = ", ".join(sorted({str(p.shape[1:]) for p in parts}))
        raise UserError(f"files of different shapes: {shapes}", where=where)
    return np.concatenate(parts)


def _np_load(path: Path) -> Array | dict[str, Array]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, *NO_ARRAYS) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"not a .npy or .npz file ({reason})", where=str(path)) from None


def _checked(port: Port, arrays: dict[str, Array], pixels: bool, where: str) -> Array:
    if port.name not in arrays:
        names = ", ".join(sorted(arrays)) or "none"
        raise UserError(
            f"no array for the input '{port.name}'", where=where, hint=f"arrays in it: {names}"
        )
    array = arrays[port.name]
    name = f"{where}: {port.name}"
    if array.dtype.kind not in "fiub":
        raise UserError(f"dtype {array.dtype} is not numeric", where=name)
    if array.shape == port.shape:
        array = array[None]
    if array.shape[1:] != port.shape:
        raise UserError(
            f"shape {array.shape} does not fit the input",
            where=name,
            hint=f"expected (frames, {', '.join(map(str, port.shape))})",
        )
    if not np.isfinite(array).all():
        raise UserError("NaN or infinity in the data", where=name)
    if pixels and (array.min(initial=0) < 0 or array.max(initial=0) > 255 or (array % 1).any()):
        raise UserError(
            "values are not pixels 0..255", where=name, hint="--input uint8 takes raw pixels"
        )
    return array.astype(np.float32)
