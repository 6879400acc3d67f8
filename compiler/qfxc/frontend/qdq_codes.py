"""Operators between quantizers that work on the codes themselves, as integer models have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx

from qfxc.errors import UserError
from qfxc.frontend.call import FLOAT_TYPES, TABLE, Call, Operand, type_name
from qfxc.frontend.folding import foldable
from qfxc.frontend.model_file import Model
from qfxc.frontend.qdq import dequantized
from qfxc.frontend.qdq_quantizer import LIMITS, is_quantizer, quantizer
from qfxc.frontend.value import Codes, Value
from qfxc.ir.types import UNIT, Array

MOVES = frozenset(
    (
        *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Concat", "Split"),
        *("Slice", "Gather", "DepthToSpace", "SpaceToDepth", "Dropout"),
        *("MaxPool", "GlobalMaxPool", "ReduceMax", "ArgMax"),
    )
)
"""What picks among its inputs: on codes it does what it does on the numbers they stand for."""

COMPARES = frozenset(("Pad", "Clip", "Max", "Min"))
"""What may have constant codes beside its first input."""


QUANTIZERS = frozenset(("QuantizeLinear", "QLinearConcat", "Quant", "BipolarQuant", "Fixed"))
"""What makes codes, beside the operators that read them."""


def integers(kind: str) -> Codes:
    """Codes of an element type that stand for themselves."""
    return Codes(UNIT, 0, kind, LIMITS[kind])


def convert(call: Call) -> list[Value]:
    """Runs the conversion of the table, codes among the inputs seen as what they stand for."""
    row = TABLE[call.op]
    found = [i.codes for i in call.inputs if isinstance(i, Value) and i.codes]
    if not found or row.takes_codes:
        result = row.convert(call)
        return [result] if isinstance(result, Value) else list(result)
    if call.op == "Cast":
        return [_cast(call, found[0])]
    codes = _common(call, found)
    call.inputs = tuple(_real(i, x, call.op, codes) for i, x in enumerate(_operands(call)))
    result = row.convert(call)
    values = [result] if isinstance(result, Value) else list(result)
    return [v if v.terminal == "ArgMax" else replace(v, codes=codes) for v in values]


def _common(call: Call, found: Sequence[Codes]) -> Codes:
    """The one meaning of all codes that ``call`` reads."""
    codes = found[0]
    if call.op not in MOVES | COMPARES and not (call.op == "Relu" and codes.zero == 0):
        raise UserError(
            f"computes with {codes.kind} codes, not with what they stand for",
            hint="a DequantizeLinear belongs between",
        )
    streams = sum(isinstance(i, Value) for i in call.inputs)
    others = call.op == "Concat" and streams < len(call.inputs)
    if len(set(found)) > 1 or len(found) < streams or others:
        raise UserError(
            "its inputs are codes of different scales",
            hint="a DequantizeLinear belongs before each, or one scale for all",
        )
    if not codes.scale.per_tensor:
        raise UserError(
            "works on codes that have a scale per channel",
            hint="a DequantizeLinear belongs between",
        )
    return codes


def _operands(call: Call) -> Sequence[Operand]:
    """The inputs; a Pad without a value pads with the code 0."""
    if call.op != "Pad" or call.given(2):
        return call.inputs
    rest = (*call.inputs, None)[:2]
    return (*rest, np.zeros((), np.int64), *call.inputs[3:])


def _real(index: int, operand: Operand, op: str, codes: Codes) -> Operand:
    """An input of an operator on codes as the real numbers that they stand for."""
    if isinstance(operand, Value):
        return replace(operand, codes=None)
    constant = index == 2 if op == "Pad" else op in COMPARES
    if operand is None or not constant:
        return operand
    return np.asarray((operand.astype(np.int64) - codes.zero) * codes.scale.floats()[0])


def _cast(call: Call, codes: Codes) -> Value:
    """To real numbers: the codes themselves; to wider integers: the same codes."""
    to = int(call.attr("to"))
    if to in FLOAT_TYPES:
        return dequantized(call, call.value(0), integers(codes.kind))
    low, high = LIMITS.get(type_name(to), (0, -1))
    if low <= codes.limits[0] and codes.limits[1] <= high:
        wide = replace(codes, kind=type_name(to), limits=(low, high))
        return replace(call.value(0), codes=wide)
    raise UserError(f"a cast of {codes.kind} to {type_name(to)} is not supported")


def computes_with_codes(model: Model) -> bool:
    """Whether more than constants are codes: an input, or what a quantizer makes."""
    if any(i.type.tensor_type.elem_type not in FLOAT_TYPES for i in model.inputs):
        return True
    known: dict[str, object] = dict(model.constants)
    for _, node in model.nodes:
        if foldable(node, known):
            known.update(dict.fromkeys(node.output))
        elif node.op_type in READS or node.op_type in QUANTIZERS:
            return True
    return False


READS: dict[str, tuple[tuple[int, int, int], ...]] = {}
"""Operator -> its inputs of codes: their positions, those of their scales and zero points.

A scale's position of -1: it works on the codes themselves. Filled by qoperator.py.
"""


def input_codes(
    name: str, kind: str, nodes: Sequence[onnx.NodeProto], known: Mapping[str, Array]
) -> Codes:
    """What the first consumer takes the codes of a graph input for; themselves, if nothing says.

    Looks through what only moves elements. ``known``: the constants, by name.
    """
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes:
        for i in node.input:
            users.setdefault(i, []).append(node)
    seen, queue = {name}, [name]
    for value in queue:
        for node in users.get(value, ()):
            found = _read_as(node, value, kind, known)
            if found is not None:
                return found
            if node.op_type in MOVES | COMPARES:
                new = [o for o in node.output if o not in seen]
                seen.update(new)
                queue += new
    return integers(kind)


def _read_as(
    node: onnx.NodeProto, value: str, kind: str, known: Mapping[str, Array]
) -> Codes | None:
    """What ``node`` takes its input ``value`` for, where one scale for all says so."""
    places = ((0, 1, 2),) if is_quantizer(node) else READS.get(node.op_type, ())
    if node.op_type == "QLinearConcat":
        places = tuple((i, i + 1, i + 2) for i in range(2, len(node.input), 3))
    for data, scale, zero in places:
        if data >= len(node.input) or node.input[data] != value:
            continue
        step = np.ones(()) if scale < 0 else known.get(node.input[scale])
        zero_name = node.input[zero] if zero < len(node.input) else ""
        shift = known.get(zero_name)
        if step is None or (zero_name and shift is None) or step.size != 1:
            return None
        return quantizer(step, shift, kind).codes()
    return None
