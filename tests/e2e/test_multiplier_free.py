"""Networks whose weights are special, and trained few ones, compiled without multipliers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import nn_nets
import qfxc
from qfxc import nn as qnn
from qfxc.driver import Compiled
from qfxc.ops.const import const_value

INPUTS, OUTPUTS = 12, 5
FRAMES = np.random.default_rng(0).normal(size=(32, INPUTS)).astype(np.float32)


def dense(w: NDArray[np.float64]) -> onnx.ModelProto:
    """``y = x w``."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])
        for name, size in zip("xy", w.shape, strict=True)
    ]
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "fc")
    weights = numpy_helper.from_array(w.astype(np.float32), "w")
    graph = helper.make_graph([node], "dense", ends[:1], ends[1:], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def compiled(model: onnx.ModelProto | Path, **options: object) -> Compiled:
    net: Compiled = qfxc.compile(model, max_dsp=0, **options)
    report = net.report
    assert report["plan"]["estimate"]["dsp"] == 0
    assert all(entry["equal"] for entry in report["verification"])
    return net


def powers() -> NDArray[np.float64]:
    rng = np.random.default_rng(1)
    return 2.0 ** rng.integers(-4, 1, (INPUTS, OUTPUTS)) * rng.choice([-1, 1], (INPUTS, OUTPUTS))


def single() -> NDArray[np.float64]:
    w = np.zeros((INPUTS, OUTPUTS))
    w[3, 2] = 0.7
    return w


def test_powers_of_two_stay_as_they_are() -> None:
    """The steps of ``fixed`` are powers of two, so every weight is a code of its own."""
    w = powers()
    net = compiled(dense(w), calib=FRAMES, recipe="fixed,shift{k=1}", verify="none")
    (node,) = (n for n in net.integer.nodes() if n.op.stem == "matmul")
    steps = np.array([float(step) for step in node.inputs[1].type.int.scale.values])
    assert np.array_equal(const_value(node.inputs[1]) * steps, w.astype(np.float32))


@pytest.mark.parametrize("recipe", ["dyadic", "shift{k=1}"])
def test_weights_that_are_all_zero(recipe: str) -> None:
    net = compiled(
        dense(np.zeros((INPUTS, OUTPUTS))), calib=FRAMES, recipe=recipe, verify="csim", frames=1
    )
    assert not net.simulate(FRAMES).real["y"].any()


def test_a_single_weight() -> None:
    """All products but one vanish, and nothing of them is built."""
    net = compiled(dense(single()), calib=FRAMES, recipe="shift{k=2}", verify="csim", frames=1)
    y = net.simulate(FRAMES).real["y"]
    assert not np.delete(y, 2, axis=1).any()
    assert np.abs(y[:, 2] - 0.7 * FRAMES[:, 3]).max() < 0.1
    circuits = [row["circuit"] for row in net.report["layers"] if row["circuit"]]
    assert [c["adders"] <= 2 for c in circuits] == [True]


@pytest.mark.parametrize("ones", [1, 2])
def test_trained_few_ones_lose_nothing(ones: int, tmp_path: Path) -> None:
    """What PyTorch computes is what the simulator does, and no rescale multiplies at K = 1."""
    torch.manual_seed(ones)
    x = nn_nets.frames("mlp", 40)
    fixed = qnn.prepare(nn_nets.network("mlp").eval(), qnn.Config(k_ones=ones, casts="fused"))
    qnn.calibrate(fixed, [x])
    qnn.export(fixed.eval(), x[:1], tmp_path / "few.onnx")
    net = compiled(tmp_path / "few.onnx", verify="none")
    (real,) = net.simulate(x.numpy()).real.values()
    assert (torch.from_numpy(real) == fixed(x)).all()
    assert max(row["weight_ones"] or 0 for row in net.report["layers"] if row["weights"]) <= ones
    if ones == 1:
        assert net.report["rescales"]["kinds"]["dyadic"] == 0
