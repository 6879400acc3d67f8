"""Real functions of one number as programs: composed symbolically, run on floats.

A program is a sequence of steps on a stack: ``"x"`` pushes the argument, a tuple of rationals a
constant (one number, or one per channel), a name applies that function to the topmost values.
``x * sigmoid(x)`` is ``("x", "x", "sigmoid", "mul")``. ``ir/enclosure.py`` has their exact values.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qfxc.ir.types import exact

Floats = NDArray[np.float64]
Step = str | tuple[Fraction, ...]
Program = tuple[Step, ...]

X: Program = ("x",)

MOST_STEPS = 400
"""Of a program that is still worth one table."""


def _power(x: Floats, y: Floats) -> Floats:
    return np.asarray(np.power(np.where(y == np.rint(y), x, np.maximum(x, 0)), y))


def _divide(x: Floats, y: Floats) -> Floats:
    return np.where((x == 0) & (y == 0), 0, np.divide(x, y))


ON_FLOATS: dict[str, tuple[int, Callable[..., Floats]]] = {
    "abs": (1, np.abs),
    "add": (2, np.add),
    "atan": (1, np.arctan),
    "ceil": (1, np.ceil),
    "cos": (1, np.cos),
    "div": (2, _divide),
    "erf": (1, special.erf),
    "exp": (1, np.exp),
    "floor": (1, np.floor),
    "greater": (2, lambda x, y: np.asarray(x > y, dtype=np.float64)),
    "log": (1, lambda x: np.log(np.maximum(x, 0))),
    "max": (2, np.maximum),
    "min": (2, np.minimum),
    "mul": (2, np.multiply),
    "neg": (1, np.negative),
    "pow": (2, _power),
    "round": (1, np.rint),
    "sigmoid": (1, special.expit),
    "sign": (1, np.sign),
    "sin": (1, np.sin),
    "sqrt": (1, lambda x: np.sqrt(np.maximum(x, 0))),
    "sub": (2, np.subtract),
    "tanh": (1, np.tanh),
}
"""Every function: how many numbers it takes, and itself in float64.

Outside of its domain a function has the value of the nearest end; 0 / 0 is 0.
"""


def constant(values: float | Fraction | Floats) -> Program:
    """A number, or one per channel."""
    if isinstance(values, Fraction):
        return ((values,),)
    return (tuple(exact(v) for v in np.atleast_1d(np.asarray(values, dtype=np.float64))),)


def apply(name: str, *arguments: Program | float | Fraction) -> Program:
    """``name(arguments..)``; numbers stand for constants."""
    assert len(arguments) == ON_FLOATS[name][0], name
    parts = (a if isinstance(a, tuple) else constant(a) for a in arguments)
    return (*(step for part in parts for step in part), name)


def compose(outer: Program, inner: Program) -> Program:
    """``x -> outer(inner(x))``"""
    return tuple(step for s in outer for step in (inner if s == "x" else (s,)))


def channels(program: Program) -> int:
    """How many channels its constants distinguish; 1 if none."""
    return max((len(s) for s in program if isinstance(s, tuple)), default=1)


def run(program: Program, x: NDArray[np.floating]) -> Floats:
    """The values on an array (channels last), in float64."""
    stack: list[Floats] = []
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):  # a pole gives infinity, which a quantizer saturates
        for step in program:
            if isinstance(step, tuple):
                stack.append(np.array([float(v) for v in step]))
            elif step == "x":
                stack.append(wide)
            else:
                count, function = ON_FLOATS[step]
                stack[-count:] = [function(*stack[-count:])]
    return np.broadcast_to(stack[0], x.shape)
