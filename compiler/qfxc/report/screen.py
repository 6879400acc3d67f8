"""What the terminal shows: progress while it runs, a table of the layers at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from qfxc.report.circuits import circuit_lines, inside
from qfxc.report.data import Report, plan_lines
from qfxc.report.quantization import HEADS, WORST, search_lines, value_rows
from qfxc.report.scores import Score

COLUMNS = (
    "layer",
    "op",
    "shape",
    "bits",
    "weights",
    "fold",
    "cycles",
    "LUT",
    "FF",
    "DSP",
    "BRAM18",
)
LEFT = frozenset({"layer", "op", "shape", "rescale"})
FEW_ONES = 3
"""Ones per weight that the screen speaks of."""

ONLY_WIDE = frozenset({"weights", "FF", "rescale"})
RESOURCES = {"LUT": "lut", "FF": "ff", "DSP": "dsp", "BRAM18": "bram18"}
WIDE = 128
"""Characters that a line with every column needs."""

LONG_NAME, SHORT_NAME = 36, 24
"""Characters of a name that wide and narrow terminals show."""


class ScreenProgress:
    """Progress with a bar for the present step; remembers how long every step took.

    Without a terminal behind ``console`` nothing is drawn but times are kept. Use in ``with``.
    """

    def __init__(self, console: Console, *, visible: bool = True) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not (visible and console.is_terminal),
        )
        self._tasks: dict[str, Any] = {}
        self._starts: dict[str, float] = {}
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> ScreenProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def step(self, name: str, done: int, total: int) -> None:
        """Moves the bar of the step; the first call starts it."""
        now = time.perf_counter()
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
            self._starts[name] = now
        self._bars.update(self._tasks[name], completed=done, total=total)
        self.seconds[name] = now - self._starts[name]


def show(console: Console, report: Report, seconds: dict[str, float] | None = None) -> None:
    """The summary at the end of a compilation."""
    console.print(_layers(report["layers"], console.width))
    console.print(_resources(report["plan"]))
    if "quantization" in report:
        found = report["quantization"]
        room = LONG_NAME if console.width >= WIDE else SHORT_NAME
        console.print(simple_table(HEADS, value_rows(found, WORST, room)))
        for line in search_lines(found):
            console.print(Text(line))
    if "synthesis" in report:
        console.print(_synthesis(report["synthesis"]))
    for line in _sentences(report, seconds or {}):
        console.print(Text(line))


def simple_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of texts, each taken literally; narrow terminals fold the cells."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _layers(layers: Sequence[dict[str, Any]], width: int) -> Table:
    """One line per layer; narrow terminals get fewer columns and the ends of long names."""
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    shown = [i for i, name in enumerate(COLUMNS) if wide or name not in ONLY_WIDE]
    for i in shown:
        table.add_column(
            COLUMNS[i], justify="left" if COLUMNS[i] in LEFT else "right", no_wrap=True
        )
    room, merged = LONG_NAME if wide else SHORT_NAME, inside(layers)
    for layer in layers:
        cells = _cells(layer)
        if layer["name"] in merged:
            cells[COLUMNS.index("fold")] = "in the tree"
        if len(cells[0]) > room:
            cells[0] = f"…{cells[0][1 - room :]}"
        table.add_row(*(Text(cells[i]) for i in shown))
    return table


def _cells(layer: dict[str, Any]) -> list[str]:
    cost = layer["estimate"]
    weights = f"{layer['weights']:,} x {layer['weight_bits']}b" if layer["weights"] else ""
    return [
        layer["name"],
        layer["op"],
        "x".join(map(str, layer["shape"])),
        f"{'i' if layer['signed'] else 'u'}{layer['bits']}",
        weights,
        f"{layer['simd']}:{layer['pe']} {layer['variant']}".removesuffix(" dsp"),
        f"{layer['cycles']:,}",
        *(f"{cost[key]:,}" for key in ("lut", "ff", "dsp", "bram18")),
        layer["rescale"] or "",
    ]


def _resources(plan: dict[str, Any]) -> Table:
    rows = []
    for label, key in RESOURCES.items():
        used, most, all_ = plan["estimate"][key], plan["budget"][key], plan["device"][key]
        share = f"{100 * used / most:.1f} %" if most else "-"
        rows.append((label, f"{used:,}", f"{most:,}", share, f"{all_:,}"))
    return simple_table(("estimate", "used", "budget", "share", "device"), rows)


def _synthesis(synthesis: dict[str, Any]) -> Table:
    """Estimates beside what Yosys found, kernel by kernel; the total is of finished ones only."""
    heads = ["synthesis", "kernel"]
    for label in RESOURCES:
        heads += [label, "Yosys"]
    total = {"name": "total", "kernel": "", **synthesis["total"]}
    rows = []
    for row in (*synthesis["rows"], total):
        cells = [row["name"], row["kernel"]]
        for key in RESOURCES.values():
            found = "too long" if row["yosys"] is None else f"{row['yosys'][key]:,}"
            cells += [f"{row['estimate'][key]:,}", found]
        rows.append(cells)
    return simple_table(heads, rows)


def _sentences(report: Report, seconds: dict[str, float]) -> list[str]:
    plan, board = report["plan"], report["board"]
    lines = [
        f"{plan['frames_per_second']:,.1f} frames/s at {board['clock_mhz']:g} MHz "
        f"({plan['interval_cycles']:,} cycles per frame)",
        *plan_lines(plan),
    ]
    if not plan["fits"]:
        lines.append(f"this design does not fit {board['name']}")
    lines += circuit_lines(report["layers"])
    lines += _ones_line(report["layers"])
    lines.append(_rescale_line(report["rescales"]))
    for port in report["model"]["outputs"]:
        if port["host"]:
            lines.append(f"left to the host: {', '.join(port['host'])} of {port['name']}")
    for entry in report["verification"]:
        lines.append(_proof(entry))
    lines += [f"warning: {text}" for text in report["warnings"]]
    if seconds:
        times = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
        lines.append(f"time: {times}")
    return lines


def _proof(entry: dict[str, Any]) -> str:
    """What a run of an engine showed; one at full speed also measures the rate."""
    verdict = "equal, bit for bit" if entry["equal"] else "DIFFERENT"
    stalls = entry.get("stalls")
    how = f" (ports stalled {stalls} % of the time)" if stalls else ""
    text = f"{entry['engine']}{how} against the simulator, {entry['frames']} frames: {verdict}"
    if stalls != 0:
        return text
    interval, latency = entry["interval_cycles"], entry["latency_cycles"]
    return f"{text}; {interval:,} cycles per frame, the first after {latency:,}"


def _ones_line(layers: Sequence[dict[str, Any]]) -> list[str]:
    """Said only where weights are so few powers of two that shifts can stand for products."""
    ones = max((row["weight_ones"] for row in layers if row["weights"]), default=0)
    if not 0 < ones <= FEW_ONES:
        return []
    return [f"weights: every one at most {ones} signed power{'s' * (ones > 1)} of two"]


def _rescale_line(rescales: dict[str, Any]) -> str:
    counts = [f"{n} {kind}" for kind, n in rescales["kinds"].items() if n]
    bits = rescales["dyadic_bits"]
    text = f"rescales: {', '.join(counts) or 'none'}"
    if bits is None:
        return text
    span = f"{bits['min']} to {bits['max']} bits, median {bits['median']:g}"
    return f"{text}; dyadic multipliers of {span}"


def run_lines(frames: int, found: Mapping[str, Score], seconds: Mapping[str, float]) -> list[str]:
    """What a run says: how fast every engine was, and a line of scores per output."""
    lines = []
    for name in ("simulator", "C-simulation", "float reference"):
        if seconds.get(name):
            rate = frames / seconds[name]
            lines.append(
                f"{name}: {frames:,} frames in {seconds[name]:.2f} s, {rate:,.1f} frames/s"
            )
    return [*lines, *(_score_line(name, score) for name, score in found.items())]


def _score_line(name: str, score: Score) -> str:
    parts = []
    if score.top1 is not None and score.top1_float is not None:
        parts.append(f"top-1 {score.top1:.2%} (float reference {score.top1_float:.2%})")
    if score.agreement is not None:
        parts.append(f"same class as float {score.agreement:.2%}")
    parts.append(f"cosine {score.cosine:.6f}")
    parts.append("SQNR infinite" if score.sqnr_db is None else f"SQNR {score.sqnr_db:.1f} dB")
    kind = f"{score.classes} classes" if score.classes else "no classification"
    shape = "x".join(map(str, score.shape)) or "scalar"
    return f"{name} ({shape}, {kind}): {', '.join(parts)}"
