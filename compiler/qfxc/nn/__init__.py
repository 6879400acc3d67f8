"""Networks trained in fixed point, whose outputs are the hardware's (extra ``train``: PyTorch).

    from qfxc import nn as qnn

    model = qnn.prepare(float_model, qnn.Config(weight_bits=6))   # a torch.fx.GraphModule
    qnn.calibrate(model, loader)                                  # fraction bits from data
    ...                                                           # train as any torch model
    qnn.freeze(model)                                             # formats stay for the last epochs

What others build on:

- ``fixed(x, wbit, fbit, rounding, overflow, signed)`` is the cast to ``ap_fixed<wbit, wbit -
  fbit>``: ``y = 2**-f * overflow(round(x * 2**f))``, equal to the Xilinx headers bit for bit.
- ``Cast`` is that as a module. ``wbit``: an int, or a parameter while widths are trained.
  ``fbit``: a float parameter of shape () or (C,). ``format()`` gives the integers that hold:
  ``Format(wbit, fbit: tuple[int, ...], axis, signed, rounding, overflow)``; ``axis`` is that of
  the channels of the tensor that is cast, None where one format serves all.
- Every layer has ``cast``, the Cast of its output or None, and computes ``cast(op(x))`` with that
  one rounding. Layers with weights have ``weight_cast``, ``bias_cast`` (None where absent),
  ``project`` (a module applied to the cast weights and their format, or None),
  ``quantized_weight()`` and ``quantized_bias()`` (None where absent), and compute
  ``cast(op(x, quantized_weight) + quantized_bias)``.
  BatchNorm's weight is its scale ``gamma / sqrt(var + eps)``, its bias the offset, both of shape
  (C,): ``cast(x * quantized_weight + quantized_bias)`` is what is deployed.
- A prepared model's graph has these leaves only, all named as in the float model; every input
  passes through a Cast of its own: ``input_cast``, or ``input_cast_0``, ... where there are more.
- In eval mode values are exact: every tensor is integers times ``2**-f``. Where float32 could
  round a sum, layers compute in float64. In training mode the last bits may differ.
"""

from __future__ import annotations

from qfxc.ir.rounding import Rounding
from qfxc.nn._torch import FOUND as _FOUND
from qfxc.nn.binary import (
    BinaryConv2d,
    BinaryLinear,
    BinaryWeight,
    Bipolar,
    TernaryWeight,
    TwoBit,
)
from qfxc.nn.calibrate import calibrate
from qfxc.nn.cast import Cast
from qfxc.nn.config import Config
from qfxc.nn.control import (
    freeze,
    freeze_bn,
    parameter_groups,
    unfreeze,
    width_penalty,
)
from qfxc.nn.dense import Conv1d, Conv2d, ConvTranspose2d, Linear
from qfxc.nn.export import export
from qfxc.nn.fixed import fixed
from qfxc.nn.format import Format, Overflow
from qfxc.nn.kones import Project
from qfxc.nn.layer import Layer, Weighted
from qfxc.nn.link import link
from qfxc.nn.norm import BatchNorm1d, BatchNorm2d
from qfxc.nn.prepare import prepare
from qfxc.nn.simple import (
    GELU,
    AdaptiveAvgPool2d,
    Add,
    AvgPool2d,
    Concat,
    Flatten,
    MaxPool2d,
    Mul,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Sub,
    Tanh,
)
from qfxc.nn.summary import summary
from qfxc.quantize.kones import Apot, DeepShift, KOnes, Rule

assert _FOUND

__all__ = [
    "AdaptiveAvgPool2d",
    "Add",
    "Apot",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BinaryConv2d",
    "BinaryLinear",
    "BinaryWeight",
    "Bipolar",
    "Cast",
    "Concat",
    "Config",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "DeepShift",
    "Flatten",
    "Format",
    "GELU",
    "KOnes",
    "Layer",
    "Linear",
    "MaxPool2d",
    "Mul",
    "Overflow",
    "PReLU",
    "Project",
    "ReLU",
    "ReLU6",
    "Rounding",
    "Rule",
    "SiLU",
    "Sigmoid",
    "Sub",
    "Tanh",
    "TernaryWeight",
    "TwoBit",
    "Weighted",
    "calibrate",
    "export",
    "fixed",
    "freeze",
    "freeze_bn",
    "link",
    "parameter_groups",
    "prepare",
    "summary",
    "unfreeze",
    "width_penalty",
]
