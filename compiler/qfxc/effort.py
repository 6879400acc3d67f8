"""``--effort``: how long the search for a good quantization may take."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qfxc.ir.graph import Graph
from qfxc.ir.types import Array
from qfxc.passes.base import Pass, override, run_passes
from qfxc.passes.fold_input import FoldInput
from qfxc.passes.own_quantizers import brings_quantizers
from qfxc.passes.quantize import Quantize
from qfxc.progress import Progress
from qfxc.quantize.error import sqnr_db
from qfxc.quantize.recipes import items
from qfxc.quantize.trials import Search, Trial
from qfxc.sim import simulate


@dataclass(frozen=True)
class Axis:
    """An option of a pass and what it can be instead of its default."""

    step: str
    option: str
    values: tuple[str, ...]

    def put(self, passes: str, spec: str) -> str:
        """``passes`` with ``spec`` in place of what they have of this option."""
        own = f"{self.step}{{{self.option}="
        kept = [item for item in items(passes) if not item.startswith(own)]
        return ",".join([*kept, spec])

    def specs(self) -> list[str]:
        """The values that can be tried here, as ``--passes`` has them."""
        torch = importlib.util.find_spec("torch") is not None
        return [
            f"{self.step}{{{self.option}={value}}}"
            for value in self.values
            if torch or value != "adaround"
        ]


AXES = (
    Axis("quantize", "rounding_of_weights", ("feedback",)),
    Axis("equalise", "by", ("activations", "weights")),
    Axis("quantize", "method", ("search",)),
    Axis("quantize", "rounding_of_weights", ("adaround",)),
)
"""Tried one after the other, each with the best of those before it. Feedback comes first as it
changes most, also what the others are worth; learning last as it goes on from feedback."""

CLEAR = 0.5
"""dB by which options must be better than simpler ones. Smaller gains are luck of the frames that
judge: on others they cost as many right answers as they bring (docs/accuracy.md)."""


def best(
    source: Graph, steps: tuple[Pass, ...], progress: Progress
) -> tuple[tuple[Pass, ...], Search | None]:
    """The passes with the options that keep most signal at the outputs, and how they were found.

    The first trial are the defaults; options of an axis replace those before if they are ``CLEAR``
    better. What was set to anything but its default stays. Every second calibration frame is kept
    from the fit and judges it; the passes that are returned have all frames. A model that states
    its own quantizers has nothing to choose: its passes stay, without a search.
    """
    if brings_quantizers(source):
        return steps, None
    judge = _Judge(source, steps)
    axes = [(axis, _new(axis, steps)) for axis in AXES if _open(axis, steps)]
    total = 1 + sum(len(specs) for _, specs in axes)
    progress.step("search", 0, total)
    trials = [judge("")]
    kept = trials[0]
    progress.step("search", 1, total)
    for axis, specs in axes:
        tried = []
        for spec in specs:
            tried.append(judge(axis.put(kept.passes, spec)))
            progress.step("search", len(trials) + len(tried), total)
        trials += tried
        kept = _clearly_better(kept, tried)
    return override(steps, kept.passes), Search(kept, tuple(trials), judge.frames)


def _clearly_better(kept: Trial, tried: Sequence[Trial]) -> Trial:
    top = max(tried, key=lambda trial: trial.sqnr_db, default=kept)
    return top if top.sqnr_db > kept.sqnr_db + CLEAR else kept


def _new(axis: Axis, steps: tuple[Pass, ...]) -> list[str]:
    """The values that change anything: a default may come to one of them."""
    plain = [step.resolved() for step in steps]
    tried = ((spec, override(steps, spec)) for spec in axis.specs())
    return [spec for spec, changed in tried if [s.resolved() for s in changed] != plain]


def _open(axis: Axis, steps: Sequence[Pass]) -> bool:
    """Whether the option is there and nobody has set it."""
    found = [step for step in steps if step.name == axis.step]
    if "adaround" in axis.values and any(getattr(step, "ones", 0) for step in found):
        return False  # it chooses between neighbouring codes
    return bool(found) and all(
        getattr(step, axis.option) == getattr(type(step), axis.option) for step in found
    )


class _Judge:
    """Scores pass options: fits on one half of the calibration frames, compares on the other."""

    def __init__(self, source: Graph, steps: tuple[Pass, ...]) -> None:
        first = next(i for i, step in enumerate(steps) if isinstance(step, FoldInput))
        last = next(i for i, step in enumerate(steps) if isinstance(step, Quantize))
        self._graph = run_passes(source, steps[:first])
        self._steps = tuple(_on_half(step) for step in steps[first : last + 1])
        (self._held,) = (_halves(s.frames)[1] for s in steps if isinstance(s, Quantize))
        self._expected = simulate(self._graph, self._held)
        self.frames = len(self._held[0])

    def __call__(self, passes: str) -> Trial:
        found = simulate(run_passes(self._graph, override(self._steps, passes)), self._held)
        pairs = zip(self._expected, found, strict=True)
        return Trial(passes, min(sqnr_db(a, b) for a, b in pairs))


def _on_half(step: Pass) -> Pass:
    """The pass with only the frames to fit on, where it has any."""
    if not hasattr(step, "frames"):
        return step
    return replace(step, frames=_halves(step.frames)[0])  # type: ignore[type-var]


def _halves(frames: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """The frames to fit on and those to judge by: the same ones if there is but one."""
    if len(frames[0]) < 2:
        return frames, frames
    return tuple(x[::2] for x in frames), tuple(x[1::2] for x in frames)
