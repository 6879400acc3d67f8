"""What quantization cost: as plain data for the report, and as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from qfxc.quantize.damage import Damage, Damages
from qfxc.quantize.quality import Quality
from qfxc.quantize.trials import Search

WORST = 5
"""Values that the screen shows."""

HEADS = ("value", "layer", "weights", "codes", "SQNR dB", "alone dB")


def accuracy(rows: Sequence[Quality]) -> dict[str, Any]:
    """Of every output."""
    return {
        q.output: {
            "frames": q.frames,
            "sqnr_db": _db(q.sqnr_db),
            "cosine": round(q.cosine, 6),
            "top1_agreement": round(q.top1_agreement, 6),
        }
        for q in rows
    }


def quantization(search: Search | None, damages: Damages) -> dict[str, Any]:
    """How the options of the quantization were found, and every quantized value."""
    return {
        "search": None if search is None else _search(search),
        "frames": damages.frames,
        "values": [_value(row) for row in damages.rows],
    }


def _search(search: Search) -> dict[str, Any]:
    return {
        "kept": search.kept.passes,
        "frames": search.frames,
        "trials": [{"passes": t.passes, "sqnr_db": _db(t.sqnr_db)} for t in search.trials],
    }


def _value(row: Damage) -> dict[str, Any]:
    return {
        "name": row.name,
        "layer": row.layer,
        "bits": row.bits,
        "weight_bits": row.weight_bits,
        "sqnr_db": _db(row.sqnr_db),
        "alone_db": _db(row.alone_db),
    }


def _db(value: float) -> float | None:
    """Rounded; None where nothing differs."""
    return round(value, 2) if isfinite(value) else None


def value_rows(
    found: dict[str, Any], most: int | None = None, room: int | None = None
) -> list[tuple[str, ...]]:
    """Cells under ``HEADS`` of the values in a report, the most damaging first.

    ``most`` of them; names longer than ``room`` lose their beginning.
    """
    return [
        (
            _end(value["name"], room),
            _end(value["layer"] or "", room),
            f"{value['weight_bits']}b" if value["weight_bits"] else "",
            f"{value['bits']}b",
            _shown(value["sqnr_db"]),
            _shown(value["alone_db"]),
        )
        for value in found["values"][:most]
    ]


def _end(name: str, room: int | None) -> str:
    return name if room is None or len(name) <= room else f"…{name[1 - room :]}"


def search_lines(found: dict[str, Any]) -> list[str]:
    """What a search tried and kept."""
    search = found["search"]
    if search is None:
        return []
    tried = [f"{_shown(t['sqnr_db'])} dB with {_named(t['passes'])}" for t in search["trials"]]
    return [
        f"chosen out of {len(tried)} quantizations, judged on {search['frames']} frames: "
        f"{_named(search['kept'])} ({', '.join(tried)})"
    ]


def _named(passes: str) -> str:
    return passes or "the defaults"


def _shown(db: float | None) -> str:
    return "exact" if db is None else f"{db:.1f}"
