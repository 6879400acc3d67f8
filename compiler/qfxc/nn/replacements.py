"""Which layer stands for which module, function, operator and method of a float model."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from qfxc.errors import UserError
from qfxc.nn import dense, norm, simple
from qfxc.nn.config import Config
from qfxc.nn.layer import built

SAME = nn.Identity | nn.Dropout | nn.Dropout1d | nn.Dropout2d | simple.MaxPool2d | simple.Flatten
"""Modules that stay as they are: codes stay codes."""

WITH_WEIGHTS: dict[type[nn.Module], Any] = {
    nn.Conv1d: dense.Conv1d,
    nn.Conv2d: dense.Conv2d,
    nn.ConvTranspose2d: dense.ConvTranspose2d,
    nn.Linear: dense.Linear,
    nn.BatchNorm1d: norm.BatchNorm1d,
    nn.BatchNorm2d: norm.BatchNorm2d,
    nn.PReLU: simple.PReLU,
}
PLAIN: dict[type[nn.Module], Any] = {
    nn.ReLU: simple.ReLU,
    nn.ReLU6: simple.ReLU6,
    nn.Sigmoid: simple.Sigmoid,
    nn.Tanh: simple.Tanh,
    nn.GELU: simple.GELU,
    nn.SiLU: simple.SiLU,
    nn.AvgPool2d: simple.AvgPool2d,
    nn.AdaptiveAvgPool2d: simple.AdaptiveAvgPool2d,
}
MOVING: dict[type[nn.Module], type[nn.Module]] = {
    nn.MaxPool2d: simple.MaxPool2d,
    nn.Flatten: simple.Flatten,
}

IGNORED = ("inplace", "training")
"""Arguments of functions that change nothing here."""

Made = tuple[nn.Module, list[fx.Node]]
Maker = Callable[[fx.Node, Config, bool], Made | None]


def twin_of(module: nn.Module, config: Config, signed: bool) -> nn.Module:
    """The layer for a float module; ``signed``: its inputs may be negative."""
    kind = type(module)
    if kind in WITH_WEIGHTS:
        return _module(WITH_WEIGHTS[kind].from_float(module, config))
    if kind in PLAIN:
        return _module(PLAIN[kind].from_float(module, config, signed=signed))
    if kind in MOVING:
        return _module(built(module, MOVING[kind]))
    known = ", ".join(sorted(k.__name__ for k in (*WITH_WEIGHTS, *PLAIN, *MOVING)))
    raise UserError(f"{kind.__name__} has no fixed-point layer", hint=f"there are {known}")


def _module(made: Any) -> nn.Module:
    assert isinstance(made, nn.Module)
    return made


def from_call(node: fx.Node, config: Config, signed: bool) -> Made | None:
    """The layer for a function or a method and its inputs; None where the node stays as it is."""
    maker = CALLS.get(node.target)
    if maker is None:
        name = getattr(node.target, "__name__", str(node.target))
        raise UserError(
            f"{name} has no fixed-point layer", hint="use a module or function that has"
        )
    return maker(node, config, signed)


def _bound(node: fx.Node, *names: str, **defaults: Any) -> dict[str, Any]:
    """Arguments by name; the first is the input. Others than these are not supported."""
    given = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
    if len(node.args) > len(names):
        raise UserError(f"argument {node.args[len(names)]} is not supported")
    for name, value in given.items():
        if name not in names and name not in IGNORED and value not in (None, False):
            raise UserError(f"argument {name} is not supported")
    return defaults | {name: value for name, value in given.items() if name in names}


def _activation(kind: type[nn.Module]) -> Maker:
    def make(node: fx.Node, config: Config, signed: bool) -> Made:
        names = ("input", "approximate") if kind is nn.GELU else ("input", "inplace")
        given = _bound(node, *names)
        options = {"approximate": given["approximate"]} if "approximate" in given else {}
        return twin_of(kind(**options), config, signed), [given["input"]]

    return make


def _join(kind: Any) -> Maker:
    def make(node: fx.Node, config: Config, signed: bool) -> Made:
        given = _bound(node, "input", "other")
        inputs = [given["input"], given["other"]]
        if not all(isinstance(x, fx.Node) for x in inputs):
            raise UserError(f"{kind.__name__} with a constant", hint="use a layer with a weight")
        return kind(config=config, signed=signed or kind is simple.Sub), inputs

    return make


def _concat(node: fx.Node, config: Config, signed: bool) -> Made:
    given = _bound(node, "tensors", "dim", dim=0)
    if given["dim"] == 0:
        raise UserError("concatenation along the batch")
    return simple.Concat(given["dim"], config=config, signed=signed), list(given["tensors"])


def _pool(kind: type[nn.Module], *names: str) -> Maker:
    def make(node: fx.Node, config: Config, signed: bool) -> Made:
        given = _bound(node, "input", *names)
        x = given.pop("input")
        return twin_of(kind(**given), config, signed), [x]

    return make


def _flatten(node: fx.Node, config: Config, signed: bool) -> Made:
    given = _bound(node, "input", "start_dim", "end_dim", start_dim=0, end_dim=-1)
    if given["start_dim"] == 0:
        raise UserError("flatten of the batch", hint="torch.flatten(x, 1)")
    return simple.Flatten(given["start_dim"], given["end_dim"]), [given["input"]]


def _mean(node: fx.Node, config: Config, signed: bool) -> Made:
    given = _bound(node, "input", "dim", "keepdim", dim=None, keepdim=False)
    if tuple(given["dim"] or ()) not in ((2, 3), (-2, -1)) or not given["keepdim"]:
        hint = "mean((2, 3), keepdim=True), or AdaptiveAvgPool2d(1)"
        raise UserError("mean over other axes than height and width", hint=hint)
    return twin_of(nn.AdaptiveAvgPool2d(1), config, signed), [given["input"]]


def _view(node: fx.Node, config: Config, signed: bool) -> Made:
    """``x.view(x.size(0), -1)``, which is flattening."""
    x, *shape = node.args
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = list(shape[0])
    if len(shape) == 2 and shape[1] == -1 and _is_batch(shape[0]) and isinstance(x, fx.Node):
        return simple.Flatten(1), [x]
    raise UserError("a change of shape", hint="torch.flatten(x, 1) is supported")


def _is_batch(size: Any) -> bool:
    """Whether a node is ``x.size(0)`` or ``x.shape[0]``."""
    if not isinstance(size, fx.Node):
        return False
    if size.target == "size":
        return size.args[1:] == (0,)
    return size.target is operator.getitem and size.args[1:] == (0,)


def _stays(node: fx.Node, config: Config, signed: bool) -> None:
    """Sizes of axes: what reads them decides."""


def _contiguous(node: fx.Node, config: Config, signed: bool) -> Made:
    return nn.Identity(), [node.all_input_nodes[0]]


def _dropout(node: fx.Node, config: Config, signed: bool) -> Made:
    given = _bound(node, "input", "p", "training", p=0.5)
    return nn.Dropout(given["p"]), [given["input"]]


_AVG = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
_MAX = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
_ADAPTIVE = _pool(nn.AdaptiveAvgPool2d, "output_size")

CALLS: dict[Any, Maker] = {
    **dict.fromkeys((F.relu, torch.relu, torch.relu_, "relu", "relu_"), _activation(nn.ReLU)),
    F.relu6: _activation(nn.ReLU6),
    **dict.fromkeys((torch.sigmoid, F.sigmoid, "sigmoid"), _activation(nn.Sigmoid)),
    **dict.fromkeys((torch.tanh, F.tanh, "tanh"), _activation(nn.Tanh)),
    F.gelu: _activation(nn.GELU),
    F.silu: _activation(nn.SiLU),
    **dict.fromkeys((operator.add, operator.iadd, torch.add, "add", "add_"), _join(simple.Add)),
    **dict.fromkeys((operator.sub, operator.isub, torch.sub, "sub"), _join(simple.Sub)),
    **dict.fromkeys((operator.mul, operator.imul, torch.mul, "mul", "mul_"), _join(simple.Mul)),
    **dict.fromkeys((torch.cat, torch.concat), _concat),
    F.avg_pool2d: _pool(nn.AvgPool2d, *_AVG),
    F.max_pool2d: _pool(nn.MaxPool2d, *_MAX),
    F.adaptive_avg_pool2d: _ADAPTIVE,
    **dict.fromkeys((torch.flatten, "flatten"), _flatten),
    **dict.fromkeys((torch.mean, "mean"), _mean),
    **dict.fromkeys(("view", "reshape", torch.reshape), _view),
    **dict.fromkeys(("size", getattr, operator.getitem), _stays),
    "contiguous": _contiguous,
    F.dropout: _dropout,
}
"""By function, or by the name of a method."""
