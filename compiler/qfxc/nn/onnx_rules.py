"""Which leaf of a prepared model is exported by which rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from qfxc.nn import dense, norm, simple
from qfxc.nn import onnx_layers as to
from qfxc.nn.binary import Bipolar
from qfxc.nn.cast import Cast
from qfxc.nn.onnx_build import Value

Rule = Callable[[to.Call], Value]

RULES: dict[Any, Rule] = {
    Cast: to.cast,
    dense.Conv1d: to.convolution,
    dense.Conv2d: to.convolution,
    dense.ConvTranspose2d: to.transposed,
    dense.Linear: to.linear,
    norm.BatchNorm1d: to.batch_norm,
    norm.BatchNorm2d: to.batch_norm,
    simple.ReLU: to.plain("Relu"),
    simple.ReLU6: to.relu6,
    simple.Sigmoid: to.plain("Sigmoid"),
    simple.Tanh: to.plain("Tanh"),
    simple.GELU: to.gelu,
    simple.SiLU: to.silu,
    simple.PReLU: to.prelu,
    simple.AvgPool2d: to.pool("AveragePool"),
    simple.AdaptiveAvgPool2d: to.global_average,
    simple.Add: to.add,
    simple.Sub: to.plain("Sub"),
    simple.Mul: to.plain("Mul"),
    simple.Concat: to.concat,
    Bipolar: to.bipolar,
    nn.Identity: to.identity,
    nn.Dropout: to.identity,
    nn.Dropout1d: to.identity,
    nn.Dropout2d: to.identity,
    nn.Flatten: to.reshape,
    nn.MaxPool2d: to.pool("MaxPool"),
    torch.flatten: to.reshape,
    torch.reshape: to.reshape,
    "flatten": to.reshape,
    "reshape": to.reshape,
    "view": to.reshape,
}
"""By class of a module, function, or name of a method of tensors."""


def rule(leaf: Any) -> Rule | None:
    """The rule of a module, a function or a method's name; None where there is none."""
    kinds = type(leaf).__mro__ if isinstance(leaf, nn.Module) else (leaf,)
    return next((RULES[kind] for kind in kinds if kind in RULES), None)
