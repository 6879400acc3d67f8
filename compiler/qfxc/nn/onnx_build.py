"""Builds ONNX models node by node: shapes, constants on fixed-point grids, quantizers.

Every value has a known shape, float32 elements and the name of the node that makes it. Casts are
QONNX's ``Quant`` where that means the same, and else ``Fixed`` of the domain ``qfxc.nn``:

    y = 2**-fbit * overflow(round(x * 2**fbit))

with attributes ``wbit`` (int), ``fbit`` (ints: one, or one per channel of ``axis``), ``axis``
(int), ``signed`` (int), ``rounding`` (the name of ap_fixed's mode without ``AP_``, ``"RND_CONV"``)
and ``overflow`` (``"SAT"``, ``"SAT_ZERO"``, ``"SAT_SYM"``, ``"WRAP"``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from qfxc.errors import UserError
from qfxc.ir.rounding import AP_ROUNDING, Rounding
from qfxc.ir.types import Array
from qfxc.nn.format import Format, Overflow

QONNX_DOMAIN = "qonnx.custom_op.general"
FIXED_DOMAIN = "qfxc.nn"

OPSET = 17
NEWER = {"Gelu": 20}
"""The operator set of what 17 does not have."""

IR_VERSION = 10
"""The first whose nodes have metadata."""

PROJECTION = "qfxc.nn.project"
"""Metadata of a Quant of projected weights: ``str`` of the projection (qfxc.quantize.kones)."""

QUANT_ROUNDING = {
    Rounding.HALF_EVEN: "ROUND",
    Rounding.FLOOR: "FLOOR",
    Rounding.CEIL: "CEIL",
    Rounding.ZERO: "DOWN",
    Rounding.AWAY: "UP",
    Rounding.HALF_AWAY: "HALF_UP",
    Rounding.HALF_ZERO: "HALF_DOWN",
}
"""QONNX's names. Its HALF_UP and HALF_DOWN are half away from zero and half towards it."""

UNSIGNED_ROUNDING = {**QUANT_ROUNDING, Rounding.HALF_UP: "HALF_UP", Rounding.HALF_DOWN: "HALF_DOWN"}
"""It saturates before it rounds, so unsigned quantizers never round a negative number."""

MOST_BITS = 32


@dataclass(frozen=True)
class Value:
    """A tensor of the model."""

    name: str
    shape: tuple[int, ...]


def quant_attributes(format: Format) -> dict[str, Any] | None:
    """Attributes of a Quant node that rounds and saturates as the format does; None if none."""
    modes = QUANT_ROUNDING if format.signed else UNSIGNED_ROUNDING
    saturates = format.overflow in (Overflow.SAT, Overflow.SAT_SYM)
    # one signed bit is -1 and 1 in QONNX, -1 and 0 here
    if not saturates or format.rounding not in modes or (format.signed and format.wbit == 1):
        return None
    narrow = format.signed and format.overflow is Overflow.SAT_SYM
    return {
        "signed": int(format.signed),
        "narrow": int(narrow),
        "rounding_mode": modes[format.rounding],
    }


def fixed_attributes(format: Format) -> dict[str, Any]:
    """Attributes of a Fixed node. Raises UserError for a rounding that ap_fixed does not have."""
    names = {mode: name for name, mode in AP_ROUNDING.items()}
    if format.rounding not in names:
        raise UserError(
            f"rounding {format.rounding.value} with overflow {format.overflow.value} has no "
            "operator in ONNX",
            hint=f"saturate, or round in one of {', '.join(AP_ROUNDING)}",
        )
    return {
        "wbit": format.wbit,
        "fbit": list(format.fbit),
        "axis": 0 if format.axis is None else format.axis,
        "signed": int(format.signed),
        "rounding": names[format.rounding],
        "overflow": format.overflow.value,
    }


def channel_steps(format: Format, rank: int) -> Array:
    """``2**-fbit``, shaped so that it broadcasts to a tensor of ``rank`` axes."""
    steps = np.array([2.0**-f for f in format.fbit])
    if len(steps) == 1 or format.axis is None:
        return steps.reshape(())
    return steps.reshape([-1 if a == format.axis else 1 for a in range(rank)])


class Builder:
    """Collects the nodes of one model."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._domains = {""}

    def node(
        self,
        kind: str,
        inputs: Sequence[Value],
        name: str,
        shape: Sequence[int],
        *,
        label: str = "",
        domain: str = "",
        metadata: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> Value:
        """One operator: the name and shape of its result, and its own name where that differs."""
        names = [value.name for value in inputs]
        made = helper.make_node(kind, names, [name], label or name, domain=domain, **attributes)
        for key, text in (metadata or {}).items():
            made.metadata_props.add(key=key, value=text)
        self._nodes.append(made)
        self._domains.add(domain)
        self._shapes[name] = tuple(shape)
        return Value(name, tuple(shape))

    def constant(self, array: Array, name: str) -> Value:
        """A float32 initializer. Raises UserError for numbers that are none."""
        narrow = np.asarray(array, dtype=np.float32)
        if (narrow != array).any():
            raise UserError("has numbers of more than 24 bits, no float32", hint="use fewer bits")
        return self._initializer(narrow, name)

    def integers(self, numbers: Sequence[int], name: str) -> Value:
        """An int64 initializer (a shape)."""
        return self._initializer(np.array(numbers, dtype=np.int64), name)

    def _initializer(self, array: Array, name: str) -> Value:
        self._constants.append(numpy_helper.from_array(array, name))
        return Value(name, array.shape)

    def cast(self, x: Value, format: Format, name: str, label: str = "") -> Value:
        """``x`` in a format."""
        if format.narrow is not None and len(set(format.narrow)) > 1:
            raise UserError(
                "bits that differ from channel to channel of an activation have no operator in ONNX"
            )
        found = quant_attributes(format)
        if found is not None:
            steps = channel_steps(format, len(x.shape))
            return self.quant(x, steps, format.wbit, name, label=label, **found)
        how = fixed_attributes(format)
        return self.node("Fixed", [x], name, x.shape, label=label, domain=FIXED_DOMAIN, **how)

    def on_grid(
        self, array: Array, format: Format, name: str, metadata: Mapping[str, str] | None = None
    ) -> Value:
        """Constants that are numbers of a format already, and the Quant that says so.

        Its rounding has nothing to do, so it is always QONNX's default; one signed bit is two.
        """
        bits = max(format.wbit, 2) if format.signed else format.wbit
        if bits > MOST_BITS:
            raise UserError(f"{bits} bits of a constant", hint=f"at most {MOST_BITS}")
        values, steps = self.constant(array, name), channel_steps(format, array.ndim)
        narrow = int(format.signed and format.overflow is Overflow.SAT_SYM)
        return self.quant(
            values, steps, bits, f"{name}.q",
            metadata=metadata, signed=int(format.signed), narrow=narrow, rounding_mode="ROUND",
        )  # fmt: skip

    def quant(self, x: Value, steps: Array, bits: int, name: str, **attributes: Any) -> Value:
        """QONNX's quantizer with zero point 0; ``steps`` broadcast to ``x``."""
        rest = [
            self.constant(steps, f"{name}.scale"),
            self.constant(np.asarray(0.0), f"{name}.zero"),
            self.constant(np.asarray(float(bits)), f"{name}.bits"),
        ]
        return self.node("Quant", [x, *rest], name, x.shape, domain=QONNX_DOMAIN, **attributes)

    def bipolar(self, x: Value, steps: Array, name: str) -> Value:
        """QONNX's sign, 1 of 0, times ``steps``, which broadcast to ``x``."""
        scale = self.constant(steps, f"{name}.scale")
        return self.node("BipolarQuant", [x, scale], name, x.shape, domain=QONNX_DOMAIN)

    def model(
        self, name: str, inputs: Sequence[Value], outputs: Sequence[Value], producer: str
    ) -> onnx.ModelProto:
        """The model, checked by onnx."""
        ends = {value.name for value in outputs}
        inner = [_info(Value(n, s)) for n, s in self._shapes.items() if n not in ends]
        graph = helper.make_graph(
            self._nodes, name, [_info(v) for v in inputs], [_info(v) for v in outputs],
            self._constants, value_info=inner,
        )  # fmt: skip
        opset = max([OPSET, *(NEWER.get(node.op_type, OPSET) for node in self._nodes)])
        opsets = [helper.make_opsetid(d, opset if d == "" else 1) for d in sorted(self._domains)]
        made = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name=producer
        )
        onnx.checker.check_model(made)
        return made


def _info(value: Value) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(value.name, TensorProto.FLOAT, value.shape)
