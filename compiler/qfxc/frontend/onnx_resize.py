"""Resize and Upsample: copies, transposed convolutions, or products with constant matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor, prod

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError
from qfxc.frontend.call import Call, converts
from qfxc.frontend.onnx_conv import from_image, to_image
from qfxc.frontend.polyphase import Finer, Kernel, finer
from qfxc.frontend.resize_weights import Resampling, rows
from qfxc.frontend.take import take
from qfxc.frontend.value import Value
from qfxc.ops.matmul import MatMul

Floats = NDArray[np.float64]

MOST_DENSE = 1 << 16
"""Entries of a matrix that resamples one axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis that changes: ``weights`` (out, in)."""

    axis: int
    weights: Floats

    @property
    def copies(self) -> list[int] | None:
        """The inputs that the outputs copy; None where they mix them."""
        if not ((self.weights == 0) | (self.weights == 1)).all():
            return None
        return [int(i) for i in self.weights.argmax(axis=1)]


@converts(
    "Resize", notes="constant sizes; nearest, linear, cubic; any axes but the batch", since=10
)
def resize(call: Call) -> Value:
    x = call.value(0)
    if call.attr("antialias", 0):
        raise UserError("antialias=1 is not supported", hint="export without it")
    first = 1 if call.opset < 11 else 2
    default = "asymmetric" if call.opset < 11 else "half_pixel"
    how = Resampling(
        call.attr("mode", "nearest"),
        call.attr("coordinate_transformation_mode", default),
        call.attr("nearest_mode", "floor" if call.opset < 11 else "round_prefer_floor"),
        float(call.attr("cubic_coeff_a", -0.75)),
        bool(call.attr("exclude_outside", 0)),
    )
    return _resized(call, x, how, *_sizes(call, x, first))


@converts("Upsample", notes="constant scales; nearest and linear")
def upsample(call: Call) -> Value:
    x = call.value(0)
    scales = call.floats(1) if call.given(1) else np.asarray(call.attr("scales"), np.float64)
    how = Resampling(call.attr("mode", "nearest"), "asymmetric", "floor")
    return _resized(call, x, how, *_scaled(x, scales, tuple(range(len(x.shape)))))


def _sizes(call: Call, x: Value, first: int) -> tuple[list[int], list[float]]:
    """Output size and scale of every ONNX axis."""
    axes = call.ints("axes", range(len(x.shape)))
    axes = tuple(a % len(x.shape) for a in axes)
    if call.given(first) and call.constant(first).size:
        return _scaled(x, call.floats(first), axes)
    sizes = call.indices(first + 1)
    if len(sizes) != len(axes):
        raise UserError(f"sizes {list(sizes)} for {len(axes)} axes")
    ratios = [n / x.shape[a] for n, a in zip(sizes, axes, strict=True)]
    policy = call.attr("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        ratios = [ratio] * len(axes)
        sizes = tuple(floor(x.shape[a] * ratio + 0.5) for a in axes)
    out, scales = list(x.shape), [1.0] * len(x.shape)
    for axis, size, ratio in zip(axes, sizes, ratios, strict=True):
        out[axis], scales[axis] = size, ratio
    return out, scales


def _scaled(x: Value, given: Floats, axes: tuple[int, ...]) -> tuple[list[int], list[float]]:
    if len(given) != len(axes) or (given <= 0).any():
        raise UserError(f"scales {given.tolist()} for {len(axes)} axes")
    out, scales = list(x.shape), [1.0] * len(x.shape)
    for axis, scale in zip(axes, given.tolist(), strict=True):
        out[axis], scales[axis] = floor(x.shape[axis] * scale), scale
    return out, scales


def _resized(call: Call, x: Value, how: Resampling, out: list[int], scales: list[float]) -> Value:
    if min(out) < 1:
        raise UserError(f"nothing is left of {list(x.shape)}")
    changed: list[Axis] = []
    for axis, (size, new, scale) in enumerate(zip(x.shape, out, scales, strict=True)):
        if new != size or scale != 1:
            changed.append(Axis(x.axis(axis), rows(how, size, new, scale)))
    mixed = [a for a in changed if a.copies is None]
    for a in changed:
        if a.copies is not None:
            x = take(call, x, a.axis, a.copies)
    if mixed and (smooth := _smooth(call, x, mixed)) is not None:
        return smooth
    for a in mixed:
        x = _dense(call, x, a)
    return x


def _smooth(call: Call, x: Value, axes: list[Axis]) -> Value | None:
    """One convolution per phase of every channel, borders repeated; None where factors are odd."""
    spatial = len(x.body) - 1
    if not x.lead or spatial not in (1, 2) or any(a.axis == 0 for a in axes):
        return None
    found = {a.axis: _phases(a.weights) for a in axes}
    if any(p is None for p in found.values()):
        return None
    x = call.arrange(x, (*range(1, spatial + 1), 0))
    still = Phases(np.ones(1), Finer(1, 1, ((0, 0),)), 0)
    pairs = []
    for axis in range(spatial - 1, spatial + 1):
        phases = found.get(axis) or replace(
            still, finer=replace(still.finer, out=x.body[axis] if axis else 1)
        )
        pairs.append(phases)
        x = _edged(call, x, axis, phases.border) if phases.border else x
    image = to_image(call, x)
    channels = image.type.channels
    taps = np.outer(pairs[0].taps, pairs[1].taps)[:, :, None, None]
    kernel = Kernel(np.tile(taps, (1, 1, 1, channels)), None, groups=channels, split=True)
    return from_image(call, finer(call, image, kernel, pairs[0].finer, pairs[1].finer), x)


@dataclass(frozen=True, slots=True)
class Phases:
    """An axis whose outputs repeat their weights: those, where they work, the border needed."""

    taps: Floats
    finer: Finer
    border: int


SAME = 1e-9
"""Weights of a resize (up to 1) that differ by less are one weight."""


def _phases(weights: Floats) -> Phases | None:
    """The repeated weights of an axis enlarged by an integer factor; None if they do not repeat."""
    out, size = weights.shape
    factor = out // size
    if out % size or factor < 2 or size < 2:
        return None
    middle = size // 2
    offsets = range(-middle, size - middle)
    block = weights[middle * factor : (middle + 1) * factor]
    taps = [(a, o, block[a, middle + o]) for a in range(factor) for o in offsets]
    taps = [t for t in taps if t[2]]
    border = max(abs(o) for _, o, _ in taps)
    again = np.zeros_like(weights)
    for q in range(size):
        for a, o, w in taps:
            again[q * factor + a, min(max(q + o, 0), size - 1)] += w
    # whether the pattern repeats: equal weights come from coordinates computed in floats at
    # different places, so their last digits differ; no result of an engine is compared here
    if np.abs(again - weights).max() > SAME:
        return None
    places = tuple((a, o + border) for a, o, _ in taps)
    return Phases(np.array([w for _, _, w in taps]), Finer(factor, out, places), border)


def _edged(call: Call, x: Value, axis: int, border: int) -> Value:
    size = x.body[axis]
    return take(call, x, axis, [0] * border + [*range(size)] + [size - 1] * border)


def _dense(call: Call, x: Value, a: Axis) -> Value:
    if prod(a.weights.shape) > MOST_DENSE:
        raise UserError(
            f"resamples an axis of {a.weights.shape[1]} to {a.weights.shape[0]} elements",
            hint="integer factors and smaller images are supported",
        )
    x = call.last(x, a.axis)
    body = (*x.body[: a.axis], a.weights.shape[0], *x.body[a.axis + 1 :])
    node = call.make(MatMul(), x.node, call.const(a.weights.T, "w"))
    return x.with_body(node, body, x.order)
