"""Identifiers (C++, SystemVerilog) for instances, streams, ports: unique, stable, recognisable."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qfxc.hw.netlist import Netlist

LONGEST = 64


def identifiers(names: Iterable[str], prefix: str) -> dict[str, str]:
    """One identifier per distinct name, ``<prefix><name>`` with what a language forbids replaced.

    The prefix keeps clear of keywords and of other kinds of names; names that have it keep it.
    Names that become equal get a number, in the order given, so the result depends on nothing else.
    """
    made: dict[str, str] = {}
    used: set[str] = set()
    for name in dict.fromkeys(names):
        plain = re.sub(r"[\W_]+", "_", name, flags=re.ASCII).strip("_")[:LONGEST]
        base = plain if plain.startswith(prefix) else prefix + plain
        candidate, count = base, 2
        while candidate in used:
            candidate, count = f"{base}_{count}", count + 1
        used.add(candidate)
        made[name] = candidate
    return made


def top_name(netlist: Netlist) -> str:
    """The name of the generated top function or module, and of the files."""
    return identifiers([netlist.name], "qfx_")[netlist.name]


def stream_names(netlist: Netlist) -> dict[str, str]:
    """The identifier of every stream by its name; those of borders are the ports of the top."""
    return identifiers((s.name for s in netlist.streams), "s_")


def instance_names(netlist: Netlist) -> dict[str, str]:
    """The identifier of every instance by its name."""
    return identifiers((i.name for i in netlist.instances), "u_")


def port_names(netlist: Netlist) -> tuple[list[str], list[str]]:
    """The identifiers of the input and of the output ports, in netlist order."""
    names = stream_names(netlist)
    return [names[s.name] for s in netlist.inputs], [names[s.name] for s in netlist.outputs]
