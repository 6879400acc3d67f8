"""Small graphs against onnxruntime: layouts, broadcasting, batch, what is rewritten."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx_checks import check, model, node, stems

from qfxc.frontend.onnx_file import load
from qfxc.frontend.onnx_ops import supported
from qfxc.frontend.qoperator import MICROSOFT
from qfxc.ir.types import Int


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


CONV = {"w": normal(4, 3, 3, 3)}
IMAGE: dict[str, Any] = {"x": ["n", 3, 6, 7]}


def test_flatten_and_gemm_need_no_transposition_but_other_weights() -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Flatten", "c", to="f"),
        node("Relu", "f", to="r"),
        node("Mul", "r", "k", to="m"),
        node("Gemm", "m", "v", "b", transB=1),
    ]
    more = {"v": normal(5, 80), "b": normal(5), "k": normal(80)}
    graph = check(model(nodes, IMAGE, constants={**CONV, **more}))
    assert stems(graph) == ["conv", "reshape", "clip", "affine", "matmul"]


def test_a_flatten_with_two_users_keeps_its_transposition_where_it_is_needed() -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Flatten", "c", to="f"),
        node("MatMul", "f", "v", to="y"),
        node("Relu", "f", to="z"),
    ]
    proto = model(nodes, IMAGE, ("y", "z"), {**CONV, "v": normal(80, 5)})
    graph = check(proto)
    assert stems(graph).count("transpose") == 1


def test_reshape_that_keeps_the_channels_whole_is_free() -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Reshape", "c", "s", to="r"),
        node("MaxPool", "r", kernel_shape=[3], strides=[2]),
    ]
    graph = check(model(nodes, IMAGE, constants={**CONV, "s": np.array([0, 4, -1])}))
    assert "transpose" not in stems(graph)


def test_shape_arithmetic_is_folded() -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Shape", "c", to="shape"),
        node("Gather", "shape", "zero", to="n", axis=0),
        node("Unsqueeze", "n", "axes", to="n1"),
        node("Concat", "n1", "minus", to="target", axis=0),
        node("Reshape", "c", "target"),
    ]
    constants = {"zero": np.array(0), "axes": np.array([0]), "minus": np.array([-1])}
    graph = check(model(nodes, IMAGE, constants={**CONV, **constants}))
    assert graph.out_ports[0].shape == (80,)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (1,), (4, 1, 1), (1, 4, 1, 1), (5,), (4, 4, 5), (4, 5)])
@pytest.mark.parametrize("swap", [False, True])
def test_arithmetic_with_constants(op: str, shape: tuple[int, ...], swap: bool) -> None:
    constant = normal(*shape) + 3
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Clip", "c", "lo", to="p"),
        node(op, *(("k", "p") if swap else ("p", "k"))),
    ]
    constants = {**CONV, "k": constant, "lo": np.float32(0.5)}
    check(model(nodes, IMAGE, constants=constants))


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(4, 4, 5), (4, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("swap", [False, True])
def test_arithmetic_with_tensors(op: str, shape: tuple[int, ...], swap: bool) -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Clip", "c", "lo", to="p"),
        node("Clip", "z", "lo", to="q"),
        node(op, *(("q", "p") if swap else ("p", "q"))),
    ]
    inputs: dict[str, Any] = {**IMAGE, "z": ["n", *shape]}
    graph = check(model(nodes, inputs, constants={**CONV, "lo": np.float32(0.5)}))
    assert "transpose" not in stems(graph) or shape == (4, 4, 5)


def test_squeeze_and_excite() -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("GlobalAveragePool", "c", to="g"),
        node("Conv", "g", "v", to="s"),
        node("Mul", "c", "s"),
    ]
    graph = check(model(nodes, IMAGE, constants={**CONV, "v": normal(4, 4, 1, 1)}))
    assert stems(graph) == ["conv", "avgpool", "conv", "expand", "mul"]


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("first", [False, True])
def test_concat_with_a_constant(axis: int, first: bool) -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Concat", *(("k", "c") if first else ("c", "k")), axis=axis),
    ]
    check(model(nodes, {"x": [1, 3, 6, 7]}, constants={**CONV, "k": normal(1, 4, 4, 5)}), batch=3)


def test_split_slice_pad_gather() -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Split", "c", to="a b", axis=1, num_outputs=2),
        node("Slice", "a", "starts", "ends", "axes", "steps", to="s"),
        node("Pad", "b", "pads", "fill", "axes", to="p"),
        node("Gather", "p", "row", to="g", axis=2),
        node("Gather", "p", "rows", to="h", axis=3),
    ]
    constants = {
        "starts": np.array([-9, 1]),
        "ends": np.array([99, -1]),
        "axes": np.array([2, -1]),
        "steps": np.array([2, 1]),
        "pads": np.array([1, 0, 0, 2]),
        "fill": np.float32(0.5),
        "row": np.array(-2),
        "rows": np.array([0, 2, 4]),
    }
    graph = check(model(nodes, IMAGE, ("s", "p", "g", "h"), {**CONV, **constants}))
    assert "transpose" not in stems(graph)


def test_attributes_of_old_opsets() -> None:
    nodes = [
        node("Pad", "x", to="p", pads=[0, 0, 1, 1, 0, 0, 1, 0], value=1.5),
        node("Clip", "p", to="c", min=-0.5, max=1.0),
        node("Slice", "c", to="s", starts=[1], ends=[5], axes=[3]),
        node("Squeeze", "q", to="t", axes=[2]),
        node("Unsqueeze", "t", to="u", axes=[1, 3]),
        node("Dropout", "u", to="d", ratio=0.3),
        node("ReduceMean", "s", to="m", axes=[2, 3], keepdims=0),
        node("Softmax", "m", to="f"),
        node("Split", "x", to="a b", axis=2, split=[1, 5]),
    ]
    proto = model(nodes, {**IMAGE, "q": ["n", 4, 1, 3]}, ("s", "d", "f", "a", "b"), opset=7)
    graph = check(proto)
    assert [p.host for p in graph.out_ports] == [(), (), ("softmax axis=-1",), (), ()]


@pytest.mark.parametrize("slope", [(1,), (4, 1, 1), (1, 5), (1,) * 3])
def test_prelu(slope: tuple[int, ...]) -> None:
    nodes = [node("Conv", "x", "w", to="c"), node("PRelu", "c", "slope")]
    check(model(nodes, IMAGE, constants={**CONV, "slope": normal(*slope)}))


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax_at_an_output_is_left_to_the_host(axis: int, op: str) -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node(op, "c", to="s", axis=axis),
        node("Transpose", "s", to="t", perm=[0, 2, 3, 1]),
        node("Unsqueeze", "t", "axes"),
    ]
    graph = check(model(nodes, IMAGE, constants={**CONV, "axes": np.array([1])}))
    outside = {1: -1, 2: -3, 3: -2}[axis]  # of (N,1,H,W,C)
    assert graph.out_ports[0].host == (f"{op.lower()} axis={outside}",)


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("softmax", [False, True])
def test_argmax(keepdims: int, softmax: bool) -> None:
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("Softmax", "c", to="s", axis=1) if softmax else node("Identity", "c", to="s"),
        node("ArgMax", "s", axis=1, keepdims=keepdims),
    ]
    proto = model(nodes, IMAGE, constants=CONV)
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    graph = check(proto)
    assert isinstance(graph.outputs[0].type.elem, Int)
    assert graph.out_ports[0].host == ()


def test_batch_of_one_may_move_but_a_larger_one_may_not_mix() -> None:
    nodes = [
        node("Unsqueeze", "x", "one", to="u"),
        node("Conv", "u", "w", to="c"),
        node("Squeeze", "c"),
    ]
    constants = {"one": np.array([1]), "w": normal(4, 1, 3, 3)}
    graph = check(model(nodes, {"x": [1, 6, 7]}, constants=constants))
    assert graph.out_ports[0].shape == (4, 4, 5)
    assert "transpose" not in stems(graph)


def test_a_model_without_batch_axis_is_one_frame() -> None:
    proto = model(
        [node("MatMul", "x", "w", to="m"), node("Add", "m", "b")],
        {"x": [16]},
        constants={"w": normal(16, 5), "b": normal(5)},
    )
    graph = load(proto)
    assert graph.in_ports[0].shape == (16,)
    assert graph.out_ports[0].shape == (5,)


def test_a_fixed_batch_is_independent_frames() -> None:
    nodes = [node("Conv", "x", "w", to="c"), node("Flatten", "c")]
    graph = load(model(nodes, {"x": [8, 3, 6, 7]}, constants=CONV))
    assert graph.in_ports[0].shape == (3, 6, 7)
    assert graph.out_ports[0].shape == (80,)


def test_initialisers_among_the_inputs_are_constants_and_unused_inputs_vanish() -> None:
    nodes = [node("Conv", "x", "w"), node("Relu", "unused", to="dead")]
    proto = model(nodes, {**IMAGE, "w": [4, 3, 3, 3], "unused": ["n", 2]}, constants=CONV)
    graph = load(proto)
    assert [p.name for p in graph.in_ports] == ["x"]


def test_names_are_clean_and_unique() -> None:
    nodes = [
        node("Relu", "x", to="a", name="/layer 1/act"),
        node("Relu", "a", to="b", name="layer_1_act"),
        node("Neg", "b"),
    ]
    graph = load(model(nodes, {"x": ["n", 3]}))
    names = [n.name for n in graph.nodes() if n.op.stem != "const"]
    assert names == ["x", "layer_1_act", "layer_1_act_2", "neg_2"]


def test_matmul_sides_and_leading_axes() -> None:
    cases: list[tuple[Any, int, tuple[int, ...]]] = [
        (["n", 3, 4], 1, (4, 5)),
        (["n", 3, 4], 0, (5, 3)),
        (["n", 2, 3, 4], 0, (1, 1, 5, 3)),
        (["n", 3, 4], 1, (4,)),
        (["n", 3, 4], 0, (3,)),
        (["n", 3, 4], 1, (1, 4, 5)),
    ]
    for shape, side, weight in cases:
        names = ("x", "w") if side else ("w", "x")
        check(model([node("MatMul", *names)], {"x": shape}, constants={"w": normal(*weight)}))


def test_depth_to_space_behind_a_convolution() -> None:
    nodes = [node("Conv", "x", "w", to="c"), node("DepthToSpace", "c", blocksize=2)]
    check(model(nodes, IMAGE, constants=CONV))


@pytest.mark.parametrize("opset", range(7, 22))
def test_every_opset_imports(opset: int) -> None:
    nodes = [node("Conv", "x", "w", to="c"), node("Relu", "c", to="r"), node("Flatten", "r")]
    check(model(nodes, IMAGE, constants=CONV, opset=opset))


def test_the_newest_opset_imports() -> None:
    newest = onnx.defs.onnx_opset_version()
    load(model([node("Conv", "x", "w")], IMAGE, constants=CONV, opset=newest))


QONNX = ("Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold")


def test_the_table_is_complete_for_documentation() -> None:
    rows = supported()
    assert [r.op for r in rows] == sorted(r.op for r in rows)
    for row in rows:
        assert row.since >= 7
        if row.op in MICROSOFT:
            assert row.notes.startswith("com.microsoft")
        elif row.op in QONNX:
            assert row.notes.startswith("QONNX")
        elif row.op == "Fixed":
            assert row.notes.startswith("qfxc.nn: ")
        else:  # an operator of the standard
            assert onnx.defs.get_schema(row.op).name == row.op
