"""Values of the ONNX graph during import: which node holds them, in which axis order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from onnx import TensorProto

from qfxc.errors import UserError
from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Array, Int, Scale
from qfxc.ops.const import real_const
from qfxc.ops.reshape import Reshape
from qfxc.ops.transpose import Transpose

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HostOp:
    """An operator left to the host, over one body axis: ``name`` is softmax or logsoftmax."""

    name: str
    axis: int


@dataclass(frozen=True, slots=True)
class Codes:
    """What the integers of an ONNX tensor mean: ``q`` stands for ``scale * (q - zero)``.

    ``kind`` is ONNX's element type, ``limits`` its range. A scale per channel belongs to the
    innermost axis of the frame.
    """

    scale: Scale
    zero: int
    kind: str
    limits: tuple[int, int]

    @property
    def elem(self) -> Int:
        """The type of ``q - zero``: zero stands for zero, so no zero point is left."""
        low, high = self.limits
        return Int(low - self.zero, high - self.zero, self.scale)


@dataclass(frozen=True, slots=True)
class Value:
    """An ONNX tensor: the node that computes it and how its axes lie in the frame.

    ``shape`` is the ONNX shape. With ``lead`` its axis 0 is the batch and the *body* is the rest;
    without, the batch is one and the body is the whole shape. Frame axis ``i`` holds body axis
    ``order[i]``. ``terminal`` names the operator after which only reshaping is possible. Where the
    tensor holds ``codes``, the node is what they stand for: real numbers, on the codes' grid.
    """

    node: Node
    shape: Shape
    order: Shape
    lead: bool = True
    host: tuple[HostOp, ...] = ()
    terminal: str = ""
    codes: Codes | None = None

    @property
    def body(self) -> Shape:
        return self.shape[1:] if self.lead else self.shape

    @property
    def batch(self) -> int:
        return self.shape[0] if self.lead else 1

    def axis(self, onnx_axis: int) -> int:
        """The body axis of an ONNX axis, which may be negative; the batch axis is an error."""
        axis = normal_axis(onnx_axis, self.shape) - int(self.lead)
        if axis < 0:
            raise UserError(
                f"axis {onnx_axis} is the batch axis; frames must stay independent",
                hint="the operator must leave axis 0 alone",
            )
        return axis

    def with_body(self, node: Node, body: Shape, order: Shape) -> Value:
        """The same batch with another body."""
        shape = (self.shape[0], *body) if self.lead else body
        return Value(node, shape, order, self.lead)


def type_name(kind: int) -> str:
    """ONNX's name of an element type."""
    known = kind in TensorProto.DataType.values()
    return TensorProto.DataType.Name(TensorProto.DataType.ValueType(kind)) if known else f"{kind}"


def normal_axis(axis: int, shape: Shape) -> int:
    """An ONNX axis counted from the front."""
    if not -len(shape) <= axis < len(shape):
        raise UserError(f"axis {axis} does not exist in the shape {list(shape)}")
    return axis % len(shape)


def identity(rank: int) -> Shape:
    """The axis order that moves nothing."""
    return tuple(range(rank))


def blocks(before: Shape, after: Shape) -> list[tuple[Shape, Shape]]:
    """The smallest groups of neighbouring axes of equal size that a reshape turns into each other.

    Axes of size 1 are left out. Both shapes have the same number of elements.
    """
    a = [i for i, n in enumerate(before) if n != 1]
    b = [i for i, n in enumerate(after) if n != 1]
    found = []
    i = j = 0
    while i < len(a):
        first_i, first_j = i, j
        p, q = before[a[i]], after[b[j]]
        i, j = i + 1, j + 1
        while p != q:
            if p < q:
                p, i = p * before[a[i]], i + 1
            else:
                q, j = q * after[b[j]], j + 1
        found.append((tuple(a[first_i:i]), tuple(b[first_j:j])))
    return found


def reshaped_order(value: Value, body: Shape) -> Shape | None:
    """The order in which the unchanged frame holds ``body``; None when elements have to move."""
    by_first = {axes[0]: (axes, outs) for axes, outs in blocks(value.body, body)}
    current = tuple(a for a in value.order if value.body[a] != 1)
    order: list[int] = []
    at = 0
    while at < len(current):
        axes, outs = by_first.get(current[at], ((), ()))
        if not axes or current[at : at + len(axes)] != axes:
            return None
        order += outs
        at += len(axes)
    if order == sorted(order):
        return identity(len(body))
    return (*(i for i, n in enumerate(body) if n == 1), *order)


def block_order(value: Value, body: Shape) -> Shape:
    """The order nearest to the frame's in which a reshape to ``body`` moves no elements."""
    place = {a: i for i, a in enumerate(value.order)}
    groups = sorted(
        (axes for axes, _ in blocks(value.body, body)), key=lambda axes: min(place[a] for a in axes)
    )
    ones = (a for a, n in enumerate(value.body) if n == 1)
    return (*ones, *(a for axes in groups for a in axes))


@dataclass
class Shared:
    """What the import of a whole graph shares: the names in use, the transpositions made.

    ``grids``: for constants that were stored as codes, the step of every element, by ONNX name.
    ``rounded``: those among them whose real numbers do not fit float64. ``coded``: whether they
    count; where nothing but constants are codes, they are real numbers as the rest is.
    """

    names: set[str] = field(default_factory=set)
    transposed: dict[tuple[int, Shape], Node] = field(default_factory=dict)
    grids: dict[str, Array] = field(default_factory=dict)
    rounded: set[str] = field(default_factory=set)
    coded: bool = True

    def unique(self, name: str) -> str:
        """``name`` in [A-Za-z0-9_.], with a number behind it where it is taken."""
        clean = re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("_") or "node"
        chosen, count = clean, 1
        while chosen in self.names:
            count += 1
            chosen = f"{clean}_{count}"
        self.names.add(chosen)
        return chosen


class Builder:
    """Makes the nodes of one ONNX node: the main one is ``name``, others are ``name.suffix``."""

    def __init__(self, shared: Shared, name: str) -> None:
        self.shared = shared
        self.name = name
        self._main_made = False

    def make(self, op: Op, *inputs: Node, suffix: str = "") -> Node:
        if not suffix and not self._main_made:
            self._main_made = True
            return Node(op, inputs, self.name)
        name = f"{self.name}.{suffix}" if suffix else self.name
        return Node(op, inputs, self.shared.unique(name))

    def const(self, array: Array, suffix: str) -> Node:
        """A real constant."""
        return real_const(array, self.shared.unique(f"{self.name}.{suffix}"))

    def reshape(self, node: Node, shape: Shape, suffix: str = "reshape") -> Node:
        """``node`` in another shape; reshapes of reshapes are one."""
        if node.type.shape == shape:
            return node
        if isinstance(node.op, Reshape):
            return self.reshape(node.inputs[0], shape, suffix)
        return self.make(Reshape(shape), node, suffix=suffix)

    def transpose(self, node: Node, perm: Shape) -> Node:
        """``node`` with permuted axes; transpositions of transpositions are one."""
        if isinstance(node.op, Transpose):
            perm = tuple(node.op.perm[i] for i in perm)
            node = node.inputs[0]
        if perm == identity(len(perm)):
            return node
        key = (id(node), perm)
        if key not in self.shared.transposed:
            self.shared.transposed[key] = self.make(Transpose(perm), node, suffix="transpose")
        return self.shared.transposed[key]

    def arrange(self, value: Value, order: Sequence[int]) -> Value:
        """``value`` with its frame axes in ``order``; free where only axes of size 1 move."""
        order, body = tuple(order), value.body
        if order == value.order:
            return value
        long = [a for a in value.order if body[a] != 1]
        if long == [a for a in order if body[a] != 1]:
            node = self.reshape(value.node, tuple(body[a] for a in order))
        else:
            node = self.transpose(value.node, tuple(value.order.index(a) for a in order))
        return replace(value, node=node, order=order)

    def last(self, value: Value, axis: int) -> Value:
        """``value`` with body axis ``axis`` innermost, the others in the order they had."""
        return self.arrange(value, (*(a for a in value.order if a != axis), axis))

    def unled(self, value: Value) -> Value:
        """``value`` with the batch axis, of size one, as an axis of the body."""
        if not value.lead:
            return value
        node = self.reshape(value.node, (1, *value.node.type.shape))
        host = tuple(HostOp(h.name, h.axis + 1) for h in value.host)
        order = (0, *(a + 1 for a in value.order))
        return Value(node, value.shape, order, False, host, value.terminal)

    def reshape_to(self, value: Value, shape: Shape) -> Value:
        """The ONNX reshape to ``shape``; only a batch of one can leave axis 0."""
        _same_size(value, shape)
        lead = bool(shape) and shape[0] == value.batch
        if not lead and value.batch != 1:
            raise UserError(
                f"a reshape of {list(value.shape)} to {list(shape)} mixes the frames of a batch",
                hint="keep axis 0, or export the model with a batch of one",
            )
        body = shape[1:] if lead else shape
        order = reshaped_order(value, body)
        if order is None:
            value = self.arrange(value, block_order(value, body))
            order = reshaped_order(value, body)
            assert order is not None
        node = self.reshape(value.node, tuple(body[a] for a in order))
        host = tuple(HostOp(h.name, _moved(h, value, body)) for h in value.host)
        return Value(node, shape, order, lead, host, value.terminal)


def _same_size(value: Value, shape: Shape) -> None:
    size, wanted = value.node.type.size * value.batch, 1
    for n in shape:
        wanted *= n
    if size != wanted:
        raise UserError(f"{list(value.shape)} cannot be reshaped to {list(shape)}")


def _moved(host: HostOp, value: Value, body: Shape) -> int:
    """The axis of a host operator after a reshape, which must leave it whole."""
    for axes, outs in blocks(value.body, body):
        if axes == (host.axis,) and len(outs) == 1:
            return outs[0]
    raise UserError(
        f"reshapes the axis of the {host.name} before it",
        hint="reshape before the softmax, or cut the model there",
    )
