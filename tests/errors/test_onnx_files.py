"""What users read when an ONNX file cannot be imported: every text, literally.

``golden/onnx_files.txt`` holds one block per case: its name in brackets, then the text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from qfxc.errors import UserError
from qfxc.frontend.onnx_file import load

GOLDEN = Path(__file__).parent / "golden" / "onnx_files.txt"
CASES: dict[str, Callable[[], onnx.ModelProto]] = {}


def case(build: Callable[[], onnx.ModelProto]) -> Callable[[], onnx.ModelProto]:
    CASES[build.__name__] = build
    return build


def golden() -> dict[str, str]:
    blocks = GOLDEN.read_text().strip().split("\n\n")
    return {b.split("\n", 1)[0].strip("[]"): b.split("\n", 1)[1] for b in blocks}


def model(
    *nodes: onnx.NodeProto,
    shape: Any = ("n", 3, 8, 8),
    kind: int = TensorProto.FLOAT,
    opset: int = 17,
    out: tuple[str, ...] = ("y",),
    **constants: Any,
) -> onnx.ModelProto:
    infos = [helper.make_tensor_value_info("x", kind, shape)]
    outs = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in out]
    weights = [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    graph = helper.make_graph(list(nodes), "g", infos, outs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def node(op: str, *inputs: str, to: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs, to.split(), **attributes)


WEIGHTS = np.ones((4, 3, 3, 3), dtype=np.float32)


@case
def unsupported_operators_all_at_once() -> onnx.ModelProto:
    return model(
        node("Hardmax", "x", to="a", name="gate"),
        node("Relu", "a", to="b"),
        node("Det", "b", to="c"),
        node("Quant", "c", to="y", domain="acme", name="q"),
    )


@case
def control_flow() -> onnx.ModelProto:
    info = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    body = helper.make_graph([node("Relu", "x", to="z")], "then", [], [info])
    branches = {"then_branch": body, "else_branch": body}
    return model(node("If", "c", name="maybe", **branches), c=np.array(True))


@case
def cycle() -> onnx.ModelProto:
    return model(
        node("Add", "x", "b", to="a", name="one"),
        node("Relu", "a", to="b", name="two"),
        node("Relu", "b"),
    )


@case
def undefined_input() -> onnx.ModelProto:
    return model(node("Conv", "x", "w", name="conv1"))


@case
def undefined_output() -> onnx.ModelProto:
    return model(node("Relu", "x", to="z"))


@case
def value_computed_twice() -> onnx.ModelProto:
    return model(node("Relu", "x"), node("Neg", "x", name="again"))


@case
def constant_output() -> onnx.ModelProto:
    return model(node("Relu", "x"), node("Neg", "c", to="z"), out=("y", "z"), c=np.ones(3))


@case
def no_outputs() -> onnx.ModelProto:
    return model(node("Relu", "x"), out=())


@case
def opset_too_old() -> onnx.ModelProto:
    return model(node("Relu", "x"), opset=6)


@case
def no_opset() -> onnx.ModelProto:
    proto = model(node("Relu", "x"))
    del proto.opset_import[:]
    return proto


@case
def infinite_weights() -> onnx.ModelProto:
    return model(node("Conv", "x", "w", name="conv1"), w=WEIGHTS * np.float32(np.inf))


@case
def damaged_weights() -> onnx.ModelProto:
    proto = model(node("Conv", "x", "w"), w=WEIGHTS)
    proto.graph.initializer[0].dims[0] = 5
    return proto


@case
def dynamic_weights() -> onnx.ModelProto:
    return model(node("Relu", "x", to="w"), node("Conv", "x", "w", name="conv1"))


@case
def dynamic_shape() -> onnx.ModelProto:
    return model(node("Relu", "x"), shape=("n", 3, "height", 8))


@case
def unknown_shape() -> onnx.ModelProto:
    return model(node("Relu", "x"), shape=None)


@case
def integer_input() -> onnx.ModelProto:
    return model(node("Relu", "x"), kind=TensorProto.INT64)


@case
def sequence_input() -> onnx.ModelProto:
    proto = model(node("Relu", "x"))
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    proto.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(kind))
    return proto


@case
def wrong_channels() -> onnx.ModelProto:
    return model(node("Conv", "x", "w", name="conv1"), w=WEIGHTS[:, :2])


@case
def window_larger_than_the_image() -> onnx.ModelProto:
    return model(node("MaxPool", "x", name="pool", kernel_shape=[9, 9]))


@case
def three_dimensional_convolution() -> onnx.ModelProto:
    w = np.ones((1, 3, 1, 1, 1), dtype=np.float32)
    return model(node("Conv", "x", "w", name="c3"), shape=("n", 3, 4, 4, 4), w=w)


@case
def concat_over_the_batch() -> onnx.ModelProto:
    return model(node("Concat", "x", "x", axis=0, name="cat"))


@case
def mixed_batch() -> onnx.ModelProto:
    return model(
        node("Conv", "x", "w", to="c"),
        node("Reshape", "c", "s", name="flat"),
        shape=(4, 3, 8, 8),
        w=WEIGHTS,
        s=np.array([2, -1]),
    )


@case
def missing_attribute() -> onnx.ModelProto:
    return model(node("Concat", "x", "x", name="cat"))


@case
def unknown_attribute() -> onnx.ModelProto:
    return model(node("Relu", "x", name="act", slope=0.1))


@case
def axis_out_of_range() -> onnx.ModelProto:
    return model(node("Concat", "x", "x", axis=4, name="cat"))


@case
def reshape_to_another_size() -> onnx.ModelProto:
    return model(node("Reshape", "x", "s", name="flat"), s=np.array([1, 7]))


@case
def attention() -> onnx.ModelProto:
    return model(
        node("Transpose", "x", to="t", perm=[0, 1, 3, 2]), node("MatMul", "x", "t", name="scores")
    )


@case
def division_by_zero() -> onnx.ModelProto:
    return model(node("Div", "x", "c", name="norm"), c=np.zeros((3, 1, 1), dtype=np.float32))


@case
def softmax_in_the_middle() -> onnx.ModelProto:
    return model(node("Softmax", "x", to="s", axis=1), node("Relu", "s", name="after"))


@case
def argmax_over_last_index() -> onnx.ModelProto:
    return model(node("ArgMax", "x", axis=1, select_last_index=1, name="top"))


@case
def batch_normalization_in_training_mode() -> onnx.ModelProto:
    one = np.ones(3, dtype=np.float32)
    inputs = ("x", "c", "c", "c", "c")
    return model(node("BatchNormalization", *inputs, training_mode=1, name="bn"), c=one)


@case
def max_pool_indices() -> onnx.ModelProto:
    return model(node("MaxPool", "x", to="y i", kernel_shape=[2, 2], name="pool"), out=("y", "i"))


@case
def unknown_border() -> onnx.ModelProto:
    pads = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    return model(node("Pad", "x", "p", mode="mirror", name="pad"), p=pads)


@case
def step_of_zero() -> onnx.ModelProto:
    i: dict[str, Any] = {
        "s": np.array([7]),
        "e": np.array([0]),
        "a": np.array([2]),
        "t": np.array([0]),
    }
    return model(node("Slice", "x", "s", "e", "a", "t", name="flip"), **i)


@case
def independent_errors_together() -> onnx.ModelProto:
    return model(
        node("Concat", "x", "x", axis=0, to="a", name="cat"),
        node("Relu", "a", to="y"),
        node("MaxPool", "x", to="z", kernel_shape=[9, 9], name="pool"),
        out=("y", "z"),
    )


@pytest.mark.parametrize("name", sorted(CASES))
def test_text(name: str) -> None:
    with pytest.raises(UserError) as caught:
        load(CASES[name]())
    assert str(caught.value) == golden()[name]


def test_every_golden_text_has_a_case() -> None:
    assert sorted(golden()) == sorted(CASES)


def test_opset_newer_than_the_installed_onnx() -> None:
    newest = onnx.defs.onnx_opset_version()
    with pytest.raises(UserError) as caught:
        load(model(node("Relu", "x"), opset=newest + 1))
    assert str(caught.value) == (
        f"error: opset {newest + 1} is newer than {newest}, the newest that the installed onnx "
        "knows\nhint: export with an older opset or install a newer onnx package"
    )
