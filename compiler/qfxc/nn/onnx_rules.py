"""Which leaf of a prepared model is exported by which rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from qfxc.nn import onnx_layers as to
from qfxc.nn.binary import Bipolar
from qfxc.nn.onnx_build import Value

Rule = Callable[[to.Call], Value]

RULES: dict[Any, Rule] = {
    nn.Identity: to.identity,
    nn.Dropout: to.identity,
    nn.Flatten: to.reshape,
    nn.ReLU: to.plain("Relu"),
    nn.MaxPool2d: to.pool("MaxPool"),
    Bipolar: to.bipolar,
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
