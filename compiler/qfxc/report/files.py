"""The report's files in a project: report.json, report.svg and README.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qfxc.backends.project import REPORT, Project
from qfxc.report.data import Report, plan_lines, report_text
from qfxc.report.page import page
from qfxc.report.picture import svg
from qfxc.report.quantization import HEADS, search_lines, value_rows

KNOWN = {
    "README.md": "this page",
    REPORT: "everything about this compilation, for programs",
    "report.svg": "use of the budget and cycles per kernel, as a picture",
    "hls/": "the network for Vitis HLS, which g++ can simulate as it is",
    "rtl/": "the network in SystemVerilog",
    "vivado/": "scripts that build the bitstream",
    "host/": "programs that run the network on the board",
    "model/": "the integer network, what `qfxc run` loads",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the README: a top-level file or folder (with a slash) and its purpose."""

    path: str
    what: str


def with_report(files: Project, report: Report) -> Project:
    """``files`` and the report's own."""
    own = {REPORT: report_text(report), "report.svg": svg(report), "README.md": ""}
    entries = _entries((*files, *own))
    found = report.get("quantization")
    own["README.md"] = page(
        "README.md",
        report=report,
        entries=entries,
        plan_lines=plan_lines(report["plan"]),
        quantized_heads=HEADS,
        quantized=value_rows(found) if found else [],
        search_lines=search_lines(found) if found else [],
    )
    return files | Project.of(own)


def _entries(paths: Iterable[str]) -> list[Entry]:
    """Top-level files and folders, sorted."""
    tops = {p if "/" not in p else p.split("/")[0] + "/" for p in paths}
    return [Entry(top, KNOWN.get(top, "")) for top in sorted(tops)]
