"""C identifiers for instances, streams and ports: unique, stable, recognisable."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 64


def identifiers(names: Iterable[str], prefix: str) -> dict[str, str]:
    """One identifier per distinct name, ``<prefix><name>`` with what C does not allow replaced.

    The prefix keeps clear of keywords and of other kinds of names; names that have it keep it.
    Names that become equal get a number, in the order given, so the result depends on nothing else.
    """
    made: dict[str, str] = {}
    used: set[str] = set()
    for name in dict.fromkeys(names):
        plain = re.sub(r"[\W_]+", "_", name, flags=re.ASCII).strip("_")[:LONGEST]
        base = plain if plain.startswith(prefix) else prefix + plain
        candidate, count = base, 2
        while candidate in used:
            candidate, count = f"{base}_{count}", count + 1
        used.add(candidate)
        made[name] = candidate
    return made
