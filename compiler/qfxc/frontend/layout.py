"""Which axis order the frames of a graph input get, and transpositions moved into weights."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import onnx

from qfxc.frontend.value import Shape, identity
from qfxc.ir.graph import Graph, Node, rewrite
from qfxc.ops.affine import Affine
from qfxc.ops.clip import Clip
from qfxc.ops.const import const_value, int_const, real_const
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.matmul import MatMul
from qfxc.ops.prelu import PRelu
from qfxc.ops.quantize import Quantize
from qfxc.ops.reshape import Reshape
from qfxc.ops.transpose import Transpose

CHANNELS_LAST = frozenset(
    (
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "BatchNormalization",
        *("QLinearConv", "ConvInteger", "QLinearAveragePool", "QLinearGlobalAveragePool"),
    )
)
"""What computes on frames whose innermost axis is ONNX axis 1."""

ELEMENTWISE = (
    *("Acos", "Asin", "Atan", "Cos", "Sin", "Tan"),
    *("Abs", "Acosh", "Asinh", "Atanh", "Ceil", "Celu", "Cosh", "Elu", "Erf", "Exp", "Floor"),
    *("Gelu", "HardSigmoid", "HardSwish", "Log", "Mish", "Pow", "Round", "Selu", "Shrink"),
    *("Sigmoid", "Sign", "Sinh", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh"),
    "ThresholdedRelu",
)

KEEPS_AXES = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Sum", "Max", "Min", "Neg", "Reciprocal"),
        *("Relu", "LeakyRelu", "PRelu", "Clip", "Identity", "Dropout", "Cast"),
        *("Pad", "Slice", "Split", "Concat", "Gather", "Tile", "Expand"),
        *ELEMENTWISE,
        *("QuantizeLinear", "DequantizeLinear", "Quant", "BipolarQuant"),
        *("QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearLeakyRelu", "QLinearSigmoid"),
    )
)


def input_order(name: str, body: Shape, nodes: Iterable[onnx.NodeProto]) -> Shape:
    """The frame order that the first consumer with a preference wants; ONNX's order without one.

    Looks forward through elementwise operators and transpositions, nearest consumers first.
    """
    rank = len(body)
    if rank < 2:
        return identity(rank)
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes:
        for i in node.input:
            users.setdefault(i, []).append(node)
    seen, queue = {name}, deque([(name, identity(rank))])
    while queue:
        value, axes = queue.popleft()  # axes[j]: the input's body axis that is body axis j here
        for node in users.get(value, ()):
            if node.op_type in CHANNELS_LAST and value == node.input[0]:
                # QONNX has a domain whose operators have channels last already
                return axes if "channels_last" in node.domain else (*axes[1:], axes[0])
            after = _axes_after(node, axes)
            for output in node.output if after else ():
                if output not in seen:
                    seen.add(output)
                    queue.append((output, after))
    return identity(rank)


def _axes_after(node: onnx.NodeProto, axes: Shape) -> Shape:
    """The axes behind an operator that keeps or permutes them; empty otherwise."""
    if node.op_type in KEEPS_AXES:
        return axes
    if node.op_type == "Transpose":
        perm = [p for a in node.attribute if a.name == "perm" for p in a.ints]
        if len(perm) == len(axes) + 1 and perm[0] == 0:
            return tuple(axes[p - 1] for p in perm[1:])
    return ()


def move_transposes_into_weights(graph: Graph, unique: Callable[[str], str]) -> Graph:
    """MatMul(Reshape(Transpose(x)), w) as MatMul(Reshape(x), w with its rows permuted).

    Works through activations in between, where nobody else uses them. A transposition costs a
    buffer of a whole frame, permuted weights cost nothing. ``unique`` makes names for new nodes.
    """
    uses = graph.uses()
    return rewrite(graph, lambda node: _permuted_matmul(node, uses, unique))


def _permuted_matmul(
    node: Node, uses: Mapping[str, int], unique: Callable[[str], str]
) -> Node | None:
    if not isinstance(node.op, MatMul):
        return None
    chain: list[Node] = []
    at = node.inputs[0]
    while _elementwise(at) and uses[at.name] == 1:
        chain.append(at)
        at = at.inputs[0]
    if not isinstance(at.op, Reshape) or not isinstance(at.inputs[0].op, Transpose):
        return None
    source = at.inputs[0].inputs[0]
    if at.type.channels != at.type.size or (chain and uses[at.name] != 1):
        return None
    index = np.arange(source.type.size).reshape(source.type.shape)
    rows = np.argsort(index.transpose(at.inputs[0].op.perm).reshape(-1))
    name = at.name if uses[at.name] == 1 else unique(at.name)
    x = Node(Reshape(at.type.shape), (source,), name)
    for link in reversed(chain):
        x = Node(link.op, (x, *(_permuted(c, rows) for c in link.inputs[1:])), link.name)
    return Node(node.op, (x, _permuted(node.inputs[1], rows), *node.inputs[2:]), node.name)


def _elementwise(node: Node) -> bool:
    """Whether ``node`` treats every element by itself, and alike where its constants do."""
    if isinstance(node.op, Quantize):
        return node.op.elem.scale.per_tensor
    if isinstance(node.op, Dequantize):
        return node.inputs[0].type.int.scale.per_tensor
    return isinstance(node.op, (Clip, Affine, PRelu))


def _permuted(constant: Node, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Node:
    """A constant with one entry or row per element, in the order of the unpermuted elements."""
    if isinstance(constant.op, Dequantize):
        codes = constant.inputs[0]
        moved = int_const(const_value(codes)[rows], codes.type.int, codes.name)
        return Node(constant.op, (moved,), constant.name)
    value = const_value(constant)
    return real_const(value[rows], constant.name) if value.ndim else constant
