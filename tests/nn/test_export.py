"""What PyTorch computes is what the integers compute, bit for bit; QONNX's executor agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from torch import Tensor, fx, nn

import nn_nets
from qfxc import nn as qnn
from qfxc.errors import UserError
from qfxc.ir.types import Array
from qfxc.nn.binary import (
    BinaryConv2d,
    BinaryLinear,
    BinaryWeight,
    Bipolar,
    TernaryWeight,
    TwoBit,
)
from qfxc.nn.export import export
from qfxc.nn.onnx_build import PROJECTION
from qfxc.quantize.kones import parse
from qfxc.run import Model
from qonnx_check import integer_graph

FRAMES = 200

CONFIGS = {
    "default": qnn.Config(),
    "even": qnn.Config(weight_bits=4, activation_bits=5, rounding="RND_CONV", overflow="SAT"),
    "floor": qnn.Config(weight_bits=5, activation_bits=6, rounding="TRN", overflow="SAT_SYM"),
    "wrap": qnn.Config(weight_bits=6, rounding="TRN", overflow="WRAP", per_channel=False),
    "zero": qnn.Config(weight_bits=3, rounding="RND_ZERO", overflow="SAT_ZERO", casts="fused"),
    "ones": qnn.Config(weight_bits=7, rounding="RND_INF", k_ones=2),
}


def prepared(name: str, config: qnn.Config, seed: int = 0) -> fx.GraphModule:
    model = qnn.prepare(nn_nets.network(name, seed), config)
    qnn.calibrate(model, [nn_nets.frames(name, 64) / 1.3])
    return model.eval()


def outputs(model: nn.Module, x: Tensor) -> Array:
    with torch.no_grad():
        y: Tensor = model(x)
    return y.double().numpy()


def integers(made: onnx.ModelProto, x: Tensor) -> Array:
    """Outputs of the integer graph: codes times scale."""
    graph = integer_graph(made, [x[:1].numpy()])
    found = Model(graph, graph).run(x.numpy())
    return next(iter(found.real.values()))


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("name", nn_nets.MAKERS)
def test_integer_graph_computes_what_torch_does(name: str, config: str) -> None:
    model = prepared(name, CONFIGS[config])
    x = nn_nets.frames(name, FRAMES, seed=2)
    expected = outputs(model, x)
    assert len(np.unique(expected)) >= 16, "the network tells inputs apart"
    assert (integers(export(model, x[:1]), x) == expected).all()


@pytest.mark.parametrize("name", nn_nets.MAKERS)
def test_qonnx_executes_the_file_alike(name: str) -> None:
    """All casts are Quant nodes, and float32 holds every sum of these widths."""
    config = qnn.Config(weight_bits=4, activation_bits=5, bias_bits=8, rounding="RND_CONV")
    model = prepared(name, config)
    x = nn_nets.frames(name, 8, seed=3)
    made = export(model, x[:1])
    assert {n.domain for n in made.graph.node} == {"", "qonnx.custom_op.general"}
    executor = ModelWrapper(made)
    expected = outputs(model, x)
    name, out = made.graph.input[0].name, made.graph.output[0].name
    for frame, want in zip(x, expected, strict=True):
        got = execute_onnx(executor, {name: frame[None].numpy()})[out]
        assert (got.reshape(-1) == want).all()


class Binary(nn.Module):
    """8x8x3: binary, ternary and fixed-point weights, activations of 2 bits and of signs."""

    def __init__(self) -> None:
        super().__init__()
        config = qnn.Config(weight_bits=4)
        self.first = qnn.Conv2d(3, 8, 3, padding=1, config=config)
        self.levels = TwoBit()
        self.binary = BinaryConv2d(8, 8, 3, padding=1, weights=BinaryWeight("power"))
        self.norm = qnn.BatchNorm2d(8)
        self.signs = Bipolar(1)
        self.ternary = BinaryConv2d(8, 12, 3, stride=2, weights=TernaryWeight("fixed"))
        self.three = Bipolar(3, "RND_MIN_INF")
        self.flatten = nn.Flatten()
        self.classes = BinaryLinear(12 * 9, 10, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.signs(self.norm(self.binary(self.levels(self.first(x)))))
        y: Tensor = self.classes(self.flatten(self.three(self.ternary(x))))
        return y


def test_binary_networks() -> None:
    torch.manual_seed(0)
    model = qnn.prepare(Binary())
    qnn.calibrate(model, [nn_nets.frames("residual", 64)])
    model.eval()
    x = nn_nets.frames("residual", FRAMES, seed=2)
    made = export(model, x[:1])
    kinds = [n.op_type for n in made.graph.node if n.output[0].endswith(".weight.q")]
    assert kinds == ["Quant", "BipolarQuant", "Quant", "Quant", "BipolarQuant"]
    expected = outputs(model, x)
    assert len(np.unique(expected)) > 20
    assert (integers(made, x) == expected).all()


def test_projected_weights_are_named() -> None:
    made = export(prepared("separable", CONFIGS["ones"]), nn_nets.frames("separable", 1))
    found = {
        n.name: parse(entry.value)
        for n in made.graph.node
        for entry in n.metadata_props
        if entry.key == PROJECTION
    }
    weights = {i.name for i in made.graph.initializer if i.name.endswith(".weight")}
    assert {f"{name}.q" for name in weights} == set(found)
    assert {str(p) for p in found.values()} == {"k-ones{ones=2,rule=nearest}"}


def test_initializers_are_the_numbers_computed_with() -> None:
    model = prepared("residual", CONFIGS["ones"])
    made = export(model, nn_nets.frames("residual", 1))
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in made.graph.initializer}
    for layer, parts in (("stem", ("weight",)), ("stem_norm", ("weight", "bias"))):
        for part in parts:
            with torch.no_grad():
                own = getattr(model.get_submodule(layer), f"quantized_{part}")().numpy()
            assert (arrays[f"{layer}.{part}"].reshape(own.shape) == own).all()


def test_file_is_valid_and_always_the_same(tmp_path: Path) -> None:
    x = nn_nets.frames("residual", 1)
    files = []
    for i in range(2):
        path = tmp_path / f"{i}.onnx"
        export(prepared("residual", CONFIGS["default"]), x, path)
        onnx.checker.check_model(path, full_check=False)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    model = onnx.load_from_string(files[0])
    assert [i.name for i in model.graph.input] == ["x"]
    assert [o.name for o in model.graph.output] == ["classes"]
    assert "first" in {n.name for n in model.graph.node}


def test_export_leaves_the_mode_alone() -> None:
    model = prepared("mlp", CONFIGS["default"]).train()
    export(model, nn_nets.frames("mlp", 1))
    assert model.training


def test_unknown_leaves_are_all_named() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.erf(torch.cos(x))

    with pytest.raises(UserError) as caught:
        export(fx.symbolic_trace(Odd()), torch.zeros(1, 3))
    hint = "hint: prepare the model with qfxc.nn.prepare, or use one of its layers"
    assert str(caught.value) == (
        f"error: cos: cos has no operator in ONNX\n{hint}\n"
        f"error: erf: erf has no operator in ONNX\n{hint}"
    )


def test_reshaping_the_batch_is_refused() -> None:
    model = fx.symbolic_trace(nn.Flatten(0))
    with pytest.raises(UserError, match="reshapes the batch axis"):
        export(model, torch.zeros(2, 3))
