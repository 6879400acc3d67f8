"""What a pass is, and the runner that checks what passes promise."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar

from qfxc.errors import UserError
from qfxc.ir.graph import Graph
from qfxc.quantize.recipes import items


class Pass:
    """A graph to graph function. Frozen dataclasses; the fields are the options.

    ``exact``: the pass keeps every bit of every output (real graphs: every real number, up to
    float rounding); the runner re-simulates to prove it. Otherwise the report shows its error.
    """

    name: ClassVar[str] = ""
    exact: ClassVar[bool] = True
    optional: ClassVar[bool] = False
    summary: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        cls.summary = (cls.__doc__ or "").strip().split("\n")[0]

    def run(self, graph: Graph) -> Graph:
        raise NotImplementedError

    def resolved(self) -> Pass:
        """The pass with every option spelled out that follows from others: it does the same."""
        return self


Hook = Callable[[Pass, Graph, Graph], None]


def run_passes(graph: Graph, passes: tuple[Pass, ...], hook: Hook | None = None) -> Graph:
    """Runs the passes in order; ``hook(pass, before, after)`` sees each result."""
    for step in passes:
        after = step.run(graph)
        after.check_names()
        if hook is not None:
            hook(step, graph, after)
        graph = after
    return graph


def override(passes: tuple[Pass, ...], spec: str) -> tuple[Pass, ...]:
    """Applies ``--passes 'name{field=value,...},-name'``: sets options, leaves out passes.

    A name alone keeps the pass as it is; ``-name`` drops a pass that is optional.
    """
    out = list(passes)
    for item in items(spec):
        match = re.fullmatch(r"(-?)([a-z0-9-]+)(?:\{(.*)\})?", item)
        if match is None or match[2] not in {step.name for step in out}:
            raise UserError(
                f"'{item}' is not a pass",
                where="--passes",
                hint=f"passes: {', '.join(dict.fromkeys(p.name for p in out))}; "
                "as in 'quantize{weights=4}' or '-hoist-activations'",
            )
        if match[1]:
            out = [step for step in out if step.name != match[2] or not _droppable(step)]
        elif match[3]:
            out = [_with_options(s, match[3]) if s.name == match[2] else s for s in out]
    return tuple(out)


def _droppable(step: Pass) -> bool:
    if step.optional:
        return True
    raise UserError(f"pass '{step.name}' cannot be left out", where="--passes")


def _with_options(step: Pass, text: str) -> Pass:
    types = {f.name: f for f in fields(step)}  # type: ignore[arg-type]
    changes: dict[str, Any] = {}
    for pair in text.split(","):
        key, _, value = (part.strip() for part in pair.partition("="))
        if key not in types or not _is_option(step, key):
            known = (name for name in types if _is_option(step, name))
            names = ", ".join(sorted(known)) or "none"
            raise UserError(
                f"pass '{step.name}' has no option '{key}'",
                where="--passes",
                hint=f"options: {names}",
            )
        changes[key] = _parse(step, key, value)
    return replace(step, **changes)  # type: ignore[type-var]


KINDS = {"int": "an integer", "float": "a number", "bool": "true or false", "str": "a text"}


def _is_option(step: Pass, key: str) -> bool:
    """Whether a field can be written as text: frames cannot."""
    return type(getattr(step, key)).__name__ in KINDS


def choice(where: str, value: str, allowed: Sequence[str]) -> None:
    """Raises UserError unless an option has one of the allowed values."""
    if value not in allowed:
        raise UserError(f"'{value}' is not one of {', '.join(allowed)}", where=where)


def _parse(step: Pass, key: str, value: str) -> Any:
    kind = type(getattr(step, key))
    try:
        if kind is bool:
            return {"true": True, "false": False, "1": True, "0": False}[value.lower()]
        return kind(value)
    except (ValueError, KeyError):
        raise UserError(
            f"'{value}' is not {KINDS[kind.__name__]}", where=f"--passes {step.name}{{{key}}}"
        ) from None
