"""Finds the data folders (templates, hls_lib, boards) in a checkout or in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The data folder ``name``: ``<wheel>/qfxc/share/<name>`` or ``<checkout>/<name>``."""
    for base in (_PACKAGE / "share", _PACKAGE.parents[1]):
        if (base / name).is_dir():
            return base / name
    raise FileNotFoundError(f"qfxc data folder '{name}' is missing from this installation")
