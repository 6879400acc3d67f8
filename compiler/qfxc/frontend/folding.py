"""Constants of the ONNX graph: reading tensors, computing nodes whose inputs are all constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from qfxc.errors import UserError
from qfxc.ir.types import Array

RANDOM = frozenset(
    (
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    )
)
"""Operators that are no function of their inputs: never folded."""


QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
"""Folded exactly elsewhere (qdq_constants.py); onnxruntime has them in a domain of its own, too."""


QONNX_QUANTIZERS = ("Quant", "IntQuant", "BipolarQuant")
QONNX_DOMAINS = (
    *("", "qonnx", "onnx.brevitas", "finn", "qonnx.custom_op.general", "finn.custom_op.general"),
)
"""Folded exactly, too (qonnx_constants.py). Exporters wrote all these domains."""


FIXED_DOMAIN = "qfxc.nn"
"""Its operator Fixed is folded exactly as well (fixed.py)."""


def is_fixed(node: onnx.NodeProto) -> bool:
    """Whether a node is a cast to fixed point of this project's own domain."""
    return (node.op_type, node.domain) == ("Fixed", FIXED_DOMAIN)


def tensor(proto: onnx.TensorProto) -> Array:
    """The array of an initialiser. Raises UserError when its data are missing or damaged."""
    where = f"initialiser {proto.name}" if proto.name else "constant"
    if proto.data_location == onnx.TensorProto.EXTERNAL:
        raise UserError("its external data are not loaded", where=where)
    if proto.data_type == onnx.TensorProto.STRING:
        raise UserError("strings are not supported", where=where)
    try:
        return np.asarray(numpy_helper.to_array(proto))
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"its data do not fit its shape {list(proto.dims)}", where=where, hint="export it again"
        ) from error


def foldable(node: onnx.NodeProto, constants: Mapping[str, object]) -> bool:
    """Whether the values of all inputs are known (``constants``) and the node is a function."""
    standard = node.domain in ("", "ai.onnx") or node.op_type in QUANTIZERS
    if node.op_type in QONNX_QUANTIZERS and node.domain in QONNX_DOMAINS:
        standard = True
    if node.op_type in RANDOM or not (standard or is_fixed(node)):
        return False
    if any(a.HasField("g") or a.graphs for a in node.attribute):
        return False
    return all(name in constants for name in node.input if name)


def fold(node: onnx.NodeProto, inputs: Sequence[Array | None], opset: int) -> list[Array]:
    """The outputs of one node on constant inputs, by onnx's reference evaluator."""
    present = [(n, x) for n, x in zip(node.input, inputs, strict=True) if n and x is not None]
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for n, x in dict(present).items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    graph = helper.make_graph([node], "fold", infos, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    try:
        results = ReferenceEvaluator(model).run(None, dict(present))
    except Exception as error:  # the evaluator raises whatever numpy raises
        raise UserError(f"its constant inputs cannot be evaluated ({error})") from error
    found = iter(results)
    return [np.asarray(next(found)) if name else np.zeros(0) for name in node.output]


def finite(array: Array, what: str) -> NDArray[np.float64]:
    """A real constant as float64, which holds every float32; NaN and infinity are errors."""
    try:
        values = array.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise UserError(f"{what} is not a tensor of numbers") from error
    if not np.isfinite(values).all():
        raise UserError(
            f"{what} contains NaN or infinity",
            hint="weights must be finite; train or export the model again",
        )
    return values
