"""The one error that users see: what is wrong, where, and what would work."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence

NO_ARRAYS = (ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What numpy.load raises for a file that is damaged or something else, besides OSError."""


class UserError(Exception):
    """A mistake in the input, never in qfxc: printed as ``error:`` / ``hint:``, exit code 2.

    ``where`` names the node or file, ``what`` says what is wrong, ``hint`` what would work.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"error: {head}" + (f"\nhint: {self.hint}" if self.hint else "")


class UserErrors(UserError):
    """Several independent errors, reported at once."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class InternalError(Exception):
    """A broken promise inside qfxc (a bug): a value left its proven range, two engines differ."""


class VerificationError(Exception):
    """An engine computed something else than the simulator; exit code 1."""
