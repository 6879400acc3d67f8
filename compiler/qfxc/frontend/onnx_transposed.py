"""Transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from qfxc.errors import UserError
from qfxc.frontend.call import Call, converts
from qfxc.frontend.onnx_conv import from_image, to_image
from qfxc.frontend.polyphase import Finer, Kernel, finer
from qfxc.frontend.value import Shape, Value


@converts(
    "ConvTranspose",
    notes="1-D and 2-D, constant weights; strides, pads, output_padding, output_shape, group, "
    "dilations; one convolution per phase, no inserted zeros",
)
def conv_transpose(call: Call) -> Value:
    x, w = call.value(0), call.floats(1)
    groups = int(call.attr("group", 1))
    image = to_image(call, x)
    spatial = len(x.body) - 1
    if w.ndim != spatial + 2 or w.shape[0] != x.body[0] or w.shape[0] % groups:
        raise UserError(
            f"weights {list(w.shape)} in {groups} groups do not fit the input {list(x.shape)}"
        )
    kernel = w.shape[2:]
    if call.ints("kernel_shape", kernel) != kernel:
        raise UserError(f"kernel_shape differs from that of the weights, {list(kernel)}")
    axes = _axes(call, x.body[1:], kernel)
    rows = axes[0] if spatial == 2 else Finer(1, 1, ((0, 0),))
    full = w.reshape(*w.shape[:2], *(kernel if spatial == 2 else (1, *kernel)))
    outs = full.shape[1] * groups
    # (C, M/g, kh, kw) -> (kh, kw, C/g, M) with outputs in the order of groups
    parts = full.reshape(groups, -1, *full.shape[1:]).transpose(3, 4, 1, 0, 2)
    weights = parts.reshape(*parts.shape[:3], outs)
    bias = call.floats(2).reshape(-1) if call.given(2) else None
    if bias is not None and len(bias) != outs:
        raise UserError(f"a bias of {len(bias)} for {outs} output channels")
    coded = call.node.input[1] in call.shared.grids
    node = finer(call, image, Kernel(weights, bias, groups, coded, 1), rows, axes[-1])
    return from_image(call, node, x)


def _axes(call: Call, size: Shape, kernel: Shape) -> list[Finer]:
    """Every spatial axis: where its taps go, and how many outputs it has."""
    spatial = len(size)
    strides = call.ints("strides", (1,) * spatial)
    dilations = call.ints("dilations", (1,) * spatial)
    more = call.ints("output_padding", (0,) * spatial)
    for what, given in (("strides", strides), ("dilations", dilations), ("output_padding", more)):
        if len(given) != spatial:
            raise UserError(f"{what} has {len(given)} entries for {spatial} axes")
    full = [
        (n - 1) * s + d * (k - 1) + 1 + o
        for n, s, d, k, o in zip(size, strides, dilations, kernel, more, strict=True)
    ]
    before, out = _borders(call, full, [n * s for n, s in zip(size, strides, strict=True)])
    found = []
    for k, s, d, p, n in zip(kernel, strides, dilations, before, out, strict=True):
        if n < 1:
            raise UserError(f"pads leave {n} elements of an axis")
        # output t = i * s + r * d - p, so tap r reads input i = q - (r d - p) // s
        places = [r * d - p for r in range(k)]
        found.append(Finer(s, n, tuple((v % s, -(v // s)) for v in places)))
    return found


def _borders(call: Call, full: Sequence[int], same: Sequence[int]) -> tuple[list[int], list[int]]:
    """What is cut off in front, and the output sizes, from output_shape, auto_pad or pads."""
    auto = call.attr("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise UserError(f"auto_pad {auto} does not exist")
    wanted = call.ints("output_shape", same if auto.startswith("SAME") else ())[-len(full) :]
    if wanted:
        if len(wanted) != len(full):
            raise UserError(f"output_shape {list(wanted)} for {len(full)} axes")
        cut = [n - w for n, w in zip(full, wanted, strict=True)]
        upper = auto == "SAME_UPPER"
        before = [max(c // 2 if upper else c - c // 2, 0) for c in cut]
        return before, list(wanted)
    pads = call.ints("pads", (0,) * 2 * len(full)) if auto == "NOTSET" else (0,) * 2 * len(full)
    if len(pads) != 2 * len(full):
        raise UserError(f"pads {list(pads)} must be {2 * len(full)} numbers")
    ends = zip(full, pads[: len(full)], pads[len(full) :], strict=True)
    return list(pads[: len(full)]), [n - b - a for n, b, a in ends]
