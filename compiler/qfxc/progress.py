"""How a long step tells that it is alive: a protocol, so that no stage depends on a terminal."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives ``step("calibrate", 3, 32)``; ``done == total`` ends a step. Steps come in order."""

    def step(self, name: str, done: int, total: int) -> None:
        """``done`` of ``total`` parts of the step ``name`` are over."""
        ...


class Silent:
    """The progress of library use: nothing is shown."""

    def step(self, name: str, done: int, total: int) -> None:
        """Nothing."""
