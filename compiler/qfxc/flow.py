"""The flow as the command line sees it: two functions and what they return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qfxc.backends.project import Project
from qfxc.ir.types import Array
from qfxc.progress import Progress
from qfxc.report.data import Report


class Compiled(Protocol):
    """What the driver returns: the report says whether engines agreed."""

    @property
    def report(self) -> Report:
        """What report.json holds."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What the user should know, in the report too."""
        ...

    def project(self) -> Project:
        """All files of the output folder."""
        ...


class Result(Protocol):
    """A batch of outputs by name: integer codes, and the real numbers they stand for."""

    @property
    def codes(self) -> Mapping[str, Array]:
        """Integers, batch axis first."""
        ...

    @property
    def real(self) -> Mapping[str, Array]:
        """Integers times their scale."""
        ...

    @property
    def classes(self) -> Mapping[str, int]:
        """Classes by output; 0 for an output that is no classification."""
        ...

    def top1(self, output: str | None = None) -> NDArray[np.int64]:
        """The class of every frame."""
        ...


class Loaded(Protocol):
    """A project that was read back."""

    def run(self, source: Path, engine: str, progress: Progress | None) -> Result:
        """Runs the inputs in a file through ``engine``."""
        ...

    def run_float(self, source: Path, progress: Progress | None) -> Result:
        """Runs them through the float reference."""
        ...


class Flow(Protocol):
    """All that the command line calls."""

    def compile(
        self, model: Path, board: str, *, progress: Progress | None, **options: Any
    ) -> Compiled:
        """Compiles and verifies; ``options`` are the flags that were given."""
        ...

    def load_project(self, folder: Path) -> Loaded:
        """Opens a folder that ``compile`` filled."""
        ...


class Qfxc:
    """The real flow, imported when it is used: `qfxc boards` needs no ONNX."""

    def compile(
        self, model: Path, board: str, *, progress: Progress | None, **options: Any
    ) -> Compiled:
        """As ``qfxc.driver.compile``."""
        from qfxc import driver

        return driver.compile(model, board, progress=progress, **options)

    def load_project(self, folder: Path) -> Loaded:
        """As ``qfxc.run.load_project``."""
        from qfxc import run

        return run.load_project(folder)
