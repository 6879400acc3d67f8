"""Golden vectors: frames of every port, and the files that both test benches read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qfxc.backends.names import port_names
from qfxc.backends.project import Files
from qfxc.backends.words import to_bytes
from qfxc.hw.netlist import Netlist
from qfxc.ir.types import Array


@dataclass(frozen=True, eq=False)
class Golden:
    """Frames of every input and output port in netlist order, each (frames, *frame shape)."""

    inputs: Sequence[Array]
    outputs: Sequence[Array]


def port_files(netlist: Netlist) -> tuple[list[str], list[str]]:
    """The file names of the input and of the output ports, in netlist order."""
    inputs, outputs = port_names(netlist)
    return [f"{name}.bin" for name in inputs], [f"{name}.bin" for name in outputs]


def golden_files(netlist: Netlist, golden: Golden | None, folder: str = "") -> Files:
    """``<folder><port>.bin`` for every port (format: ``words``); nothing where there are none."""
    if golden is None:
        return {}
    inputs, outputs = port_files(netlist)
    return {
        folder + name: to_bytes(frames, stream)
        for name, stream, frames in zip(
            (*inputs, *outputs),
            (*netlist.inputs, *netlist.outputs),
            (*golden.inputs, *golden.outputs),
            strict=True,
        )
    }
