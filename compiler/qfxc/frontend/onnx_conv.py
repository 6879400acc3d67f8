"""Convolutions and poolings over windows: ONNX (N,C,spatial..) to frames (H,W,C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qfxc.errors import UserError
from qfxc.frontend.call import Call, converts
from qfxc.frontend.onnx_unary import unary
from qfxc.frontend.value import Value
from qfxc.ir.function import X, apply
from qfxc.ir.graph import Node
from qfxc.ops._spatial import Pair, counts
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.conv import Conv
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.pad import Pad


@dataclass(frozen=True, slots=True)
class Geometry:
    """A window over two axes. ``before`` and ``after`` are the stated borders.

    ``extra`` is what ceil_mode adds at the far ends so that its last window fits.
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    before: Pair
    after: Pair
    extra: Pair = (0, 0)

    @property
    def padded(self) -> bool:
        return any((*self.before, *self.after, *self.extra))


def to_image(call: Call, value: Value) -> Node:
    """The frame of (N,C,H,W) as (H,W,C), that of (N,C,L) as (1,L,C)."""
    spatial = len(value.body) - 1
    if not value.lead:
        raise UserError(
            f"axis 0 of its input {list(value.shape)} is not the batch",
            hint="keep the batch as axis 0 from the graph input on",
        )
    if spatial not in (1, 2):
        raise UserError(
            f"{spatial}-dimensional windows are not supported",
            hint="1-D and 2-D convolution and pooling are",
        )
    node = call.arrange(value, (*range(1, spatial + 1), 0)).node
    return node if spatial == 2 else call.reshape(node, (1, *node.type.shape), "image")


def from_image(call: Call, node: Node, value: Value) -> Value:
    """The value (N,C,spatial..) of a frame (H,W,C), of the same rank as ``value``."""
    height, width, channels = node.type.shape
    if len(value.body) == 3:
        return value.with_body(node, (channels, height, width), (1, 2, 0))
    line = call.reshape(node, (width, channels), "line")
    return value.with_body(line, (channels, width), (1, 0))


def _pair(values: Sequence[int], spatial: int, what: str, fill: int) -> Pair:
    """One number per window axis; a 1-D window is one row of a 2-D one."""
    if len(values) != spatial:
        raise UserError(f"{what} has {len(values)} entries for {spatial} axes")
    full = (fill, *values) if spatial == 1 else tuple(values)
    return full[0], full[1]


def geometry(call: Call, kernel: Sequence[int], size: Pair, spatial: int, ceil: bool) -> Geometry:
    """The window of a Conv, MaxPool or AveragePool node on an image of ``size``."""
    ones = (1,) * spatial
    kernel_ = _pair(kernel, spatial, "kernel_shape", 1)
    stride = _pair(call.ints("strides", ones), spatial, "strides", 1)
    dilation = _pair(call.ints("dilations", ones), spatial, "dilations", 1)
    if min(*kernel_, *stride, *dilation) < 1:
        raise UserError("kernel_shape, strides and dilations must be positive")
    extent = [(k - 1) * d + 1 for k, d in zip(kernel_, dilation, strict=True)]
    before, after = _borders(call, extent, stride, size, spatial)
    extra = (0, 0)
    auto = call.attr("auto_pad", "NOTSET")
    if ceil and auto in ("NOTSET", "VALID"):
        spans = zip(size, before, after, extent, stride, strict=True)
        extra_ = [_ceil_extra(*span) for span in spans]
        extra = (extra_[0], extra_[1])
        if any(extra) and auto == "VALID":  # the specification says floor, onnxruntime ceil
            raise UserError("auto_pad VALID with ceil_mode=1 has no one meaning", hint="state pads")
    for n, b, a, e, x in zip(size, before, after, extent, extra, strict=True):
        if n + b + a + x < e:
            raise UserError(f"a window of {e} does not fit an axis of {n} with borders {b} and {a}")
    return Geometry(kernel_, stride, dilation, before, after, extra)


def _borders(
    call: Call, extent: Sequence[int], stride: Pair, size: Pair, spatial: int
) -> tuple[Pair, Pair]:
    """The borders that pads or auto_pad ask for."""
    auto = call.attr("auto_pad", "NOTSET")
    if auto == "NOTSET":
        pads = call.ints("pads", (0,) * (2 * spatial))
        if len(pads) != 2 * spatial or min(pads, default=0) < 0:
            raise UserError(f"pads {list(pads)} must be {2 * spatial} numbers, none negative")
        return (
            _pair(pads[:spatial], spatial, "pads", 0),
            _pair(pads[spatial:], spatial, "pads", 0),
        )
    if auto == "VALID":
        return (0, 0), (0, 0)
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        raise UserError(f"auto_pad {auto} does not exist")
    needs = zip(size, stride, extent, strict=True)
    total = [(-(-n // s) - 1) * s + e - n for n, s, e in needs]
    if min(total) < 0 and call.op != "Conv":  # engines disagree: negative pads, or none
        raise UserError(
            f"auto_pad {auto} with strides beyond the window has no one meaning for a pooling",
            hint="state pads",
        )
    total = [max(t, 0) for t in total]
    less, more = [t // 2 for t in total], [t - t // 2 for t in total]
    first, second = (less, more) if auto == "SAME_UPPER" else (more, less)
    return (first[0], first[1]), (second[0], second[1])


def _ceil_extra(size: int, before: int, after: int, extent: int, stride: int) -> int:
    """What ceil_mode adds behind an axis; a window that starts in the far border is dropped."""
    whole = size + before + after
    positions = -(-(whole - extent) // stride) + 1
    if (positions - 1) * stride >= size + before:
        positions -= 1
    return max((positions - 1) * stride + extent - whole, 0)


def pad_image(call: Call, node: Node, g: Geometry, lowest: bool = False) -> Node:
    """The borders of a window as a ``pad`` of the frame (H,W,C)."""
    if not g.padded:
        return node
    after = tuple(a + x for a, x in zip(g.after, g.extra, strict=True))
    return call.make(Pad((*g.before, 0), (*after, 0), lowest=lowest), node, suffix="pad")


def _size(node: Node) -> Pair:
    return node.type.shape[0], node.type.shape[1]


@converts("Conv", notes="1-D and 2-D, constant weights; any stride, pads, dilation, group")
def conv(call: Call) -> Value:
    x, w = call.value(0), call.floats(1)
    groups = int(call.attr("group", 1))
    image = to_image(call, x)
    spatial = len(x.body) - 1
    if w.ndim != spatial + 2 or w.shape[1] * groups != x.body[0] or w.shape[0] % groups:
        raise UserError(
            f"weights {list(w.shape)} in {groups} groups do not fit the input {list(x.shape)}"
        )
    kernel = w.shape[2:]
    if call.ints("kernel_shape", kernel) != kernel:
        raise UserError(f"kernel_shape differs from that of the weights, {list(kernel)}")
    g = geometry(call, kernel, _size(image), spatial, ceil=False)
    weights = w.reshape(*w.shape[:2], *g.kernel).transpose(2, 3, 1, 0)
    parts = [pad_image(call, image, g), call.weights(weights, 1, "w")]
    if call.given(2):
        parts.append(call.bias(_bias(call, w.shape[0]), 2))
    return from_image(call, call.make(Conv(g.stride, g.dilation, groups), *parts), x)


def _bias(call: Call, outputs: int) -> NDArray[np.float64]:
    bias = call.floats(2, rounded=True).reshape(-1)
    if len(bias) != outputs:
        raise UserError(f"a bias of {len(bias)} for {outputs} output channels")
    return bias


def _pool_geometry(call: Call, image: Node, x: Value) -> Geometry:
    spatial = len(x.body) - 1
    kernel = call.ints("kernel_shape", ())
    g = geometry(call, kernel, _size(image), spatial, bool(call.attr("ceil_mode", 0)))
    extent = [(k - 1) * d + 1 for k, d in zip(g.kernel, g.dilation, strict=True)]
    for e, b, a in zip(extent, g.before, g.after, strict=True):
        if max(b, a) >= e:
            raise UserError(f"pads of {max(b, a)} leave whole windows of {e} without an element")
    return g


@converts("MaxPool", notes="1-D and 2-D; pads, dilations, ceil_mode; no Indices output")
def max_pool(call: Call) -> Value:
    call.only_first_output("Indices")
    x = call.value(0)
    image = to_image(call, x)
    g = _pool_geometry(call, image, x)
    padded = pad_image(call, image, g, lowest=True)
    return from_image(call, call.make(MaxPool(g.kernel, g.stride, g.dilation), padded), x)


@converts("AveragePool", notes="1-D and 2-D; pads, dilations, ceil_mode, count_include_pad")
def average_pool(call: Call) -> Value:
    x = call.value(0)
    image = to_image(call, x)
    g = _pool_geometry(call, image, x)
    padded = pad_image(call, image, g)
    uncounted = _uncounted(g, bool(call.attr("count_include_pad", 0)))
    if g.dilation != (1, 1):
        return from_image(call, _dilated(call, padded, g, uncounted), x)
    if not counts(_size(padded), g.kernel, g.stride, uncounted).all():
        raise UserError("some windows lie in the padding altogether")
    return from_image(call, call.make(AvgPool(g.kernel, g.stride, uncounted), padded), x)


def _dilated(call: Call, padded: Node, g: Geometry, uncounted: tuple[int, ...]) -> Node:
    """A convolution of every channel with equal weights: all windows count alike."""
    if any(uncounted):
        raise UserError(
            "dilations in an average that leaves out its borders are not supported",
            hint="use count_include_pad=1 or no pads",
        )
    channels, taps = padded.type.channels, g.kernel[0] * g.kernel[1]
    weights = np.full((*g.kernel, 1, channels), 1 / taps)
    op = Conv(g.stride, g.dilation, channels)
    return call.make(op, padded, call.const(weights, "w"))


@converts("LpPool", notes="1-D and 2-D; p = 1 and 2")
def lp_pool(call: Call) -> Value:
    x, p = call.value(0), int(call.attr("p", 2))
    if p not in (1, 2):
        raise UserError(f"p={p} is not supported", hint="1 and 2 are")
    x = unary(call, x, apply("abs", X) if p == 1 else apply("mul", X, X), "power")
    image = to_image(call, x)
    g = _pool_geometry(call, image, x)
    padded = pad_image(call, image, g)
    taps = float(g.kernel[0] * g.kernel[1])
    if g.dilation == (1, 1):
        node = call.make(AvgPool(g.kernel, g.stride), padded, suffix="mean")
    else:
        node = _dilated(call, padded, g, ())
    total = apply("mul", X, taps)
    y = from_image(call, node, x)
    return unary(call, y, total if p == 1 else apply("sqrt", total), "root")


def _uncounted(g: Geometry, include_pad: bool) -> tuple[int, int, int, int]:
    """The borders (top, left, bottom, right) that the divisor leaves out."""
    if include_pad:
        return 0, 0, g.extra[0], g.extra[1]
    return *g.before, g.after[0] + g.extra[0], g.after[1] + g.extra[1]
