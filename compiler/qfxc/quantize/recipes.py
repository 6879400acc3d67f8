"""Named bundles of pass options: what ``--recipe`` takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from qfxc.errors import UserError
from qfxc.quantize.kones import MOST_ONES


@dataclass(frozen=True)
class Recipe:
    """``passes``: the options it sets, in the syntax of ``--passes``, ``<name>`` for a parameter.

    ``parameters``: numbers of ones with what they are unless given, as in ``shift{k=2}``.
    """

    name: str
    summary: str
    passes: str
    parameters: Mapping[str, int] = field(default_factory=dict)

    @property
    def usage(self) -> str:
        """Name and parameters, as ``--recipe`` takes them."""
        shown = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.name}{{{shown}}}" if shown else self.name

    def filled(self, text: str) -> str:
        """``passes`` with the parameters in ``text``, ``key=value,...``; UserError for bad ones."""
        values, given = dict(self.parameters), set[str]()
        for pair in text.split(",") if text else ():
            key, _, value = (part.strip() for part in pair.partition("="))
            if key not in values:
                names = ", ".join(values) or "none"
                raise UserError(
                    f"recipe '{self.name}' has no parameter '{key}'",
                    where="--recipe",
                    hint=f"parameters: {names}",
                )
            if not re.fullmatch(r"[0-9]{1,2}", value) or not 1 <= int(value) <= MOST_ONES:
                raise UserError(
                    f"'{value}' is not a whole number from 1 to {MOST_ONES}",
                    where=f"--recipe {self.name}{{{key}}}",
                    hint=f"as in {self.usage}",
                )
            if key in given:
                raise _twice(f"{self.name}{{{key}}}")
            given.add(key)
            values[key] = int(value)
        return re.sub(r"<(\w+)>", lambda found: str(values[found[1]]), self.passes)


RECIPES = (
    Recipe("dyadic", "real scales; every rescale an exact multiply and shift (HAWQ-V3)", ""),
    Recipe(
        "fixed",
        "fixed point: powers of two, every rescale a shift (QFX)",
        "average-by-shift{enabled=true},quantize{powers=true}",
    ),
    Recipe(
        "equalised",
        "ranges moved between layers, channel by channel",
        "equalise{by=activations}",
    ),
    Recipe(
        "feedback",
        "weights make up for the rounding of those before them (GPTQ): the default up to 6 bits",
        "quantize{rounding_of_weights=feedback}",
    ),
    Recipe(
        "adaround",
        "weights rounded up or down as learned from the calibration inputs; needs torch",
        "quantize{rounding_of_weights=adaround}",
    ),
    Recipe("ends8", "8 bits for the weights of the first and last layers", "quantize{ends=8}"),
    Recipe(
        "shift",
        "for shifters and adders: weights of at most k signed powers of two, with error feedback; "
        "every rescale shifts and adds",
        "average-by-shift{enabled=true},quantize{ones=<k>,rounding_of_weights=feedback},"
        "rescale{multiply=false,digits=<k>}",
        {"k": 2},
    ),
)


def items(text: str) -> list[str]:
    """What commas separate, those in braces aside."""
    return [item.strip() for item in re.split(r",(?![^{]*\})", text) if item.strip()]


def recipe_passes(names: str) -> str:
    """What one recipe, or several separated by commas, sets; UserError if one is unknown."""
    found: dict[str, str] = {}
    for item in items(names):
        name, brace, text = item.partition("{")
        if brace and not text.endswith("}"):
            raise UserError(f"'{item}' is not a recipe", where="--recipe", hint="as in shift{k=2}")
        chosen = recipe(name.strip())
        if chosen.name in found:
            raise _twice(chosen.name)
        found[chosen.name] = chosen.filled(text.removesuffix("}"))
    return ",".join(text for text in found.values() if text)


def _twice(what: str) -> UserError:
    return UserError(f"{what} is given twice", where="--recipe", hint="leave one of them out")


def recipe(name: str) -> Recipe:
    """The recipe of that name; UserError if there is none."""
    for found in RECIPES:
        if found.name == name:
            return found
    names = ", ".join(r.usage for r in RECIPES)
    raise UserError(f"unknown recipe '{name}'", where="--recipe", hint=f"recipes: {names}")
