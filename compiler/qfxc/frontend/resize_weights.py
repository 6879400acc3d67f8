"""What every output element of a Resize reads along one axis, as the rows of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resampling:
    """The attributes of a Resize that decide which elements are read, and with which weights."""

    mode: str
    coordinates: str
    nearest: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False


def rows(how: Resampling, size: int, out: int, scale: float) -> Floats:
    """(out, size): the weights of the inputs in every output of one axis."""
    if how.mode not in ("nearest", "linear", "cubic"):
        raise UserError(f"mode {how.mode} is not supported", hint="nearest, linear and cubic are")
    weights = np.zeros((out, size))
    for index in range(out):
        place = _place(how, size, out, scale, index)
        for at, weight in _taps(how, place):
            if 0 <= at < size or not how.exclude_outside:
                weights[index, min(max(at, 0), size - 1)] += weight
        weights[index] /= weights[index].sum()
    return weights


def _place(how: Resampling, size: int, out: int, scale: float, index: int) -> float:
    """Where an output lies between the inputs."""
    match how.coordinates:
        case "half_pixel":
            return (index + 0.5) / scale - 0.5
        case "half_pixel_symmetric":
            # the standard: the centre stays the centre where out is no multiple of scale
            return size / 2 * (1 - out / (size * scale)) + (index + 0.5) / scale - 0.5
        case "pytorch_half_pixel":
            return (index + 0.5) / scale - 0.5 if out > 1 else 0.0
        case "align_corners":
            # the standard: the length that the scale asks for, which ``out`` is the floor of
            return index * (size - 1) / (size * scale - 1) if size * scale != 1 else 0.0
        case "asymmetric":
            return index / scale
    raise UserError(
        f"coordinate_transformation_mode {how.coordinates} is not supported",
        hint="half_pixel, align_corners and asymmetric are",
    )


NEAREST: dict[str, Callable[[float], int]] = {
    "round_prefer_floor": lambda x: ceil(x - 0.5),
    "round_prefer_ceil": lambda x: floor(x + 0.5),
    "floor": floor,
    "ceil": ceil,
}


def _taps(how: Resampling, place: float) -> list[tuple[int, float]]:
    """(input, weight) pairs of one output."""
    if how.mode == "nearest":
        if how.nearest not in NEAREST:
            raise UserError(f"nearest_mode {how.nearest} does not exist")
        return [(NEAREST[how.nearest](place), 1.0)]
    base = floor(place)
    part = place - base
    if how.mode == "linear":
        return [(base, 1 - part), (base + 1, part)]
    distances = (1 + part, part, 1 - part, 2 - part)
    return [(base - 1 + i, _cubic(d, how.cubic)) for i, d in enumerate(distances)]


def _cubic(d: float, a: float) -> float:
    """The weight of a cubic convolution at distance ``d`` up to 2 (Keys, 1981)."""
    if d <= 1:
        return ((a + 2) * d - (a + 3)) * d * d + 1
    return ((d - 5) * d + 8) * a * d - 4 * a
