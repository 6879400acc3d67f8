"""Follows a compilation pass by pass: keeps the graphs, dumps them, has exact passes proved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qfxc.errors import UserError
from qfxc.ir.check import check
from qfxc.ir.graph import Graph
from qfxc.ir.text import dump
from qfxc.ir.types import Array
from qfxc.passes.base import Pass
from qfxc.passes.pipeline import STAGES
from qfxc.passes.proof import prove
from qfxc.progress import Progress

PROOF_FRAMES = 2


class Trace:
    """The hook of ``run_passes``: ``trace(step, before, after)``."""

    def __init__(
        self,
        folder: Path | None,
        frames: Sequence[Array],
        proving: bool,
        progress: Progress,
        count: int,
    ) -> None:
        self._folder = folder
        self._frames = [x[:PROOF_FRAMES] for x in frames]
        self._proving = proving
        self._progress = progress
        self._count = count
        self._done: list[tuple[Pass, Graph, Graph]] = []
        if folder is not None:
            _make(folder)

    def __call__(self, step: Pass, before: Graph, after: Graph) -> None:
        check(after, STAGES[step.name])
        if self._proving:
            prove(step, before, after, self._frames)
        if self._folder is not None:
            if not self._done:
                self._write("import", before)
            self._write(step.name, after, len(self._done) + 1)
        self._done.append((step, before, after))
        self._progress.step("passes", len(self._done), self._count)

    def _write(self, name: str, graph: Graph, index: int = 0) -> None:
        assert self._folder is not None
        (self._folder / f"{index:02d}-{name}.txt").write_text(dump(graph))

    def before(self, name: str) -> Graph:
        """The graph that the first pass called ``name`` was given."""
        return next(before for step, before, _ in self._done if step.name == name)

    def after(self, name: str) -> Graph:
        """The graph that the last pass called ``name`` made."""
        return next(after for step, _, after in reversed(self._done) if step.name == name)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write there: {error.strerror}", where=f"--dump {folder}"
        ) from error
