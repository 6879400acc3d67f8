"""Boards: what the plan may spend. A board is a TOML file; its part file holds the resources."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qfxc.errors import UserError
from qfxc.ir.kernel import Cost
from qfxc.share import folder

if sys.version_info >= (3, 11):
    import tomllib
else:  # tomllib entered the standard library with 3.11
    import tomli as tomllib


MEMORY_BITS = {"zynq_ultra_ps_e": 128, "processing_system7": 64}
"""Processing systems and the width of their memory ports (UG1085, "AXI_HP"; UG585, "AXI_HP")."""


@dataclass(frozen=True, slots=True)
class Part:
    """A device as Vivado names it, with all that it holds."""

    name: str
    family: str
    dsp_kind: str
    lut: int
    ff: int
    dsp: int
    bram36: int
    uram: int
    source: str


@dataclass(frozen=True, slots=True)
class Board:
    """A board: its part, the share of it that a network may use, its clock, memory and host.

    ``bandwidth`` is in bytes per second (peak times planned efficiency); ``fractions`` are those
    of LUT, FF, DSP and BRAM. ``board_part`` is a pattern of Vivado's names of its board files,
    ``ps`` the IP of the processing system. ``max_dsp``: what a user allows, below the fraction.
    ``levels``: additions between two registers of a circuit, where a user says how many.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    part: Part
    clock_mhz: float
    fractions: tuple[float, float, float, float]
    bandwidth: float
    host_flow: str
    board_part: str
    ps: str
    source: str
    max_dsp: int | None = None
    levels: int | None = None

    @property
    def resources(self) -> Cost:
        """Everything the part holds."""
        return Cost(self.part.lut, self.part.ff, self.part.dsp, 2 * self.part.bram36)

    @property
    def budget(self) -> Cost:
        """What the network may use, rounded down."""
        lut, ff, dsp, bram = self.fractions
        full = self.resources
        dsps = int(full.dsp * dsp)
        dsps = dsps if self.max_dsp is None else min(dsps, self.max_dsp)
        return Cost(int(full.lut * lut), int(full.ff * ff), dsps, int(full.bram18 * bram))


def boards() -> list[Board]:
    """Every board that is delivered, by name."""
    return [_read(path) for path in sorted(folder("boards").glob("*.toml"))]


def load(name: str) -> Board:
    """The board called ``name`` (any case, aliases count), or that of a user's own ``.toml`` file.

    A user's file has the same keys; its part is looked up in ``parts/`` beside it, then among
    those delivered. Raises UserError for an unknown board, naming the nearest.
    """
    if name.endswith(".toml"):
        return _read(Path(name))
    known = {alias: board for board in boards() for alias in (board.name, *board.aliases)}
    if name.lower() in known:
        return known[name.lower()]
    near = difflib.get_close_matches(name.lower(), list(known), n=1)
    names = ", ".join(sorted({board.name for board in known.values()}))
    hint = f"did you mean '{known[near[0]].name}'? " if near else ""
    raise UserError(
        f"there is no board '{name}'", hint=f"{hint}boards: {names}, or a path to a .toml file"
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("the board file cannot be read", where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"not a TOML file: {error}", where=str(path)) from error


def _read(path: Path) -> Board:
    data = _toml(path)
    try:
        budget = data["budget"]
        fractions = tuple(float(budget[key]) for key in ("lut", "ff", "dsp", "bram"))
        memory = data["memory"]
        board = Board(
            name=str(data["name"]),
            title=str(data["title"]),
            aliases=tuple(data.get("aliases", ())),
            part=_part(path, str(data["part"])),
            clock_mhz=float(data["clock"]["mhz"]),
            fractions=(fractions[0], fractions[1], fractions[2], fractions[3]),
            bandwidth=float(memory["bandwidth_mb_s"]) * 1e6 * float(memory["efficiency"]),
            host_flow=str(data["host"]["flow"]),
            board_part=str(data["vivado"]["board_part"]),
            ps=str(data["vivado"]["ps"]),
            source=str(data["source"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, error) from error
    return _checked(board, path)


def _checked(board: Board, path: Path) -> Board:
    if not all(0 < f <= 1 for f in board.fractions):
        raise UserError("every budget fraction lies in (0, 1]", where=str(path))
    if board.clock_mhz <= 0 or board.bandwidth <= 0:
        raise UserError("clock, bandwidth and efficiency are positive", where=str(path))
    if board.ps not in MEMORY_BITS:
        known = ", ".join(MEMORY_BITS)
        raise UserError(f"unknown ps '{board.ps}'", where=str(path), hint=f"known: {known}")
    return board


def _part(board: Path, name: str) -> Part:
    places = (board.parent / "parts", folder("boards") / "parts")
    path = next((p / f"{name}.toml" for p in places if (p / f"{name}.toml").is_file()), None)
    if path is None:
        raise UserError(
            f"there is no part file for '{name}'",
            where=str(board),
            hint=f"write parts/{name}.toml beside the board file",
        )
    data = _toml(path)
    try:
        counts = data["resources"]
        return Part(
            name=str(data["name"]),
            family=str(data["family"]),
            dsp_kind=str(data["dsp_kind"]),
            lut=int(counts["lut"]),
            ff=int(counts["ff"]),
            dsp=int(counts["dsp"]),
            bram36=int(counts["bram36"]),
            uram=int(counts["uram"]),
            source=str(data["source"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, error) from error


def _bad(path: Path, error: Exception) -> UserError:
    what = f"key {error} is missing" if isinstance(error, KeyError) else str(error)
    return UserError(what, where=str(path), hint="boards/ultra96.toml shows every key")
