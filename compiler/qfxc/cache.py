"""Built programs, kept by what they were built from."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def cache_folder() -> Path:
    """Where built simulations are kept: the user's cache folder of the platform."""
    home = Path.home()
    if sys.platform == "win32":
        return home / "AppData" / "Local" / "qfxc" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "qfxc"
    return home / ".cache" / "qfxc"


def digest(sources: Mapping[str, bytes], *settings: str) -> str:
    """A short name of a build: of the contents that it is made of, and how."""
    total = hashlib.sha256("".join(f"{setting}\0" for setting in settings).encode())
    for path, content in sources.items():
        total.update(f"{path}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()[:24]


def kept(folder: Path, proof: str, make: Callable[[Path], None]) -> Path:
    """``folder / proof``; where it is missing, ``make`` fills a new folder that takes its place.

    Nobody sees a half-built folder, and of two processes that build the same one wins.
    """
    if not (folder / proof).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="build-") as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            make(made)
            _move(made, folder, proof)
    return folder / proof


def _move(made: Path, folder: Path, proof: str) -> None:
    try:
        made.rename(folder)
    except OSError:  # there is one already: another process was faster, or it is damaged
        if not (folder / proof).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
