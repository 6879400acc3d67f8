"""A small network as PyTorch exports it: float, with FakeQuantize, or with quantized layers."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import torch
import torch.ao.quantization as tq
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

Array = np.ndarray[Any, Any]
SIZE = 8
OPSETS = {False: 17, True: 20}
"""Of the exporter by tracing, and of the one by torch.export (``dynamo``)."""


class Net(nn.Module):
    """Convolutions with BatchNorm, one in groups; max pooling, a residual join, a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.quant, self.dequant = tq.QuantStub(), tq.DeQuantStub()
        self.conv1, self.norm1 = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.BatchNorm2d(4)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.pool, self.join = nn.MaxPool2d(2), nn.quantized.FloatFunctional()
        self.dense = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.pool(self.relu1(self.norm1(self.conv1(self.quant(x)))))
        a = self.join.add(self.relu2(self.norm2(self.conv2(a))), a)
        return self.dequant(self.dense(a.mean((2, 3))))  # type: ignore[no-any-return]


PLAIN = [["conv1", "norm1"], ["conv2", "norm2"]]
WITH_RELU = [["conv1", "norm1", "relu1"], ["conv2", "norm2", "relu2"]]


def frames(count: int, seed: int = 0) -> torch.Tensor:
    made = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2, SIZE, SIZE, generator=made)


def network(seed: int = 0) -> Net:
    """Random weights, and statistics of BatchNorm that move something."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    net = Net()
    for norm in (net.norm1, net.norm2):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias, 0, 0.3)
        nn.init.normal_(norm.running_mean, 0, 0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    return net.eval()


def scheme(activations: torch.dtype, per_channel: bool) -> tq.QConfig:
    """8 bits: unsigned with a zero point, or signed and symmetric; weights signed."""
    signed = activations == torch.qint8
    observed = tq.FakeQuantize.with_args(
        observer=tq.MovingAverageMinMaxObserver,
        quant_min=-128 if signed else 0,
        quant_max=127 if signed else 255,
        dtype=activations,
        qscheme=torch.per_tensor_symmetric if signed else torch.per_tensor_affine,
        reduce_range=False,
    )
    kinds = (tq.default_weight_fake_quant, tq.default_per_channel_weight_fake_quant)
    return tq.QConfig(activation=observed, weight=kinds[per_channel])


def trained(activations: torch.dtype, per_channel: bool, fused: bool, seed: int = 0) -> nn.Module:
    """The network with FakeQuantize everywhere; observed, not trained.

    ``fused``: the ReLU belongs to its convolution, without a quantizer between them.
    """
    net = network(seed)
    with _quietly():
        net = tq.fuse_modules(net, WITH_RELU if fused else PLAIN)
        net.train().qconfig = scheme(activations, per_channel)
        net = tq.prepare_qat(net)
        for step in range(4):
            net(frames(4, step))
    return net.eval().apply(tq.disable_observer)


def converted(net: nn.Module) -> nn.Module:
    """With torch's own quantized layers in the place of float ones; 8-bit weights are stored."""
    torch.backends.quantized.engine = "fbgemm"
    with _quietly():
        return tq.convert(net)


def exported(net: nn.Module, dynamo: bool = False) -> onnx.ModelProto:
    into = io.BytesIO()
    with _quietly():
        options = {"dynamo": dynamo, "opset_version": OPSETS[dynamo], "verbose": False}
        torch.onnx.export(net, (frames(1),), into, **options)
    return onnx.load_from_string(into.getvalue())


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Neither of the exporters can be told to be."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


FOLDED = ("Constant", "ConstantOfShape", "Identity", "Cast")


def without_constant_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with what its constant nodes give among its initialisers; none of them rounds."""
    found = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    rest = []
    for node in model.graph.node:
        if node.op_type in FOLDED and all(i in found for i in node.input):
            found[node.output[0]] = _value(node, found)
        else:
            rest.append(node)
    stored = [numpy_helper.from_array(v, name) for name, v in found.items()]
    graph = model.graph
    made = helper.make_graph(rest, graph.name, graph.input, graph.output, stored)
    return helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)


def _value(node: onnx.NodeProto, found: dict[str, Array]) -> Array:
    fed = {i: found[i] for i in node.input}
    infos = [
        helper.make_tensor_value_info(i, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for i, v in fed.items()
    ]
    outputs = [onnx.ValueInfoProto(name=node.output[0])]
    graph = helper.make_graph([node], "constant", infos, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSETS[False])])
    return np.asarray(ReferenceEvaluator(model).run(None, fed)[0])
