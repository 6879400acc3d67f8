"""The test cases that the onnx package brings: single operators, and whole networks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
from numpy.typing import NDArray
from onnx import numpy_helper

from qfxc.frontend.onnx_file import load
from qfxc.ir.graph import Graph
from qfxc.sim import simulate_ports

Array = NDArray[Any]

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"

MOST_DYNAMIC = 3
"""Inputs of which every choice is tried: which of them are data, which are parameters."""

ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 6e-5}
"""Absolute tolerances of cases whose authors printed four decimals."""


@dataclass(frozen=True)
class Case:
    """A model with data: what goes in, what has to come out."""

    name: str
    model: onnx.ModelProto
    feed: dict[str, Array]
    wanted: dict[str, Array]

    @property
    def ops(self) -> list[str]:
        return [node.op_type for node in self.model.graph.node]


@cache
def operator_cases() -> dict[str, list[Case]]:
    """Every generated case of one node, by operator."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generated = collect_testcases(None)
    found: dict[str, list[Case]] = {}
    for case in generated:
        if len(case.model.graph.node) != 1:
            continue
        for inputs, outputs in case.data_sets:
            made = _case(case.name, case.model, inputs, outputs)
            if made is not None:
                found.setdefault(made.ops[0], []).append(made)
    return found


@cache
def stored_cases() -> list[Case]:
    """The small models that lie in onnx's data folder, most of them exported by PyTorch.

    Old ones are brought to the oldest operator set that numpy's broadcasting came with.
    """
    found = []
    for folder in sorted(DATA.glob("pytorch-*/*")) + sorted(DATA.glob("simple/*")):
        model = _modern(onnx.load(folder / "model.onnx"))
        for data in sorted(folder.glob("test_data_set_*")):
            inputs, outputs = (_stored(data, kind) for kind in ("input", "output"))
            made = _case(folder.name, model, inputs, outputs)
            if made is not None:
                found.append(made)
    return found


def _modern(model: onnx.ModelProto) -> onnx.ModelProto:
    old = any(o.domain == "" and o.version < 7 for o in model.opset_import)
    if not old:
        return model
    try:
        return onnx.version_converter.convert_version(model, 7)
    except (RuntimeError, onnx.version_converter.ConvertError):
        return model


def networks() -> list[Path]:
    """Whole networks, whose weights are made up, in the size of ImageNet."""
    return sorted(DATA.glob("light/*.onnx"))


def _stored(folder: Path, kind: str) -> list[Any]:
    files = sorted(folder.glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.rsplit("_", 1)[1]))
    return [onnx.TensorProto.FromString(file.read_bytes()) for file in files]


def _case(
    name: str, model: onnx.ModelProto, inputs: Sequence[Any], outputs: Sequence[Any]
) -> Case | None:
    """The case with arrays; None where something is no tensor of numbers."""
    given = {t.name for t in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in given]
    try:
        feed = {n: array(x) for n, x in zip(names, inputs, strict=False)}
        wanted = {o.name: array(x) for o, x in zip(model.graph.output, outputs, strict=True)}
    except (TypeError, ValueError):
        return None
    if len(feed) != len(names):
        return None
    kinds = {x.dtype.kind for x in (*feed.values(), *wanted.values())}
    return None if kinds & set("OSU") else Case(name, model, feed, wanted)


def array(x: Any) -> Array:
    if isinstance(x, (list, type(None))):
        raise TypeError("not a tensor")
    return numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else np.asarray(x)


def variants(case: Case) -> Iterator[tuple[onnx.ModelProto, list[str]]]:
    """The case with its parameters as initialisers, since its authors made them all inputs.

    Every choice of inputs as data, the first one first; of many inputs, one or all of them.
    """
    names = list(case.feed)
    choices = [list(c) for n in range(1, len(names) + 1) for c in combinations(names, n)]
    if len(names) > MOST_DYNAMIC:
        choices = [names[:1], names]
    for dynamic in choices:
        yield with_constants(case, dynamic), dynamic


def with_constants(case: Case, dynamic: Sequence[str]) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(case.model)
    for name, value in case.feed.items():
        if name not in dynamic:
            copy.graph.initializer.append(numpy_helper.from_array(value, name))
    return copy


def check(model: onnx.ModelProto, case: Case) -> Graph:
    """Imports and simulates a variant: AssertionError where results are not the expected ones."""
    graph = load(model)
    frames = {}
    for port in graph.in_ports:
        x = case.feed[port.name]
        x = x.astype(np.int64) - port.zero if port.kind else x
        frames[port.name] = x if x.ndim > len(port.shape) else x[None]
    results = on_host(graph, simulate_ports(graph, frames))
    for port in graph.out_ports:
        _compare(results[port.name] + port.zero, case.wanted[port.name], case, graph)
    return graph


def _compare(result: Array, wanted: Array, case: Case, graph: Graph) -> None:
    if result.ndim > wanted.ndim:
        result = result[0]  # the whole tensor was one frame
    assert result.shape == wanted.shape, f"{result.shape} instead of {wanted.shape}"
    kinds = [wanted.dtype, *(case.feed[p.name].dtype for p in graph.in_ports)]
    half = any(kind.kind in "fV" and kind.itemsize < 4 for kind in kinds)
    known = ~np.isnan(wanted.astype(np.float64))  # there is no NaN in hardware
    np.testing.assert_allclose(
        result.astype(np.float64)[known],
        wanted.astype(np.float64)[known],
        rtol=4e-3 if half else 1e-4,
        atol=ROUNDED.get(case.name, 4e-3 if half else 1e-5),
    )


def on_host(graph: Graph, results: dict[str, Any]) -> dict[str, Any]:
    """Applies what the ports leave to the host, in float64."""
    for port in graph.out_ports:
        for host in port.host:
            name, axis = host.split(" axis=")
            y = results[port.name].astype(np.float64)
            y = y - y.max(axis=int(axis), keepdims=True)
            total = np.exp(y).sum(axis=int(axis), keepdims=True)
            results[port.name] = np.exp(y) / total if name == "softmax" else y - np.log(total)
    return results
