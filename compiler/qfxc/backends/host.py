"""The host side as files: a PYNQ driver, what it needs to know of the ports, golden vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from qfxc import __version__
from qfxc.backends.model_files import npz
from qfxc.backends.names import top_name
from qfxc.backends.project import Files
from qfxc.backends.vectors import Golden
from qfxc.backends.vivado import Border, Link
from qfxc.hw.netlist import Netlist, Stream
from qfxc.ir.graph import Graph, Node, Port
from qfxc.share import folder

PROGRAMS = ("qfxc_driver.py", "qfxc_port.py")


def render(netlist: Netlist, integer: Graph, ports: Border, golden: Golden | None = None) -> Files:
    """``host/``: the driver, network.json and golden.npz.

    ``integer`` has the scales; its ports are those of the netlist. golden.npz holds the codes of
    the golden frames, ``x0``, ``x1``, .. in the order of the inputs and ``y0``, .. of the outputs.
    """
    here = folder("templates") / "host"
    files: Files = {f"host/{name}": (here / name).read_text() for name in PROGRAMS}
    files["host/network.json"] = json.dumps(_description(netlist, integer, ports), indent=1) + "\n"
    if golden is not None:
        arrays = {f"x{i}": x for i, x in enumerate(golden.inputs)}
        arrays |= {f"y{i}": y for i, y in enumerate(golden.outputs)}
        files["host/golden.npz"] = npz(arrays)
    return files


def _description(netlist: Netlist, integer: Graph, ports: Border) -> dict[str, Any]:
    inputs = _ports(integer.in_ports, integer.inputs, netlist.inputs, ports.inputs)
    outputs = _ports(integer.out_ports, integer.outputs, netlist.outputs, ports.outputs)
    for port in outputs:
        port["batch"] = f"{port['stream']}_batch"
    return {
        "generator": f"qfxc {__version__}",
        "name": netlist.name,
        "bitstream": f"{top_name(netlist)}.bit",
        "step": ports.step,
        "inputs": inputs,
        "outputs": outputs,
    }


def _ports(
    ports: Sequence[Port], nodes: Sequence[Node], streams: Sequence[Stream], links: Sequence[Link]
) -> list[dict[str, Any]]:
    together = zip(ports, nodes, streams, links, strict=True)
    return [_port(port, node, stream, link) for port, node, stream, link in together]


def _port(port: Port, node: Node, stream: Stream, link: Link) -> dict[str, Any]:
    """The codes are the stream's, their meaning the node's; frame axis i is outside axis perm[i].

    ``scale``: one entry, or one per channel (the last frame axis), as fractions and as the doubles
    nearest to them, with which hosts compute.
    """
    elem = node.type.int
    return {
        "name": port.name,
        "stream": link.port,
        "shape": list(port.shape),
        "perm": [int(axis) for axis in port.perm],
        "frame": list(node.type.shape),
        "bits": stream.elem.bits,
        "signed": stream.elem.signed,
        "lo": elem.lo,
        "hi": elem.hi,
        "lanes": stream.lanes,
        "words": stream.words,
        "scale": {
            "exact": [str(value) for value in elem.scale.values],
            "float": elem.scale.floats().tolist(),
        },
        "host": list(port.host),
        "dma": f"{link.port}_dma",
    }
