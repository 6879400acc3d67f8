"""Layers as ONNX operators: one rule per kind of leaf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from qfxc.errors import UserError
from qfxc.ir.types import Array
from qfxc.nn.binary import BinaryWeight, Bipolar
from qfxc.nn.format import Format, Overflow
from qfxc.nn.kones import Project
from qfxc.nn.onnx_build import PROJECTION, Builder, Value


@dataclass(frozen=True)
class Call:
    """One use of a leaf: its inputs, the name and shape of its result."""

    builder: Builder
    module: Any
    inputs: tuple[Value, ...]
    name: str
    shape: tuple[int, ...]

    def last(self, kind: str, inputs: Sequence[Value], **attributes: Any) -> Value:
        """The operator behind which nothing comes but the layer's cast."""
        cast = getattr(self.module, "cast", None)
        result = self.name if cast is None else f"{self.name}.op"
        y = self.builder.node(kind, inputs, result, self.shape, label=self.name, **attributes)
        if cast is None:
            return y
        return self.builder.cast(y, cast.format(), self.name, f"{self.name}.cast")

    def inner(self, kind: str, inputs: Sequence[Value], part: str, **attributes: Any) -> Value:
        """An operator of several; its result has the shape of the layer's."""
        name = f"{self.name}.{part}"
        return self.builder.node(kind, inputs, name, self.shape, **attributes)

    def weight(self, shape: Sequence[int] = (), *, swap: bool = False) -> Value:
        """The quantized weight: swapped (two axes), or (C,) in another shape."""
        module, name = self.module, f"{self.name}.weight"
        array = numbers(module.quantized_weight())
        if isinstance(module.weight_cast, BinaryWeight):
            return _signs(self.builder, module.weight_cast, module.weight, array, name, swap)
        format = module.weight_cast.format()
        metadata = {}
        if isinstance(module.project, Project):
            metadata[PROJECTION] = str(module.project.projection)
        return self.builder.on_grid(*_arranged(array, format, shape, swap), name, metadata)

    def bias(self, shape: Sequence[int] = ()) -> Value | None:
        """The quantized bias, where the layer has one."""
        value = self.module.quantized_bias()
        if value is None:
            return None
        arranged = _arranged(numbers(value), self.module.bias_cast.format(), shape, False)
        return self.builder.on_grid(*arranged, f"{self.name}.bias")


def numbers(x: Tensor) -> Array:
    """A tensor as an array of float64."""
    return np.asarray(x.detach().cpu().double().numpy())


def _arranged(
    array: Array, format: Format, shape: Sequence[int], swap: bool
) -> tuple[Array, Format]:
    """Numbers and format with axes swapped, or of one channel axis in a broadcasting shape."""
    per_channel = len(format.fbit) > 1 and format.axis is not None
    if swap:
        axis = 1 - format.axis if per_channel and format.axis is not None else format.axis
        return array.T, replace(format, axis=axis)
    if shape:
        return array.reshape(shape), replace(format, axis=shape.index(-1) if per_channel else None)
    return array, format


def _signs(
    builder: Builder, quantizer: BinaryWeight, w: Tensor, array: Array, name: str, swap: bool
) -> Value:
    """Binary and ternary weights: scales per channel, whatever they are."""
    steps = numbers(quantizer.scales(w))
    steps = steps[:1].reshape(()) if (steps == steps[0]).all() else _lead(steps, quantizer, array)
    values, steps = (array.T, steps.T) if swap else (array, steps)
    constant = builder.constant(values, name)
    if quantizer.levels == 2:
        return builder.bipolar(constant, steps, f"{name}.q")
    how = {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
    return builder.quant(constant, steps, 2, f"{name}.q", **how)


def _lead(steps: Array, quantizer: BinaryWeight, array: Array) -> Array:
    return steps.reshape([-1 if a == quantizer.axis else 1 for a in range(array.ndim)])


def bipolar(call: Call) -> Value:
    """An affine function, the quantizer of u, and one back to odd integers times the unit."""
    layer: Bipolar = call.module
    half, unit = layer.top / 2, layer.unit
    u = Format(layer.bits, (0,), None, False, layer.rounding, Overflow.SAT)
    codes = call.builder.cast(_affine(call, call.inputs[0], half, half, "u"), u, f"{call.name}.u")
    odd = _affine(call, codes, 2 * unit, -layer.top * unit, "odd")
    # changes nothing: it says that these are integers, zero (padding) among them
    assert layer.cast is not None, "made with it"
    return call.builder.cast(odd, layer.cast.format(), call.name)


def _affine(call: Call, x: Value, scale: float, offset: float, part: str) -> Value:
    factor = call.builder.constant(np.asarray(scale), f"{call.name}.{part}.factor")
    scaled = call.inner("Mul", [x, factor], f"{part}.scaled")
    addend = call.builder.constant(np.asarray(offset), f"{call.name}.{part}.addend")
    return call.inner("Add", [scaled, addend], f"{part}.moved")


def cast(call: Call) -> Value:
    """A Cast by itself: at an input, or wherever a model has one."""
    return call.builder.cast(call.inputs[0], call.module.format(), call.name)


def convolution(call: Call) -> Value:
    """Conv, with the bias where there is one."""
    layer = call.module
    return _convolution(call, "Conv", _conv_pads(layer), layer)


def transposed(call: Call) -> Value:
    """ConvTranspose, with the bias where there is one."""
    layer = call.module
    pads = {"pads": [*layer.padding, *layer.padding], "output_padding": list(layer.output_padding)}
    return _convolution(call, "ConvTranspose", pads, layer)


def _convolution(call: Call, kind: str, pads: dict[str, Any], layer: Any) -> Value:
    if layer.padding_mode != "zeros":
        raise UserError(f"padding mode {layer.padding_mode}", hint="pad with zeros")
    bias = call.bias()
    return call.last(
        kind,
        [call.inputs[0], call.weight(), *([] if bias is None else [bias])],
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.stride),
        dilations=list(layer.dilation),
        group=layer.groups,
        **pads,
    )


def _conv_pads(layer: Any) -> dict[str, Any]:
    """Both sides alike; ``same`` of an even kernel has one more behind, as PyTorch pads."""
    if layer.padding == "valid":
        return {"pads": [0] * (2 * len(layer.kernel_size))}
    if layer.padding == "same":
        whole = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
        return {"pads": [*(p // 2 for p in whole), *(p - p // 2 for p in whole)]}
    return {"pads": [*layer.padding, *layer.padding]}


def linear(call: Call) -> Value:
    """A product with a matrix: readers of QONNX know no Gemm."""
    weight, bias = call.weight(swap=True), call.bias()
    if bias is None:
        return call.last("MatMul", [call.inputs[0], weight])
    product = call.inner("MatMul", [call.inputs[0], weight], "product")
    return call.last("Add", [product, bias])


def batch_norm(call: Call) -> Value:
    """A product and a sum with quantized constants."""
    along = (-1, *(1,) * (len(call.shape) - 2))
    scaled = call.inner("Mul", [call.inputs[0], call.weight(along)], "scaled")
    bias = call.bias(along)
    assert bias is not None, "batch normalization has an offset"
    return call.last("Add", [scaled, bias])


def prelu(call: Call) -> Value:
    """PRelu with quantized slopes."""
    shape = (-1, *(1,) * (len(call.shape) - 2))
    return call.last("PRelu", [call.inputs[0], call.weight(shape)])


def plain(kind: str) -> Callable[[Call], Value]:
    """An operator without attributes."""
    return lambda call: call.last(kind, call.inputs)


def relu6(call: Call) -> Value:
    """Clip between 0 and 6."""
    ends = [
        call.builder.constant(np.asarray(value), f"{call.name}.{which}")
        for which, value in (("min", 0.0), ("max", 6.0))
    ]
    return call.last("Clip", [call.inputs[0], *ends])


def silu(call: Call) -> Value:
    """The input times its sigmoid."""
    return call.last("Mul", [call.inputs[0], call.inner("Sigmoid", call.inputs, "sigmoid")])


def gelu(call: Call) -> Value:
    """Gelu, exact or by tanh."""
    return call.last("Gelu", call.inputs, approximate=call.module.approximate)


def add(call: Call) -> Value:
    """Sums of two, one behind the other."""
    total, *rest = call.inputs
    for i, x in enumerate(rest[:-1]):
        total = call.inner("Add", [total, x], f"sum{i}")
    return call.last("Add", [total, rest[-1]])


def concat(call: Call) -> Value:
    """Concat."""
    return call.last("Concat", call.inputs, axis=call.module.axis)


def pool(kind: str) -> Callable[[Call], Value]:
    """MaxPool or AveragePool of two dimensions."""

    def convert(call: Call) -> Value:
        layer = call.module
        kernel, padding = _pair(layer.kernel_size), _pair(layer.padding)
        attributes: dict[str, Any] = {
            "kernel_shape": kernel,
            "strides": _pair(kernel if layer.stride is None else layer.stride),
            "pads": [*padding, *padding],
            "ceil_mode": int(layer.ceil_mode),
        }
        if kind == "AveragePool":
            if layer.ceil_mode or layer.divisor_override is not None:
                raise UserError("an average with ceil_mode or a divisor of its own")
            attributes["count_include_pad"] = int(layer.count_include_pad)
        elif _pair(layer.dilation) != [1, 1]:
            attributes["dilations"] = _pair(layer.dilation)
        return call.last(kind, call.inputs, **attributes)

    return convert


def _pair(value: int | Sequence[int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


def global_average(call: Call) -> Value:
    """The mean of all positions, which stay as axes of size 1."""
    if any(size != 1 for size in call.shape[2:]):
        raise UserError("averages to more than one position", hint="use AvgPool2d")
    return call.last("GlobalAveragePool", call.inputs)


def reshape(call: Call) -> Value:
    """The result's shape; the batch axis is copied."""
    (x,) = call.inputs[:1]
    if call.shape[:1] != x.shape[:1]:
        raise UserError(f"reshapes the batch axis: {list(x.shape)} to {list(call.shape)}")
    if len(call.shape) == 2:
        return call.last("Flatten", [x], axis=1)
    shape = call.builder.integers([0, *call.shape[1:]], f"{call.name}.shape")
    return call.last("Reshape", [x, shape])


def identity(call: Call) -> Value:
    """Nothing at all, in eval mode; with a cast, that."""
    own = getattr(call.module, "cast", None)
    if own is None:
        return call.inputs[0]
    return call.builder.cast(call.inputs[0], own.format(), call.name)
