"""What the commands print: for people, or with ``--json`` as one document."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from qfxc.backends.project import Project
from qfxc.flow import Compiled, Result
from qfxc.report.data import verified
from qfxc.report.scores import Score
from qfxc.report.screen import WIDE, run_lines, show, simple_table


def tell(
    compiled: Compiled,
    project: Project,
    target: Path,
    seconds: dict[str, float],
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """A compilation: its report, or with ``quiet`` what it warns of."""
    if as_json:
        digest = project.digest()
        print_json(
            {"folder": str(target), "digest": digest, "seconds": seconds, "report": compiled.report}
        )
    elif quiet:
        for text in compiled.warnings:
            click.echo(f"warning: {text}", err=True)
    else:
        show(_stdout(), compiled.report, seconds)
        click.echo(f"written: {target}")
    if not verified(compiled.report):
        click.echo("error: an engine computed other integers than the simulator", err=True)


def tell_run(
    engine: str,
    result: Result,
    found: Mapping[str, Score],
    seconds: dict[str, float],
    *,
    as_json: bool,
) -> None:
    """A run on some frames: what every output scored."""
    frames = len(next(iter(result.real.values())))
    if as_json:
        outputs = {name: score.plain() for name, score in found.items()}
        head = {"engine": engine, "frames": frames, "seconds": seconds}
        print_json({**head, "outputs": outputs})
    else:
        click.echo("\n".join(run_lines(frames, found, seconds)))


def tell_rows(heads: Sequence[str], rows: Sequence[Sequence[Any]], *, as_json: bool) -> None:
    """A table, or an object per row."""
    if as_json:
        print_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        texts = [[f"{v:g}" if isinstance(v, float) else str(v) for v in row] for row in rows]
        _stdout().print(simple_table(heads, texts))


def _stdout() -> Console:
    """The terminal; a pipe or a file has no width of its own and gets every column."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


def print_json(value: Any) -> None:
    """One document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
