"""Rewrites the operator table in README.md from the front end's registry."""

from __future__ import annotations

from pathlib import Path

from qfxc.frontend.onnx_ops import supported

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- operators: begin -->\n", "<!-- operators: end -->\n"


def table() -> str:
    rows = [f"| {row.op} | {row.since} | {row.notes} |" for row in supported()]
    return "\n".join(["| ONNX operator | since opset | notes |", "|---|---|---|", *rows]) + "\n"


def updated(text: str) -> str:
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
