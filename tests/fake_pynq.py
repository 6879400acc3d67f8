"""A stand-in for the board: a module ``pynq`` whose DMA engines feed a model of the accelerator.

The model is meaner than the board where that finds mistakes: what a transfer sends is looked at
only when it completes (who overwrites a buffer under way is found out), what it receives appears
only in ``wait``, and every rule of the engines is asserted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from qfxc.backends.vivado import Border, Link
from qfxc.backends.words import from_bytes, to_bytes
from qfxc.hw.netlist import Netlist
from qfxc.ir.types import Array

Run = Callable[[list[Array]], Sequence[Array]]
"""Frames (count, elements) per input to frames per output, as codes."""

POLLS = 3
"""How often ``idle`` is asked in vain."""


class Buffer(np.ndarray[Any, Any]):
    """What ``allocate`` gives."""

    freed = False

    def freebuffer(self) -> None:
        assert not self.freed
        self.freed = True


def allocate(shape: tuple[int, ...], dtype: Any) -> Buffer:
    buffer = np.empty(shape, dtype).view(Buffer)
    buffer[:] = 0xA5
    return buffer


@dataclass(eq=False)
class Channel:
    """One direction of a DMA engine."""

    board: Fake
    link: Link
    buffer: Buffer | None = None
    received: bytes = b""

    def transfer(self, buffer: Buffer) -> None:
        assert self.buffer is None, "transfer while another is under way"
        assert buffer.flags.c_contiguous
        assert 0 < buffer.nbytes < 1 << 26
        assert buffer.nbytes % self.link.dma_bytes == 0, "a part of a beat"
        self.buffer = buffer
        if self in self.board.receivers:
            buffer[:] = 0x5A  # what was received before is gone
        self.board.polls = POLLS
        self.board.log.append(("start", self.link.port, len(buffer)))

    @property
    def error(self) -> bool:
        return self.board.broken

    @property
    def idle(self) -> bool:
        self.board.polls -= 1
        if self.board.polls < 0:
            self.board.work()
        return self.board.polls < 0 and not self.board.stuck

    def wait(self) -> None:
        assert self.buffer is not None, "waits for nothing"
        if self.received:
            into = self.buffer.reshape(-1)
            into[:] = np.frombuffer(self.received, np.uint8)
        self.buffer, self.received = None, b""


@dataclass
class Register:
    """qfx_batch: frames per batch."""

    frames: int = 1

    def write(self, offset: int, value: int) -> None:
        assert offset == 0
        assert value > 0
        self.frames = value


@dataclass
class Fake:
    """The overlay: DMA engines by cell name, and the network between them."""

    netlist: Netlist
    ports: Border
    run: Run
    stuck: bool = False
    broken: bool = False
    polls: int = 0
    log: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.senders = [Channel(self, link) for link in self.ports.inputs]
        self.receivers = [Channel(self, link) for link in self.ports.outputs]
        self.registers = [Register() for _ in self.ports.outputs]
        self.cells: dict[str, Any] = {}
        for channel in self.senders:
            self.cells[f"{channel.link.port}_dma"] = SimpleDma(sendchannel=channel)
        for channel, register in zip(self.receivers, self.registers, strict=True):
            self.cells[f"{channel.link.port}_dma"] = SimpleDma(recvchannel=channel)
            self.cells[f"{channel.link.port}_batch"] = register

    def work(self) -> None:
        """Everything that was started happens, once."""
        if any(c.received for c in self.receivers) or self.stuck:
            return
        buffers = [c.buffer for c in self.senders]
        inputs = [
            from_bytes(np.asarray(buffer).tobytes(), stream)
            for buffer, stream in zip(buffers, self.netlist.inputs, strict=True)
            if buffer is not None
        ]
        assert len(inputs) == len(buffers), "not every input was sent"
        for c, stream, register, frames in zip(
            self.receivers, self.netlist.outputs, self.registers, self.run(inputs), strict=True
        ):
            assert c.buffer is not None, "nobody receives"
            assert len(frames) == register.frames, "TLAST comes elsewhere than the end"
            c.received = to_bytes(frames, stream)
            assert c.buffer.nbytes == len(c.received)

    def module(self, bitstream: Path) -> ModuleType:
        """The module ``pynq`` on a board for which ``bitstream`` is the right one."""
        fake = self

        class Overlay:
            def __init__(self, name: str) -> None:
                assert name == str(bitstream)
                for channel in (*fake.senders, *fake.receivers):
                    channel.buffer, channel.received = None, b""

            def __getattr__(self, name: str) -> Any:
                if name not in fake.cells:
                    raise AttributeError(name)
                return fake.cells[name]

        module = ModuleType("pynq")
        vars(module).update(allocate=allocate, Overlay=Overlay)
        return module


@dataclass
class SimpleDma:
    """An engine with one direction."""

    sendchannel: Channel | None = None
    recvchannel: Channel | None = None
