"""The output of a compilation as a value: relative paths and their contents. Writing comes last."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from qfxc.errors import InternalError, UserError

Files = dict[str, bytes | str]
"""A part of a project: paths and contents."""

REPORT = "report.json"
MARK = "qfxc"
"""The ``generator`` that report.json names: how a folder is recognised as one of ours."""


def _clean(path: str) -> str:
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or str(pure) != path or "\\" in path:
        raise InternalError(f"'{path}' is not a clean relative path")
    return path


@dataclass(frozen=True)
class Project(Mapping[str, bytes]):
    """Files by relative POSIX path, in sorted order; text is kept as UTF-8."""

    _files: dict[str, bytes] = field(default_factory=dict)

    @staticmethod
    def of(files: Mapping[str, bytes | str]) -> Project:
        """A project from texts and bytes. A path that leaves the project is a bug."""
        pairs = ((_clean(path), content) for path, content in sorted(files.items()))
        return Project({p: c.encode() if isinstance(c, str) else bytes(c) for p, c in pairs})

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def text(self, path: str) -> str:
        """A file that is text."""
        return self[path].decode()

    def __or__(self, other: Project) -> Project:
        """Both projects' files. A path in both must have one content; anything else is a bug."""
        for path in self:
            if path in other and self[path] != other[path]:
                raise InternalError(f"two parts of the project write '{path}' differently")
        return Project.of({**self._files, **other._files})

    def digest(self) -> str:
        """SHA-256 over paths and contents, hexadecimal; lengths keep them apart."""
        total = hashlib.sha256()
        for path, content in self._files.items():
            total.update(f"{len(path.encode())} {path} {len(content)} ".encode())
            total.update(content)
        return total.hexdigest()

    def write(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes all files or none: into a temporary folder beside it, renamed at the end.

        An existing folder is an error, unless it is empty or ``overwrite`` is given and it holds
        a qfxc project. Raises UserError, also where the parent cannot be written.
        """
        target = Path(folder)
        check_target(target, overwrite=overwrite)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".qfxc-", dir=target.parent) as scratch:
                self._fill(Path(scratch) / "new")
                _swap(Path(scratch), target)
        except OSError as error:
            raise UserError(
                f"the output cannot be written: {error.strerror or error}", where=str(target)
            ) from error

    def _fill(self, folder: Path) -> None:
        folder.mkdir()
        for path, content in self._files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def _swap(scratch: Path, target: Path) -> None:
    """Puts ``scratch/new`` at ``target``; what was there is put back if that fails."""
    old = scratch / "old"
    if target.exists():
        os.rename(target, old)
    try:
        os.rename(scratch / "new", target)
    except OSError:
        if old.exists():
            os.rename(old, target)
        raise
    if old.exists():
        shutil.rmtree(old)


def is_project(folder: Path) -> bool:
    """Whether a folder holds what an earlier compilation wrote."""
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and report.get("generator") == MARK


def check_target(target: Path, *, overwrite: bool = False) -> None:
    """Raises UserError where ``write`` would: to be asked before hours of work, too."""
    if target.is_dir() and not any(target.iterdir()):
        return
    if os.path.lexists(target):
        if not target.is_dir():
            raise UserError("the output exists and is not a folder", where=str(target))
        if not is_project(target):
            raise UserError(
                "the output folder exists and was not written by qfxc",
                where=str(target),
                hint="name another folder with -o; qfxc deletes no files but its own",
            )
        if not overwrite:
            raise UserError(
                "the output folder exists",
                where=str(target),
                hint="name another folder with -o, or replace this project with --overwrite",
            )
    _check_parent(target)


def _check_parent(target: Path) -> None:
    parent = target.absolute().parent
    while not os.path.lexists(parent):
        parent = parent.parent
    if not parent.is_dir():
        raise UserError(f"'{parent}' is not a folder", where=str(target))
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"the folder '{parent}' is not writable", where=str(target))
