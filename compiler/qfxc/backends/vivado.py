"""Vivado as files: scripts that make the bitstream of a design, for a board with a Zynq on it.

Every network port gets a DMA engine in simple mode. The stream of an engine is a power of two
bytes wide; a width converter joins it to the words of the network. A transfer holds whole beats
only, so that no TKEEP has to mark a part of one: that is what ``Border.step`` is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import gcd, lcm
from typing import Any

from qfxc import __version__
from qfxc.backends.names import port_names, top_name
from qfxc.backends.project import Files
from qfxc.backends.templates import fill
from qfxc.backends.words import word_bytes
from qfxc.hw.board import MEMORY_BITS, Board
from qfxc.hw.netlist import Netlist, Stream
from qfxc.share import folder

WIDEST = 512
"""Bytes of the widest stream inside a width converter, which is as wide as both sides' common
multiple (PG085, "AXI4-Stream Data Width Converter")."""

SCRIPTS = ("common.tcl", "ip.tcl", "ooc.tcl", "bit.tcl", "design.tcl")

AXI_LITE = (
    ("input ", "[11:0] ", "AWADDR"),
    ("input ", "", "AWVALID"),
    ("output", "", "AWREADY"),
    ("input ", "[31:0] ", "WDATA"),
    ("input ", "[3:0] ", "WSTRB"),
    ("input ", "", "WVALID"),
    ("output", "", "WREADY"),
    ("output", "[1:0] ", "BRESP"),
    ("output", "", "BVALID"),
    ("input ", "", "BREADY"),
    ("input ", "[11:0] ", "ARADDR"),
    ("input ", "", "ARVALID"),
    ("output", "", "ARREADY"),
    ("output", "[31:0] ", "RDATA"),
    ("output", "[1:0] ", "RRESP"),
    ("output", "", "RVALID"),
    ("input ", "", "RREADY"),
)
"""The register port of qfx_batch: direction, width, signal."""


@dataclass(frozen=True, slots=True)
class Link:
    """A network port in the block design: ``bytes`` per word, ``dma_bytes`` per beat of its DMA."""

    port: str
    bytes: int
    dma_bytes: int
    frame_bytes: int

    @property
    def step(self) -> int:
        """Transfers of a multiple of this many frames are whole beats."""
        return self.dma_bytes // gcd(self.dma_bytes, self.frame_bytes)


@dataclass(frozen=True, slots=True)
class Border:
    """All ports, and the number of frames that transfers are a multiple of."""

    inputs: tuple[Link, ...]
    outputs: tuple[Link, ...]

    @property
    def step(self) -> int:
        return lcm(*(link.step for link in (*self.inputs, *self.outputs)))


def border(netlist: Netlist, board: Board, interval: int) -> Border:
    """The DMA widths of every port, for a design that takes ``interval`` cycles per frame."""
    widest = MEMORY_BITS[board.ps] // 8
    inputs, outputs = port_names(netlist)

    def links(names: Sequence[str], streams: Sequence[Stream]) -> tuple[Link, ...]:
        pairs = zip(names, streams, strict=True)
        return tuple(_link(name, stream, widest, interval) for name, stream in pairs)

    return Border(links(inputs, netlist.inputs), links(outputs, netlist.outputs))


def _link(name: str, stream: Stream, widest: int, interval: int) -> Link:
    """As wide as the word, up to the memory port; narrower where frames are then whole beats.

    A narrower stream is no loss as long as it moves a frame in the ``interval``. Where it is not
    fast enough, several frames make whole beats together.
    """
    size = word_bytes(stream)
    frame = size * stream.words
    wanted = min(1 << (size - 1).bit_length(), widest)
    widths = [1 << k for k in range(wanted.bit_length()) if lcm(1 << k, size) <= max(size, WIDEST)]
    whole = [w for w in widths if frame % w == 0]
    fast = [w for w in whole if w == widths[-1] or frame // w <= interval]
    return Link(name, size, max(fast, default=widths[-1]), frame)


def render(netlist: Netlist, board: Board, clock_mhz: float, ports: Border) -> Files:
    """``vivado/``: Tcl scripts and Makefile, with the Verilog that the block design needs.

    The scripts take the network from ``rtl/``, or from the IP that ``hls/run_hls.tcl`` exports.
    """
    context = _context(netlist, board, clock_mhz, ports)
    here = folder("templates") / "vivado"
    library = folder("rtl_lib")
    files: Files = {f"vivado/{name}": (here / name).read_text() for name in SCRIPTS}
    files["vivado/ps.tcl"] = (here / f"ps_{board.ps}.tcl").read_text()
    for name in ("config.tcl", "ooc.xdc", "Makefile"):
        files[f"vivado/{name}"] = fill(f"vivado/{name}", context)
    files[f"vivado/src/{context['top']}_ip.v"] = fill("vivado/ip.v", context)
    for port in context["outputs"]:
        text = fill("vivado/batch.v", {**context, "p": port, "axi_lite": AXI_LITE})
        files[f"vivado/src/{port['port']}_batch_block.v"] = text
    for name in ("qfx_batch.sv", "qfx_check.svh"):
        files[f"vivado/src/{name}"] = (library / name).read_text()
    return files


def _context(netlist: Netlist, board: Board, clock_mhz: float, ports: Border) -> dict[str, Any]:
    return {
        "version": __version__,
        "top": top_name(netlist),
        "name": netlist.name,
        "title": board.title,
        "part": board.part.name,
        "board_part": board.board_part,
        "clock_mhz": f"{clock_mhz:g}",
        "clock_ns": f"{1000 / clock_mhz:g}",
        "memory_bits": MEMORY_BITS[board.ps],
        "inputs": [_port(link) for link in ports.inputs],
        "outputs": [_port(link) for link in ports.outputs],
    }


def _port(link: Link) -> dict[str, Any]:
    return {**asdict(link), "high": 8 * link.bytes - 1}
