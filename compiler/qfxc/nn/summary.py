"""A table of a model's layers and their formats."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from torch import nn

from qfxc.nn.cast import Cast
from qfxc.nn.layer import Layer

COLUMNS = ("layer", "type", "parameters", "weight", "bias", "output")


def summary(model: nn.Module) -> str:
    """One line per layer; a format is ``bits.fraction``, ``u`` unsigned, ``*`` trained still."""
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for row in rows(model):
        table.add_row(*row)
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def rows(model: nn.Module) -> list[tuple[str, ...]]:
    """The cells of the table."""
    inner = {
        id(m) for layer in model.modules() if isinstance(layer, Layer) for m in layer.modules()
    }
    found: list[tuple[str, ...]] = []
    for name, module in model.named_modules():
        if isinstance(module, Cast) and id(module) not in inner:
            found.append((name, "Cast", "", "", "", _format(module)))
        elif isinstance(module, Layer):
            found.append((name, *_layer(module)))
    return found


def _layer(layer: Any) -> tuple[str, ...]:
    count = sum(getattr(layer, n).numel() for n in ("weight", "bias") if _has(layer, n))
    formats = (_format(getattr(layer, n, None)) for n in ("weight_cast", "bias_cast", "cast"))
    return type(layer).__name__, str(count) if count else "", *formats


def _has(layer: Any, name: str) -> bool:
    return getattr(layer, name, None) is not None


def _format(cast: Any) -> str:
    if not isinstance(cast, Cast):
        return "" if cast is None else type(cast).__name__
    return str(cast.format()) + ("" if cast.frozen else "*")
