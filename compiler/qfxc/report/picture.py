"""A picture of the plan as self-contained SVG: use of the budget, and cycles per kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qfxc.report.data import Report
from qfxc.report.page import page

WIDTH = 860
LABELS = 250
VALUES = 170
LINE = 20
TOP = 56
LABEL_CHARS = 34
RESOURCES = (("LUT", "lut"), ("FF", "ff"), ("DSP", "dsp"), ("BRAM18", "bram18"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the picture, in SVG units from the top left."""

    y: int
    label: str
    title: str
    value: str
    length: int
    colour: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars under a heading at ``y``."""

    y: int
    heading: str
    bars: tuple[Bar, ...]


def svg(report: Report) -> str:
    """The text of report.svg."""
    budget = _chart(TOP, "Estimated resources, of the budget", _budget(report["plan"]))
    below = TOP + LINE * (len(budget.bars) + 2)
    layers = _chart(below, "Cycles per frame, by kernel", _cycles(report["layers"]))
    height = below + LINE * (len(layers.bars) + 1)
    title = (
        f"{report['model']['name']} on {report['board']['name']}: "
        f"{report['plan']['frames_per_second']:,.1f} frames/s at "
        f"{report['board']['clock_mhz']:g} MHz"
    )
    sizes = {"width": WIDTH, "height": height, "labels": LABELS - 10, "bars": LABELS}
    return page("report.svg", title=title, charts=[budget, layers], values=WIDTH - 10, **sizes)


Line = tuple[str, str, float, str]
"""Label, value, length as a fraction, colour."""


def _chart(top: int, heading: str, lines: Sequence[Line]) -> Chart:
    room = WIDTH - LABELS - VALUES
    bars = []
    for index, (label, value, fraction, colour) in enumerate(lines):
        length = max(1, round(room * min(fraction, 1.0)))
        short = label if len(label) <= LABEL_CHARS else f"…{label[1 - LABEL_CHARS :]}"
        bars.append(Bar(top + LINE * (index + 1), short, label, value, length, colour))
    return Chart(top, heading, tuple(bars))


def _budget(plan: dict[str, Any]) -> list[Line]:
    lines = []
    for label, key in RESOURCES:
        used, most = plan["estimate"][key], plan["budget"][key]
        share = used / max(most, 1)
        colour = "#b3261e" if used > most else "#2b6cb0"
        lines.append((label, f"{used:,} of {most:,} ({share:.0%})", share, colour))
    return lines


def _cycles(layers: Sequence[dict[str, Any]]) -> list[Line]:
    most = max(layer["cycles"] for layer in layers)
    return [
        (
            f"{layer['name']} ({layer['op']})",
            f"{layer['cycles']:,}",
            layer["cycles"] / most,
            "#b7791f" if layer["cycles"] == most else "#4a7c59",
        )
        for layer in layers
    ]
