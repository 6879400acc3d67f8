"""The report as plain data: what report.json holds, and what tables and pictures are made of.

The same compilation gives the same report: no times, no paths, no host names. docs/report.md
describes every key, templates/report/report.schema.json fixes it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from qfxc import __version__
from qfxc.backends.project import MARK
from qfxc.hw.board import Board
from qfxc.hw.links import Wiring, wire
from qfxc.hw.netlist import Netlist
from qfxc.hw.plan import RESOURCES, Plan, Row, Step
from qfxc.ir.graph import Graph, Node
from qfxc.ir.kernel import Cost
from qfxc.ir.types import TensorType
from qfxc.quantize.allowed import constant_ones
from qfxc.report.circuits import circuits

SCHEMA = 1
"""Raised when a key changes its meaning or goes; a new key does not raise it."""

RESCALES = ("shift", "cast", "dyadic", "csd", "compare", "table")

Report = dict[str, Any]


@dataclass(frozen=True)
class Findings:
    """What a compilation was told, and what it found out about its design.

    ``verification`` has one entry per engine run, with at least ``engine``, ``frames`` and
    ``equal``; ``accuracy`` says what quantization cost, under any keys; ``quantization`` is what
    ``report.quantization`` makes, if the model was quantized here; ``synthesis`` is what
    ``verify.synth_netlist`` returns, if the design was synthesised.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    verification: Sequence[Mapping[str, Any]] = ()
    accuracy: Mapping[str, Any] = field(default_factory=dict)
    quantization: Mapping[str, Any] | None = None
    warnings: Sequence[str] = ()
    synthesis: Mapping[str, Any] | None = None


def make_report(
    graph: Graph, plan: Plan, netlist: Netlist, board: Board, findings: Findings
) -> Report:
    """The report of a compilation: ``graph`` is that of the KERNEL stage."""
    wiring = wire(graph)
    rows = {row.name: row for row in plan.rows}
    made = circuits(netlist)
    return {
        "generator": MARK,
        "version": __version__,
        "schema": SCHEMA,
        "model": _model(graph),
        "board": {
            "name": board.name,
            "part": board.part.name,
            "clock_mhz": plan.clock_mhz,
        },
        "options": dict(findings.options),
        "plan": _plan(plan, board),
        "layers": [
            {**_layer(wiring, node, plan, rows[node.name]), "circuit": made.get(node.name)}
            for node in wiring.nodes
        ],
        "rescales": _rescales(wiring.nodes),
        "netlist": _netlist(netlist),
        "accuracy": dict(findings.accuracy),
        **_given("quantization", findings.quantization),
        "verification": [dict(entry) for entry in findings.verification],
        "warnings": list(findings.warnings),
        **_given("synthesis", findings.synthesis),
    }


def _given(key: str, part: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if part is None else {key: dict(part)}


def verified(report: Report) -> bool:
    """False when an engine gave other integers than the simulator; no run at all is no failure."""
    return all(entry["equal"] for entry in report["verification"])


def report_text(report: Report) -> str:
    """The text of report.json."""
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _model(graph: Graph) -> dict[str, Any]:
    ins = zip(graph.in_ports, graph.inputs, strict=True)
    outs = zip(graph.out_ports, graph.outputs, strict=True)
    return {
        "name": graph.name,
        "inputs": [_port(port.name, port.shape, node.type) for port, node in ins],
        "outputs": [
            {**_port(port.name, port.shape, node.type), "host": list(port.host)}
            for port, node in outs
        ],
    }


def _port(name: str, shape: tuple[int, ...], value: TensorType) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), **_elem(value), "scale": str(value.int.scale)}


def _elem(value: TensorType) -> dict[str, Any]:
    return {"bits": value.int.bits, "signed": value.int.signed}


def _cost(cost: Cost) -> dict[str, int]:
    return {"lut": cost.lut, "ff": cost.ff, "dsp": cost.dsp, "bram18": cost.bram18}


def _plan(plan: Plan, board: Board) -> dict[str, Any]:
    return {
        "interval_cycles": plan.interval,
        "frames_per_second": round(plan.fps, 3),
        "bottleneck": plan.bottleneck,
        "limit": plan.limit,
        "binding": list(plan.binding),
        "next": _next(plan.step),
        "fits": plan.fits,
        "optimal": plan.proved,
        "utilisation": _utilisation(plan),
        "estimate": _cost(plan.cost),
        "glue": _cost(plan.glue),
        "budget": _cost(plan.budget),
        "device": _cost(board.resources),
    }


def _next(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "interval_cycles": step.interval,
        "frames_per_second": round(step.fps, 3),
        "estimate": _cost(step.cost),
        "over": _cost(step.over),
    }


def _utilisation(plan: Plan) -> dict[str, Any]:
    """Of all multipliers of dot products, and of those of the busiest kernel."""
    parts = [share for row in plan.rows if (share := plan.utilisation(row)) is not None]
    return {
        "macs": sum(row.macs for row in plan.rows),
        "multipliers": sum(row.multipliers for row in plan.rows),
        "average": _share(plan.utilisation()),
        "busiest": _share(max(parts, default=None)),
    }


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def plan_lines(plan: dict[str, Any]) -> list[str]:
    """What bounds a plan, how busy its multipliers are, what the next step up takes: sentences."""
    lines = [f"slowest: {plan['bottleneck']}; limited by: {plan['limit']}"]
    used = plan["utilisation"]
    if used["average"] is not None:
        lines.append(
            f"{used['multipliers']:,} products per cycle, busy {used['average']:.1%} of the time, "
            f"those of the busiest kernel {used['busiest']:.1%}"
        )
    if plan["next"] is not None:
        lines.append(_next_line(plan["next"]))
    if not plan["optimal"]:
        lines.append("the search for folds was cut short: a better plan may exist")
    return lines


def _next_line(step: dict[str, Any]) -> str:
    rate = f"next: {step['frames_per_second']:,.1f} frames/s"
    needs = [
        f"{step['estimate'][key]:,} {label}, {step['over'][key]:,} more than the budget"
        for key, label in RESOURCES.items()
        if step["over"][key]
    ]
    if needs:
        return f"{rate} needs {' and '.join(needs)}"
    cost = ", ".join(f"{step['estimate'][key]:,} {label}" for key, label in RESOURCES.items())
    return f"{rate} fits the budget: {cost}"


def _layer(wiring: Wiring, node: Node, plan: Plan, row: Row) -> dict[str, Any]:
    """One kernel; ``rescale`` names the kernel that brings a dot product back to few bits."""
    params = [n.type for n in node.inputs[len(node.streams) :] if n.type.is_int]
    sinks = [link.sink for link in wiring.readers(node)]
    kinds = sorted({s.op.stem for s in sinks if s is not None and s.op.stem in RESCALES})
    return {
        "name": node.name,
        "op": node.op.stem,
        "shape": list(node.type.shape),
        **_elem(node.type),
        "weights": sum(p.size for p in params),
        "weight_bits": max((p.int.bits for p in params), default=None),
        "weight_ones": constant_ones(node),
        "rescale": ",".join(kinds) if params and kinds else None,
        "simd": row.fold.simd,
        "pe": row.fold.pe,
        "variant": row.fold.variant.label,
        "cycles": row.cycles,
        "multipliers": row.multipliers,
        "utilisation": _share(plan.utilisation(row)),
        "estimate": _cost(row.cost),
    }


def _rescales(nodes: Sequence[Node]) -> dict[str, Any]:
    """Rescales by kind, and how wide dyadic multipliers are (magnitudes, one per channel)."""
    counts = Counter(node.op.stem for node in nodes)
    bits = sorted(width for node in nodes if node.op.stem == "dyadic" for width in _widths(node))
    summary = {"min": bits[0], "median": median(bits), "max": bits[-1]} if bits else None
    return {"kinds": {kind: counts[kind] for kind in RESCALES}, "dyadic_bits": summary}


def _widths(node: Node) -> list[int]:
    """Bits of the multipliers, of every segment and channel."""
    op: Any = node.op
    return [abs(a).bit_length() for part in op.a for a in part * (node.type.channels // len(part))]


def _netlist(netlist: Netlist) -> dict[str, Any]:
    kernels = Counter(instance.kernel.name for instance in netlist.instances)
    streams = netlist.streams
    deepest = max(streams, key=lambda s: s.depth)
    return {
        "instances": dict(sorted(kernels.items())),
        "streams": len(streams),
        "wires": sum(not s.depth for s in streams),
        "block_fifos": sum(s.block for s in streams),
        "fifo_bits": sum(s.depth * s.bits for s in streams),
        "deepest_fifo": {"name": deepest.name, "depth": deepest.depth, "bits": deepest.bits},
    }
