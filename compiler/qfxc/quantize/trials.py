"""What a search for a good quantization found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """Pass options that were tried, beside those given (empty: none).

    ``sqnr_db``: of the worst output, on calibration frames that the fit has not seen.
    """

    passes: str
    sqnr_db: float


@dataclass(frozen=True)
class Search:
    """All trials in order, the one that was kept, and on how many frames they were judged."""

    kept: Trial
    trials: tuple[Trial, ...]
    frames: int
