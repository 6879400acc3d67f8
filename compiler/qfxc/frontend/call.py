"""What the conversion of one ONNX node sees: its inputs, attributes, and the table of operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from qfxc.errors import UserError
from qfxc.frontend.folding import finite
from qfxc.frontend.value import Builder, Shape, Shared, Value
from qfxc.frontend.value import type_name as type_name
from qfxc.ir.graph import Node
from qfxc.ir.types import Array, Int, Scale, exact
from qfxc.ops.const import int_const
from qfxc.ops.dequantize import Dequantize

OLDEST_OPSET = 7
"""From here on broadcasting is numpy's; older models are converted by onnx.version_converter."""

FLOAT_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)


Operand = Value | Array | None


class Call(Builder):
    """One ONNX node during its conversion. Indices are those of ONNX's input list."""

    def __init__(
        self, shared: Shared, name: str, node: onnx.NodeProto, inputs: Sequence[Operand], opset: int
    ) -> None:
        super().__init__(shared, name)
        self.op = node.op_type
        self.node = node
        self.inputs = tuple(inputs)
        self.opset = opset
        self._attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute; byte strings are decoded."""
        value = self._attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def ints(self, name: str, default: Sequence[int]) -> Shape:
        return tuple(int(v) for v in self._attributes.get(name, default))

    def given(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] is not None

    def value(self, index: int) -> Value:
        """A data input."""
        found = self.inputs[index] if self.given(index) else None
        if found is None:
            raise UserError(f"input {index} is missing")
        if not isinstance(found, Value):
            raise UserError(f"input {index} is constant; only its other inputs can be constant")
        return found

    def constant(self, index: int) -> Array:
        """A constant input, in its own number type."""
        found = self.inputs[index] if self.given(index) else None
        if found is None:
            raise UserError(f"input {index} is missing")
        if isinstance(found, Value):
            raise UserError(
                f"input {index} ('{self.node.input[index]}') is not constant",
                hint="only inputs that do not depend on the network's input work here",
            )
        return found

    def floats(self, index: int, rounded: bool = False) -> NDArray[np.float64]:
        """A finite real constant; ``rounded``: ``weights`` will find its codes again."""
        if not rounded and self.node.input[index] in self.shared.rounded:
            raise UserError(
                f"input {index} ('{self.node.input[index]}') has codes of too many bits here",
                hint="as the bias of a Conv or Gemm they are supported",
            )
        return finite(self.constant(index), f"input {index} ('{self.node.input[index]}')")

    def weights(self, array: Array, index: int, suffix: str, factor: float = 1.0) -> Node:
        """The constant ``array``, which is input ``index`` times ``factor`` in some other layout.

        Where the file has it as codes, so has the graph: an integer constant, dequantized. Its
        steps belong to the innermost axis. Raises UserError where they do not.
        """
        name = self.node.input[index]
        steps = self.shared.grids.get(name)
        if steps is None:
            return self.const(array, suffix)
        step = per_last_axis(steps, array.shape)
        codes = np.rint(array / (step * factor))
        if ((codes * step) * factor != array).any():
            raise UserError(
                f"the scales of input {index} ('{name}') belong to another axis than its outputs",
                hint="quantize weights per tensor, or per output channel",
            )
        scale = Scale.of([exact(s) * exact(factor) for s in np.atleast_1d(step)])
        elem = Int(int(codes.min(initial=0)), int(codes.max(initial=0)), scale)
        label = f"{self.name}.{suffix}"
        q = int_const(codes, elem, self.shared.unique(f"{label}.q"))
        return Node(Dequantize(), (q,), self.shared.unique(label))

    def bias(self, array: Array, index: int, factor: float = 1.0) -> Node:
        """As ``weights``, for a bias: real numbers where those are exact."""
        exactly = self.node.input[index] not in self.shared.rounded
        return self.const(array, "b") if exactly else self.weights(array, index, "b", factor)

    def indices(self, index: int) -> Shape:
        """A constant list of integers."""
        return tuple(int(v) for v in self.constant(index).reshape(-1))

    def scalar(self, index: int, default: float) -> float:
        """A constant of one element, which may be infinite."""
        if not self.given(index):
            return default
        array = self.constant(index)
        if array.size != 1:
            raise UserError(f"input {index} has {array.size} elements, one is expected")
        return float(array.reshape(-1)[0])

    def only_first_output(self, what: str) -> None:
        """Refuses further outputs that something uses."""
        if any(self.node.output[1:]):
            raise UserError(f"its output {what} is not supported", hint="remove what uses it")


def per_last_axis(steps: Array, shape: Shape) -> NDArray[np.float64]:
    """The one number of ``steps``, or one per index of the only axis along which it varies."""
    if (steps == steps.reshape(-1)[:1]).all():
        return np.asarray(steps.reshape(-1)[0])
    varying = [a for a in range(steps.ndim) if (steps != steps.take([0], axis=a)).any()]
    row = np.moveaxis(steps, varying[0], 0).reshape(steps.shape[varying[0]], -1)[:, 0]
    if len(varying) > 1 or shape[-1:] != row.shape:
        raise UserError(
            "scales that are not one per output channel are not supported",
            hint="quantize weights per tensor, or per output channel",
        )
    return np.asarray(row)


Convert = Callable[[Call], Value | Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of supported operators."""

    op: str
    since: int
    notes: str
    convert: Convert
    passes_terminal: bool
    takes_codes: bool = False


TABLE: dict[str, Row] = {}
"""ONNX operator -> its conversion; filled by the modules onnx_*.py."""


def converts(
    *ops: str,
    notes: str = "",
    since: int = OLDEST_OPSET,
    passes_terminal: bool = False,
    takes_codes: bool = False,
) -> Callable[[Convert], Convert]:
    """Enters a function into the table.

    ``since`` is the first supported opset; ``passes_terminal`` says that the operator may follow a
    softmax that is left to the host, or an ArgMax; ``takes_codes``, that it knows codes by itself.
    """

    def enter(convert: Convert) -> Convert:
        for op in ops:
            assert op not in TABLE, f"{op} is converted twice"
            TABLE[op] = Row(op, since, notes, convert, passes_terminal, takes_codes)
        return convert

    return enter
