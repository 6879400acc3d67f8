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
from qfxc.ir.types import Array

OLDEST_OPSET = 7
"""From here on broadcasting is numpy's; older models are converted by onnx.version_converter."""

FLOAT_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)


def type_name(kind: int) -> str:
    """ONNX's name of an element type."""
    known = kind in TensorProto.DataType.values()
    return TensorProto.DataType.Name(TensorProto.DataType.ValueType(kind)) if known else f"{kind}"


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

    def floats(self, index: int) -> NDArray[np.float64]:
        """A finite real constant."""
        return finite(self.constant(index), f"input {index} ('{self.node.input[index]}')")

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


Convert = Callable[[Call], Value | Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of supported operators."""

    op: str
    since: int
    notes: str
    convert: Convert
    passes_terminal: bool


TABLE: dict[str, Row] = {}
"""ONNX operator -> its conversion; filled by the modules onnx_*.py."""


def converts(
    *ops: str, notes: str = "", since: int = OLDEST_OPSET, passes_terminal: bool = False
) -> Callable[[Convert], Convert]:
    """Enters a function into the table.

    ``since`` is the first supported opset; ``passes_terminal`` says that the operator may follow a
    softmax that is left to the host, or an ArgMax.
    """

    def enter(convert: Convert) -> Convert:
        for op in ops:
            assert op not in TABLE, f"{op} is converted twice"
            TABLE[op] = Row(op, since, notes, convert, passes_terminal)
        return convert

    return enter
