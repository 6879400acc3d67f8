"""Operators, one module each. Whatever lies in this folder is in the registry."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from qfxc.ir.graph import Op


@cache
def registry() -> dict[str, type[Op]]:
    """Every operator by its stem (the module's name), in alphabetical order."""
    found: dict[str, type[Op]] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        ops = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Op)
            and value.__module__ == module.__name__
        ]
        assert len(ops) == 1, f"{module.__name__} must define exactly one operator"
        found[info.name] = ops[0]
    return found
