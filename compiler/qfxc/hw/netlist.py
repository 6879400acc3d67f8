"""The netlist: kernel instances joined by streams. Both back ends render exactly this."""

from __future__ import annotations

from dataclasses import dataclass

from qfxc.ir.graph import Port
from qfxc.ir.kernel import Kernel
from qfxc.ir.types import Int


@dataclass(frozen=True, slots=True)
class Stream:
    """A FIFO of words: ``lanes`` elements each, ``words`` per frame, ``depth`` words deep.

    Exactly one instance writes it and exactly one reads it (the ends are graph ports). ``block``:
    the FIFO is block memory. Of depth 0 it is wires: the writer's last register is the reader's
    input.
    """

    name: str
    elem: Int
    lanes: int
    words: int
    depth: int = 2
    block: bool = False

    @property
    def bits(self) -> int:
        """Bits of one word."""
        return self.lanes * self.elem.bits


@dataclass(frozen=True, slots=True)
class Instance:
    """One kernel with the streams it reads and writes, in the order of the kernel's ports.

    ``nodes``: the names of those of the graph that it computes, producers first; none of glue.
    """

    name: str
    kernel: Kernel
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Netlist:
    """A design: instances producers first, and the streams at its borders (graph port order)."""

    name: str
    instances: tuple[Instance, ...]
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    in_ports: tuple[Port, ...]
    out_ports: tuple[Port, ...]

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Every stream once, in the order of its writer (inputs first)."""
        inner = (s for instance in self.instances for s in instance.outputs)
        return tuple(dict.fromkeys((*self.inputs, *inner)))
