"""Named bundles of pass options: what ``--recipe`` takes."""

from __future__ import annotations

from dataclasses import dataclass

from qfxc.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """``passes``: the options it sets, in the syntax of ``--passes``."""

    name: str
    summary: str
    passes: str


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
        "weights make up for the rounding of those before them (GPTQ)",
        "quantize{rounding_of_weights=feedback}",
    ),
    Recipe(
        "adaround",
        "weights rounded up or down as learned from the calibration inputs; needs torch",
        "quantize{rounding_of_weights=adaround}",
    ),
    Recipe("ends8", "8 bits for the weights of the first and last layers", "quantize{ends=8}"),
)


def recipe_passes(names: str) -> str:
    """What one recipe, or several separated by commas, sets; UserError if one is unknown."""
    return ",".join(recipe(name.strip()).passes for name in names.split(","))


def recipe(name: str) -> Recipe:
    """The recipe of that name; UserError if there is none."""
    for found in RECIPES:
        if found.name == name:
            return found
    names = ", ".join(r.name for r in RECIPES)
    raise UserError(f"unknown recipe '{name}'", where="--recipe", hint=f"recipes: {names}")
