"""A trained model as ONNX: every number in the file is one of the hardware's.

Each layer becomes plain ONNX operators and the casts around them (``nn.onnx_build``): weights and
biases are stored as the values that the layer computes with, followed by the quantizer that names
their type, so QONNX's tools read them too. Batch normalization is a product and a sum with
quantized constants. Where projected weights are sums of powers of two, their quantizer has the
metadata ``qfxc.nn.project``. The same model gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, fx

from qfxc import __version__
from qfxc.errors import UserError, UserErrors
from qfxc.nn.onnx_build import Builder, Value
from qfxc.nn.onnx_layers import Call
from qfxc.nn.onnx_rules import rule


def export(
    model: fx.GraphModule, example: Tensor | tuple[Tensor, ...], path: str | Path | None = None
) -> onnx.ModelProto:
    """The model in ONNX (opset 17), written to ``path`` where that is given.

    ``example``: the inputs, from which shapes are taken, the batch axis as well: one frame is
    the usual choice. Names are those of the fx graph. Raises UserErrors with all layers that have
    no operator in ONNX.
    """
    frames = example if isinstance(example, tuple) else (example,)
    training = model.training
    model.eval()
    try:
        made = _Export(model, frames).model()
    finally:
        model.train(training)
    if path is not None:
        Path(path).write_bytes(made.SerializeToString(deterministic=True))
    return made


class _Shapes(fx.Interpreter):
    """Runs a model and notes the shape of every tensor."""

    def __init__(self, model: fx.GraphModule) -> None:
        super().__init__(model)
        self.found: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.found[n.name] = tuple(result.shape)
        return result


class _Export:
    def __init__(self, model: fx.GraphModule, frames: tuple[Tensor, ...]) -> None:
        self.source = model
        self.modules = dict(model.named_modules())
        self._check()
        shapes = _Shapes(model)
        with torch.no_grad():
            shapes.run(*frames)
        self.shapes = shapes.found
        self.builder = Builder()
        self.values: dict[fx.Node, Value] = {}

    def _check(self) -> None:
        """Reports every use of something that no rule knows, all at once."""
        errors = []
        for node in self.source.graph.nodes:
            if node.op not in ("placeholder", "output") and self._rule(node) is None:
                what = f"{self._what(node)} has no operator in ONNX"
                hint = "prepare the model with qfxc.nn.prepare, or use one of its layers"
                errors.append(UserError(what, where=node.name, hint=hint))
        if errors:
            raise errors[0] if len(errors) == 1 else UserErrors(errors)

    def _called(self, node: fx.Node) -> Any:
        return self.modules[str(node.target)] if node.op == "call_module" else None

    def _rule(self, node: fx.Node) -> Any:
        return rule(self._called(node) if node.op == "call_module" else node.target)

    def _what(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return type(self._called(node)).__name__
        return getattr(node.target, "__name__", str(node.target))

    def model(self) -> onnx.ModelProto:
        inputs: list[Value] = []
        outputs: list[Value] = []
        for node in self.source.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = Value(node.name, self.shapes[node.name])
                inputs.append(self.values[node])
            elif node.op == "output":
                ends = node.args[0]
                ends = ends if isinstance(ends, (tuple, list)) else (ends,)
                outputs = [self.values[end] for end in ends]
            else:
                self.values[node] = self._convert(node)
        name = type(self.source).__name__
        return self.builder.model(name, inputs, outputs, f"qfxc {__version__}")

    def _convert(self, node: fx.Node) -> Value:
        inputs: list[Value] = []
        fx.map_arg((node.args, node.kwargs), lambda n: inputs.append(self.values[n]))
        shape = self.shapes[node.name]
        call = Call(self.builder, self._called(node), tuple(inputs), node.name, shape)
        try:
            made: Value = self._rule(node)(call)
        except UserError as error:
            raise UserError(error.what, where=node.name, hint=error.hint) from error
        return made
