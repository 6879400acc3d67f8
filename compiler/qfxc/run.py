"""Runs a compiled network on data: inputs in the ONNX layout in, codes and real numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qfxc.backends import model_files
from qfxc.backends.project import Files
from qfxc.engines import Run as Engine
from qfxc.engines import engine as built
from qfxc.errors import UserError
from qfxc.hw.build import build_netlist
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Array
from qfxc.ops import registry
from qfxc.passes.lower import Lower
from qfxc.progress import Progress, Silent
from qfxc.quantize.calibration import Source, load_inputs, to_frames
from qfxc.quantize.encode import decode, feed
from qfxc.sim import simulate

ENGINES = ("sim", "hls", "rtl")

PART = 512
"""Frames between two signs of life; a part has to be worth laying out the weights for."""


@dataclass(frozen=True)
class Result:
    """One batch: integer codes and the real numbers they stand for, by output name, ONNX layout.

    Where the model's output is a tensor of integers, the codes are that tensor.
    What a port leaves to the host (softmax) is not applied: ``host`` names it per output.
    ``classes``: how many classes an output tells apart; 0 where it is no classification.
    """

    codes: dict[str, Array]
    real: dict[str, Array]
    host: dict[str, tuple[str, ...]]
    classes: dict[str, int]

    def top1(self, output: str | None = None) -> NDArray[np.int64]:
        """The index of the largest element of every frame (of the first output)."""
        value = self.real[output or next(iter(self.real))]
        if value.size == len(value):  # an ArgMax in the network: the index itself
            return np.asarray(value.reshape(-1), dtype=np.int64)
        return np.asarray(value.reshape(len(value), -1).argmax(axis=1))


@dataclass(frozen=True)
class Model:
    """The float reference and the integer network of one compilation."""

    real: Graph
    integer: Graph

    def run(
        self, source: Source, engine: Engine | None = None, progress: Progress | None = None
    ) -> Result:
        """Quantizes inputs as the host does, runs them, and decodes the outputs."""
        frames = self._frames(source)
        inputs = feed(self.integer, frames)
        if engine is None:
            outputs = _in_parts("simulator", self.integer, inputs, progress or Silent())
        else:
            outputs = engine(inputs)
        codes: dict[str, Array] = {}
        real: dict[str, Array] = {}
        for port, node, value in zip(
            self.integer.out_ports, self.integer.outputs, outputs, strict=True
        ):
            codes[port.name] = port.integers(value)
            real[port.name] = port.from_frame(decode(value, node.type.int, port))
        return Result(codes, real, self._host, self._classes)

    def run_float(self, source: Source, progress: Progress | None = None) -> Result:
        """The float reference on the same inputs (float32)."""
        inputs = feed(self.real, self._frames(source))
        outputs = _in_parts("float reference", self.real, inputs, progress or Silent())
        real = {
            port.name: port.from_frame(decode(value, node.type.int) if node.type.is_int else value)
            for port, node, value in zip(
                self.real.out_ports, self.real.outputs, outputs, strict=True
            )
        }
        return Result({}, real, self._host, self._classes)

    @property
    def _host(self) -> dict[str, tuple[str, ...]]:
        return {port.name: port.host for port in self.integer.out_ports}

    @property
    def _classes(self) -> dict[str, int]:
        pairs = zip(self.integer.out_ports, self.integer.outputs, strict=True)
        return {port.name: _class_count(port, node) for port, node in pairs}

    @property
    def pixels(self) -> bool:
        """Whether the inputs are raw uint8 pixels."""
        elems = [n.type.int for n in self.integer.inputs]
        return all((e.lo, e.hi, str(e.scale)) == (0, 255, "1") for e in elems)

    def _frames(self, source: Source) -> list[Array]:
        batches = load_inputs(source, self.integer, pixels=self.pixels, where="inputs")
        return to_frames(batches, self.integer)


@dataclass(frozen=True)
class Loaded:
    """A project folder, ready to run."""

    folder: Path
    model: Model
    saved: model_files.SavedModel

    def run(self, source: Source, engine: str = "sim", progress: Progress | None = None) -> Result:
        """Runs a batch on one of ``ENGINES``; every engine gives the same integers."""
        if engine not in ENGINES:
            raise UserError(f"unknown engine '{engine}'", hint=f"engines: {', '.join(ENGINES)}")
        chosen = None if engine == "sim" else self._built(engine, progress or Silent())
        return self.model.run(source, chosen, progress)

    def run_float(self, source: Source, progress: Progress | None = None) -> Result:
        """Runs a batch on the float reference."""
        return self.model.run_float(source, progress)

    def _built(self, name: str, progress: Progress) -> Engine:
        graph = Lower().run(self.saved.integer)
        netlist = build_netlist(graph, self.saved.folds, graph.name)
        files: Files = {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted((self.folder / name).rglob("*"))
            if path.is_file()
        }
        if f"{name}/Makefile" not in files:
            what = {"hls": "C++", "rtl": "SystemVerilog"}[name]
            raise UserError(f"it holds no {what}", where=str(self.folder), hint="try --engine sim")
        return built(name, files, netlist, progress)


def _in_parts(name: str, graph: Graph, inputs: list[Array], progress: Progress) -> list[Array]:
    """As ``simulate``, in parts so that progress can be told."""
    total = len(inputs[0])
    progress.step(name, 0, total)
    parts: list[list[Array]] = []
    for at in range(0, total, PART):
        parts.append(simulate(graph, [x[at : at + PART] for x in inputs]))
        progress.step(name, min(at + PART, total), total)
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def _class_count(port: Port, node: Node) -> int:
    """An index from ArgMax has those of its range; else a vector has one per element."""
    source = node
    while source.op.stem == "reshape":
        source = source.inputs[0]
    if source.op.stem == "argmax" and node.type.size == 1:
        return source.type.int.hi + 1
    vector = node.type.size == max(port.shape, default=1)
    return node.type.size if vector and node.type.size > 1 else 0


def load_project(folder: str | Path) -> Loaded:
    """Opens a folder that ``Compiled.write`` made; UserError when it is not one."""
    saved = model_files.read(Path(folder), registry())
    return Loaded(Path(folder), Model(saved.real, saved.integer), saved)
