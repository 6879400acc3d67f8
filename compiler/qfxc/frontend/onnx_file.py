"""Imports an ONNX model: ``load`` returns its real graph, frames channels last."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from qfxc.errors import UserError, UserErrors
from qfxc.frontend.call import FLOAT_TYPES, Call, Operand, type_name
from qfxc.frontend.fixed import fixed_constant
from qfxc.frontend.folding import foldable, is_fixed
from qfxc.frontend.layout import input_order, move_transposes_into_weights
from qfxc.frontend.model_file import STANDARD_DOMAINS, Model, read, where
from qfxc.frontend.onnx_arith import with_reciprocals
from qfxc.frontend.onnx_ops import TABLE
from qfxc.frontend.qdq import host_steps, output_node
from qfxc.frontend.qdq_codes import computes_with_codes, convert, input_codes
from qfxc.frontend.qdq_constants import folded, parameters
from qfxc.frontend.qdq_quantizer import LIMITS
from qfxc.frontend.qonnx import channels_first
from qfxc.frontend.qonnx_constants import quantized
from qfxc.frontend.qonnx_quantizer import CHANNELS_LAST, FLOATING, is_qonnx
from qfxc.frontend.qoperator import DYNAMIC, is_microsoft
from qfxc.frontend.value import Codes, Shape, Shared, Value
from qfxc.ir.graph import Graph, Node, Port
from qfxc.ir.types import Array, Real
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input


def load(source: str | Path | onnx.ModelProto) -> Graph:
    """The real graph of an ONNX file or model: frames without batch axis, channels last.

    Axis 0 of every input is the batch: a symbolic one is any number of independent frames, and so
    is a fixed one where the operators allow; where they do not (a model without batch axis), the
    whole tensor is the frame. Inputs that no output depends on are dropped. A softmax at an output
    becomes ``Port.host`` = ("softmax axis=-1",): the host applies it, the axis counts from the end
    of the port's shape; "logsoftmax" likewise. An ArgMax at an output gives integers. Quantizers
    of the model are ``Quantize`` and ``Dequantize`` nodes in the real graph; tensors of codes at
    its ends are integers (``Port.kind``, ``Port.zero``).
    Raises UserError, or UserErrors with all nodes that are not supported.
    """
    model = read(source)
    unsupported = _unsupported_nodes(model)
    if unsupported:
        _raise([*unsupported.values(), *_also_refused(model, unsupported)])
    shapes = {i.name: _input_shape(i) for i in _used_inputs(model)}
    fixed = {shape[0] if shape else 1 for shape in shapes.values()} - {None}
    batch = max((n for n in fixed if n is not None), default=1)
    if batch == 1 or len(fixed) > 1:
        return _Import(model, shapes, 1).graph()
    try:
        return _Import(model, shapes, batch).graph()
    except UserError as error:
        if any(shape[0] is None for shape in shapes.values()):
            raise
        try:
            return _Import(model, shapes, 1).graph()
        except UserError:
            raise error from None


DimShape = tuple[int | None, ...]
"""A shape whose axis 0 may be None: a symbolic batch."""


def _used_inputs(model: Model) -> list[onnx.ValueInfoProto]:
    used = {name for _, node in model.nodes for name in node.input}
    used |= {output.name for output in model.outputs}
    return [i for i in model.inputs if i.name in used]


def _input_shape(info: onnx.ValueInfoProto) -> DimShape:
    """The shape of a graph input. Raises UserError for what is no real tensor of known shape."""
    place = f"input {info.name}"
    if info.type.WhichOneof("value") != "tensor_type":
        raise UserError("is not a tensor", where=place, hint="only tensors can be inputs")
    kind = info.type.tensor_type.elem_type
    if kind not in FLOAT_TYPES and type_name(kind) not in LIMITS:
        raise UserError(
            f"the element type {type_name(kind)} is not supported",
            where=place,
            hint="FLOAT, FLOAT16, DOUBLE, BFLOAT16 and integers of up to 32 bits are",
        )
    if not info.type.tensor_type.HasField("shape"):
        raise UserError("its shape is not known", where=place, hint="export with fixed sizes")
    dims = info.type.tensor_type.shape.dim
    for axis, dim in enumerate(dims):
        if axis and dim.dim_value < 1:
            raise UserError(
                f"axis {axis} has no fixed size ({dim.dim_param or 'unknown'})",
                where=place,
                hint="only axis 0, the batch, may be open; fix the others with "
                "onnx.tools.update_model_dims",
            )
    return tuple(d.dim_value if d.dim_value > 0 else None for d in dims)


def _unsupported_nodes(model: Model) -> dict[int, UserError]:
    """Every node that no table row and no constant folding covers, by its place."""
    constants: dict[str, object] = dict(model.constants)
    errors = {}
    for index, (label, node) in enumerate(model.nodes):
        if foldable(node, constants) or node.op_type in ("Shape", "Size"):
            constants.update(dict.fromkeys(node.output))
            continue
        reason = _unsupported(node, model.opset)
        if reason is not None:
            errors[index] = UserError(reason[0], where=where(label, node), hint=reason[1])
    return errors


def _also_refused(model: Model, unsupported: Container[int]) -> list[UserError]:
    """What conversion refuses of the nodes that no unsupported one is in front of."""
    nodes = tuple(n for index, n in enumerate(model.nodes) if index not in unsupported)
    rest = replace(model, nodes=nodes)
    try:
        shapes = {i.name: _input_shape(i) for i in _used_inputs(rest)}
        fixed = (shape[0] for shape in shapes.values() if shape)
        return _Import(rest, shapes, max((n for n in fixed if n), default=1)).refused()
    except UserError as error:
        return [error]


def _unsupported(node: onnx.NodeProto, opset: int) -> tuple[str, str] | None:
    """What is wrong with the kind of a node, and what would work."""
    if any(a.HasField("g") or a.graphs for a in node.attribute):
        return "control flow is not supported", "export the model without If, Loop and Scan"
    if node.op_type in DYNAMIC:
        return (
            "computes its scale from the data of every frame, hardware has fixed ones",
            "quantize statically: onnxruntime.quantization.quantize_static, with calibration data",
        )
    if is_microsoft(node) or is_qonnx(node) or is_fixed(node):
        return None
    if node.op_type in FLOATING:
        return "quantizes to floating point numbers", "integers are supported: Quant, 1 to 16 bits"
    if node.domain not in STANDARD_DOMAINS:
        return (
            f"operators of the domain {node.domain} are not supported",
            "onnx.inliner.inline_local_functions resolves model-local functions",
        )
    if node.op_type not in TABLE:
        return (
            "this operator is not supported",
            "`qfxc ops` lists the ones that are",
        )
    try:
        onnx.checker.check_node(node, _checker_context(opset))
    except onnx.checker.ValidationError as error:
        reason = str(error).splitlines()[0].strip()
        return f"not valid ONNX of opset {opset}", f"onnx's checker says: {reason}"
    return None


def _checker_context(opset: int) -> onnx.checker.C.CheckerContext:
    context = onnx.checker.C.CheckerContext()
    context.ir_version = onnx.IR_VERSION
    context.opset_imports = {"": opset}
    return context


def _raise(errors: list[UserError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise UserErrors(errors)


class _Import:
    """One conversion of a model at a given batch size."""

    def __init__(self, model: Model, shapes: dict[str, DimShape], batch: int) -> None:
        self.model = model
        self.shared = Shared(coded=computes_with_codes(model))
        self.values: dict[str, Value | Array] = dict(model.constants)
        self.kinds = {i.name: i.type.tensor_type.elem_type for i in model.inputs}
        self.inputs = [self._input(name, shape, batch) for name, shape in shapes.items()]
        self.names = [self.shared.unique(label) for label, _ in model.nodes]

    def _input(self, name: str, dims: DimShape, batch: int) -> tuple[str, Value]:
        shape = tuple(batch if n is None else n for n in dims)
        lead = bool(shape) and shape[0] == batch
        body = shape[1:] if lead else shape
        nodes = [node for _, node in self.model.nodes]
        order = input_order(name, body, nodes) if lead else tuple(range(len(body)))
        frame, codes = tuple(body[a] for a in order), self._codes(name)
        node = Node(Input(frame, codes.elem if codes else Real()), (), self.shared.unique(name))
        value = Value(node, shape, order, lead, codes=codes)
        real = Node(Dequantize(), (node,), self.shared.unique(f"{name}.dq")) if codes else node
        self.values[name] = replace(value, node=real)
        return name, value

    def _codes(self, name: str) -> Codes | None:
        """What the integers of a graph input stand for; None for real numbers."""
        kind = self.kinds[name]
        if kind in FLOAT_TYPES:
            return None
        nodes = [node for _, node in self.model.nodes]
        known = parameters(nodes, self.model.constants, self.model.opset)
        return input_codes(name, type_name(kind), nodes, known)

    def graph(self) -> Graph:
        """The graph; errors of independent nodes are reported together."""
        _raise(self.refused())
        return self._finish()

    def refused(self) -> list[UserError]:
        """Converts every node whose inputs are known; what that refuses."""
        errors = []
        for name, (label, node) in zip(self.names, self.model.nodes, strict=True):
            if not all(i in self.values for i in node.input if i):
                continue  # behind a node that failed
            try:
                self._convert(name, node)
            except UserError as error:
                errors.append(
                    UserError(error.what, where=error.where or where(label, node), hint=error.hint)
                )
            except ValueError as error:  # from an operator's own checks
                errors.append(UserError(str(error), where=where(label, node)))
        return errors

    def _convert(self, name: str, node: onnx.NodeProto) -> None:
        inputs: list[Operand] = [self.values[i] if i else None for i in node.input]
        if node.op_type in ("Shape", "Size") and isinstance(inputs[0], Value):
            inputs[0] = np.zeros(inputs[0].shape, dtype=np.bool_)
        arrays = [i for i in inputs if not isinstance(i, Value)]
        results: Sequence[Value | Array]
        if len(arrays) == len(inputs):
            fold = quantized if is_qonnx(node) else fixed_constant if is_fixed(node) else folded
            results = fold(self.shared, node, arrays, self.model.opset)
        else:
            call = Call(self.shared, name, node, inputs, self.model.opset)
            results = _converted(call)
        self.values.update(zip(node.output, results, strict=False))

    def _finish(self) -> Graph:
        outputs = [self._output(info.name) for info in self.model.outputs]
        graph = Graph(
            self.model.name,
            tuple(value.node for _, value in self.inputs),
            tuple(output_node(value, self.shared.unique) for _, value in outputs),
            tuple(_port(name, value) for name, value in self.inputs),
            tuple(_port(name, value) for name, value in outputs),
        )
        graph = with_reciprocals(move_transposes_into_weights(graph, self.shared.unique))
        graph.check_names()
        return graph

    def _output(self, name: str) -> tuple[str, Value]:
        value = self.values.get(name)
        if value is None:
            raise UserError("is defined nowhere", where=f"output {name}")
        if not isinstance(value, Value):
            raise UserError(
                "is constant: it does not depend on any input",
                where=f"output {name}",
                hint="remove it from the model",
            )
        return name, value


def _converted(call: Call) -> list[Value]:
    """Runs the conversion of the table, after what concerns every operator."""
    row = TABLE[call.op]
    for i in call.inputs:
        if isinstance(i, Value) and i.terminal and not row.passes_terminal:
            raise UserError(
                f"follows {i.terminal}, which is supported at an output of the model only",
                hint=f"cut the model before {i.terminal}",
            )
    if call.node.domain == CHANNELS_LAST:
        return channels_first(call, convert)
    return convert(call)


def _port(name: str, value: Value) -> Port:
    body: Shape = value.body
    codes = None if value.terminal else value.codes
    kind, zero = (codes.kind, codes.zero) if codes else ("", 0)
    return Port(name, body, value.order, host_steps(value), kind, zero)
