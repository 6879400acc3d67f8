"""Runs a network that qfxc compiled on its board, with PYNQ.

    sudo python3 qfxc_driver.py input.npy            # runs, prints the speed, writes output.npz
    sudo python3 qfxc_driver.py --check golden.npz   # compares with the compiler's own results

In a program: ``Network("network.json").run({"x": array})``. network.json, beside this file, says
what the ports are. Needs numpy, and on the board pynq >= 2.6; packing and unpacking run anywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qfxc_port import Array, DriverError, Port

HERE = Path(__file__).resolve().parent
MOST_BYTES = (1 << 26) - 1  # of one transfer: the DMA engine's length register has 26 bits
FRAMES = 0  # the register of qfx_batch: frames per batch
TIMEOUT = 10.0  # seconds that a batch may take


@dataclass(frozen=True)
class Speed:
    """``seconds`` in all, of which the accelerator was at work for ``busy``."""

    frames: int
    bytes: int
    seconds: float
    busy: float

    def __str__(self) -> str:
        rates = f"{self.frames / self.seconds:.1f} frames/s (accelerator alone "
        rates += f"{self.frames / self.busy:.1f}), {self.bytes / self.busy / 1e6:.1f} MB/s"
        return f"{self.frames} frames in {self.seconds:.3f} s: {rates}"


@dataclass(frozen=True)
class Result:
    """By output name, in the ONNX layout: codes, what they stand for, and that after host ops."""

    codes: dict[str, Array]
    real: dict[str, Array]
    output: dict[str, Array]
    speed: Speed


class Network:
    """A network on the board. The bitstream is loaded at the first use."""

    def __init__(self, description: str | Path = "", bitstream: str | Path = "") -> None:
        """Reads network.json (by default that beside this file); ``bitstream``: another .bit."""
        path = Path(description or HERE / "network.json")
        try:
            entry = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise DriverError(f"{path}: {error}") from error
        self.name = str(entry["name"])
        self.step = int(entry["step"])
        self.inputs = [Port.read(port) for port in entry["inputs"]]
        self.outputs = [Port.read(port) for port in entry["outputs"]]
        self.bitstream = Path(bitstream) if bitstream else path.parent / str(entry["bitstream"])
        self._board: Board | None = None

    @property
    def most_frames(self) -> int:
        """Frames that one transfer can move."""
        largest = max(port.frame_bytes for port in (*self.inputs, *self.outputs))
        return MOST_BYTES // largest // self.step * self.step

    def run(self, arrays: Mapping[str, Array], batch: int = 64) -> Result:
        """Runs a batch of any size, ``batch`` frames per transfer; arrays in the ONNX layout."""
        if missing := [port.name for port in self.inputs if port.name not in arrays]:
            raise DriverError(f"no array for the input {', '.join(missing)}")
        checked = [port.checked(np.asarray(arrays[port.name])) for port in self.inputs]
        frames, speed = self._stream(checked, batch, real=True)
        pairs = list(zip(self.outputs, frames, strict=True))
        codes = {port.name: port.integers(value) for port, value in pairs}
        real = {port.name: port.real(value) for port, value in pairs}
        output = {port.name: port.finish(real[port.name]) for port in self.outputs}
        return Result(codes, real, output, speed)

    def run_codes(self, inputs: Sequence[Array], batch: int = 64) -> tuple[list[Array], Speed]:
        """The accelerator alone: codes (frames, *frame shape) of every port, in order."""
        return self._stream(inputs, batch, real=False)

    def latency(self, repeats: int = 20) -> float:
        """The median time of the smallest transfer (``step`` frames), seconds."""
        inputs = [np.zeros((self.step, *port.frame), dtype=np.int64) for port in self.inputs]
        return float(np.median([self.run_codes(inputs)[1].busy for _ in range(repeats)]))

    def _stream(self, inputs: Sequence[Array], batch: int, real: bool) -> tuple[list[Array], Speed]:
        """Batch by batch: while the accelerator runs one, the host packs the next."""
        total = len(inputs[0])
        if total == 0 or any(len(value) != total for value in inputs):
            counts = ", ".join(str(len(value)) for value in inputs)
            raise DriverError(f"every input needs the same number of frames, not 0 ({counts})")
        board = self._ready(min(batch, total))
        begun, busy, size = time.perf_counter(), 0.0, board.frames
        outputs = [np.empty((total, *port.frame), dtype=np.int64) for port in self.outputs]

        def collect(at: int) -> None:
            """Unpacks the batch that began with frame ``at``."""
            for port, buffer, into in zip(self.outputs, board.results(at), outputs, strict=True):
                count = min(size, total - at)
                into[at : at + count] = port.unpack(np.asarray(buffer)[:count])

        started = 0.0
        for at in range(0, total + size, size):
            if at < total:
                for port, buffer, value in zip(self.inputs, board.sources(at), inputs, strict=True):
                    part = value[at : at + size]
                    buffer[: len(part)] = port.pack(port.quantize(part) if real else part)
            if at:
                board.wait()
                busy += time.perf_counter() - started
            if at < total:
                started = time.perf_counter()
                board.start(at)
            if at:
                collect(at - size)
        moved = sum(port.frame_bytes for port in (*self.inputs, *self.outputs)) * total
        return outputs, Speed(total, moved, time.perf_counter() - begun, busy)

    def _ready(self, frames: int) -> Board:
        """The board with buffers for batches of ``frames`` frames, whole beats of every port."""
        rounded = min(-(-frames // self.step) * self.step, self.most_frames)
        if rounded < 1:
            raise DriverError("a frame exceeds what a DMA transfer can move (64 MiB)")
        if self._board is None:
            self._board = Board(self)
        self._board.resize(rounded)
        return self._board


class Board:
    """The overlay: DMA engines, batch registers, and two sets of buffers that take turns."""

    def __init__(self, network: Network) -> None:
        if not network.bitstream.is_file():
            raise DriverError(f"{network.bitstream}: no such file; build it with `make bit`")
        if not network.bitstream.with_suffix(".hwh").is_file():
            raise DriverError(f"{network.bitstream.with_suffix('.hwh')}: no such file")
        try:
            import pynq
        except ImportError as error:
            raise DriverError("pynq is not installed: run this on the board") from error
        self._allocate = pynq.allocate
        self._overlay = pynq.Overlay(str(network.bitstream))
        self._network = network
        self._send = [self._cell(port.dma).sendchannel for port in network.inputs]
        self._receive = [self._cell(port.dma).recvchannel for port in network.outputs]
        self._batch = [self._cell(port.batch) for port in network.outputs]
        self._buffers: list[tuple[list[Any], list[Any]]] = []
        self.frames = 0

    def _cell(self, name: str) -> Any:
        try:
            return getattr(self._overlay, name)
        except AttributeError:
            raise DriverError(f"the bitstream has no '{name}': it is another network's") from None

    def resize(self, frames: int) -> None:
        """Buffers for batches of ``frames`` frames; nothing may be under way."""
        if frames == self.frames:
            return
        for side in (side for pair in self._buffers for side in pair):
            for buffer in side:
                buffer.freebuffer()
        self._buffers = []
        for _ in range(2):
            sides = (self._network.inputs, self._network.outputs)
            made = [[self._new(port, frames) for port in side] for side in sides]
            self._buffers.append((made[0], made[1]))
        for cell in self._batch:
            cell.write(FRAMES, frames)
        self.frames = frames

    def _new(self, port: Port, frames: int) -> Any:
        buffer = self._allocate(shape=(frames, port.frame_bytes), dtype=np.uint8)
        buffer[:] = 0  # the last batch may be a part of one: the rest are frames nobody reads
        return buffer

    def sources(self, at: int) -> list[Any]:
        """The input buffers of the batch that begins with frame ``at``."""
        return self._buffers[at // self.frames % 2][0]

    def results(self, at: int) -> list[Any]:
        """Its output buffers."""
        return self._buffers[at // self.frames % 2][1]

    def start(self, at: int) -> None:
        """Starts the batch that begins with frame ``at``: receivers first, then senders."""
        for channel, buffer in zip(self._receive, self.results(at), strict=True):
            channel.transfer(buffer)
        for channel, buffer in zip(self._send, self.sources(at), strict=True):
            channel.transfer(buffer)

    def wait(self) -> None:
        """Until the batch is through. Raises DriverError when it takes too long."""
        limit = time.perf_counter() + TIMEOUT
        for channel in (*self._send, *self._receive):
            while not channel.idle:
                if getattr(channel, "error", False):  # PYNQ before 2.6 cannot tell
                    raise DriverError("a DMA engine reports an error: load the bitstream again")
                if time.perf_counter() > limit:
                    raise DriverError(f"no answer within {TIMEOUT:g} s: load the bitstream again")
            channel.wait()  # returns at once; it also makes what was received visible


def load_arrays(path: Path, names: Sequence[str]) -> dict[str, Array]:
    """The arrays of a .npy (one input) or .npz file; its only array goes to the only input."""
    try:
        loaded = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DriverError(f"{path}: {error}") from error
    arrays = {"": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    if len(names) == len(arrays) == 1:
        return {names[0]: next(iter(arrays.values()))}
    if "" in arrays:
        raise DriverError(f"{path}: one array for several inputs; give an .npz with them by name")
    return arrays


def check(network: Network, path: Path) -> int:
    """Runs golden frames; every code must be equal. Returns how many were compared."""
    golden = load_arrays(path, ())
    keys = [f"x{i}" for i in range(len(network.inputs))]
    keys += [f"y{i}" for i in range(len(network.outputs))]
    if missing := [key for key in keys if key not in golden]:
        raise DriverError(f"{path}: no array {', '.join(missing)}")
    got, _ = network.run_codes([golden[key] for key in keys if key[0] == "x"])
    compared = 0
    for i, (port, value) in enumerate(zip(network.outputs, got, strict=True)):
        expected = golden[f"y{i}"]
        if expected.shape != value.shape:
            raise DriverError(f"{path}: {port.name} is {expected.shape}, not {value.shape}")
        wrong = np.argwhere(expected != value)
        if len(wrong):
            at = tuple(int(k) for k in wrong[0])
            first = f"the first at {at}: {expected[at]} expected, {value[at]} received"
            raise DriverError(f"{port.name}: {len(wrong)} of {value.size} differ; {first}")
        compared += value.size
    return compared


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description="Runs a network that qfxc compiled on its board.")
    made.add_argument("input", nargs="?", type=Path, help=".npy, or .npz with the inputs by name")
    made.add_argument("-o", "--output", type=Path, default=Path("output.npz"), help="results")
    made.add_argument("--check", type=Path, metavar="GOLDEN", help="compare with golden vectors")
    made.add_argument("--batch", type=int, default=64, help="frames per DMA transfer")
    made.add_argument("--bitstream", default="", help="the .bit file, if it lies elsewhere")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.batch < 1 or (options.input is None and options.check is None):
            raise DriverError("give an input file or --check, and a --batch of at least 1")
        network = Network(bitstream=options.bitstream)
        if options.check is not None:
            print(f"equal: {check(network, options.check)} codes")
        if options.input is not None:
            names = [port.name for port in network.inputs]
            result = network.run(load_arrays(options.input, names), options.batch)
            arrays: dict[str, Any] = dict(result.output)
            np.savez(options.output, **arrays)
            print(result.speed)
            print(f"latency {network.latency() * 1e3:.3f} ms; results in {options.output}")
    except DriverError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
