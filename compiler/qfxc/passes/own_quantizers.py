"""Models that bring quantizers: keeps every one of them, and adds those that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from qfxc.ir.graph import Graph, Node, once, rewrite
from qfxc.ir.overflow import Overflow
from qfxc.ir.piecewise import Piecewise
from qfxc.ir.types import Int, Scale, exact
from qfxc.ops.add import Add
from qfxc.ops.affine import Affine
from qfxc.ops.avgpool import AvgPool
from qfxc.ops.clip import Clip
from qfxc.ops.concat import Concat
from qfxc.ops.const import Const, const_value, int_const, real_const
from qfxc.ops.conv import Conv
from qfxc.ops.dequantize import Dequantize
from qfxc.ops.input import Input
from qfxc.ops.matmul import MatMul
from qfxc.ops.maxpool import MaxPool
from qfxc.ops.pad import Pad
from qfxc.ops.quantize import Quantize
from qfxc.ops.reshape import Reshape
from qfxc.ops.slice import Slice
from qfxc.ops.transpose import Transpose
from qfxc.ops.unary import Unary
from qfxc.passes.exact import MOST_TABLE_BITS, Exact, NoCodes
from qfxc.passes.exact_layers import common_step, keeps_channels
from qfxc.passes.integerize import Builder
from qfxc.passes.own_added import Options, inserted
from qfxc.passes.own_grids import grid, grid_by_channel
from qfxc.quantize.ranges import levels, round_step
from qfxc.quantize.weights import WeightOptions, quantize_weights

MOST_GRID_BITS = 16
"""Of a value that is on a grid by itself and that layers read: it keeps every digit."""

MOST_OUTPUT_BITS = 32
"""Of an output that is an exact function of integers, and that keeps every digit."""

MOVES = (Concat, MaxPool, Pad, Reshape, Slice, Transpose)


def brings_quantizers(graph: Graph) -> bool:
    """Whether the model states the type of any of its values."""
    return any(isinstance(n.op, (Quantize, Dequantize)) for n in graph.nodes())


def complete(graph: Graph, options: Options) -> Graph:
    """The QDQ graph of a real graph that has quantizers already.

    What the model quantizes stays as it is. Values that are exact functions of integers need no
    quantizer for sums, moves and activations; where codes of one scale are read, they keep every
    digit in up to 16 bits (outputs: 32). The rest is calibrated.
    """
    graph = rewrite(graph, _quantizer_first, _clips_itself)
    graph = _with_inputs(graph, options)
    graph = rewrite(
        graph,
        lambda n: _weights_quantized(n, options.weights),
        lambda n: _streamed_constant(n, options),
    )
    while missing := _missing(graph):
        graph = inserted(graph, missing, options)
    return _with_outputs(graph, options)


def _quantizer_first(node: Node) -> Node | None:
    """quantize(move(x)) as move(quantize(x)): codes move like the numbers they stand for."""
    if not isinstance(node.op, Quantize) or not isinstance(node.inputs[0].op, MOVES):
        return None
    inner, elem = node.inputs[0], node.type.int
    wraps = node.op.overflow is not Overflow.SAT
    if wraps and (isinstance(inner.op, MaxPool) or getattr(inner.op, "lowest", False)):
        return None  # the largest code need not be that of the largest number
    if not elem.scale.per_tensor and not keeps_channels(inner):
        return None
    op = inner.op
    if isinstance(op, Pad) and not op.lowest:
        if not elem.scale.per_tensor:
            return None
        steps = (node.op.rounding.round(exact(v) / elem.scale.values[0]) for v in op.value)
        codes = tuple(node.op.overflow.apply(q, elem) for q in steps)
        op = Pad(op.before, op.after, codes)
    parts = (
        Node(node.op, (x,), f"{node.name}.in{k}" if k else f"{node.name}.in")
        for k, x in enumerate(inner.inputs)
    )
    return Node(op, tuple(_quantizer_first(p) or p for p in parts), node.name)


def _clips_itself(node: Node) -> Node | None:
    """quantize(clip(x)) as quantize(x), where the range of the codes clips more than that."""
    if not isinstance(node.op, Quantize) or not isinstance(node.inputs[0].op, Clip):
        return None
    clip, elem = node.inputs[0].op, node.type.int
    if any(clip.lo > elem.lo * s or clip.hi < elem.hi * s for s in elem.scale.values):
        return None
    if node.op.overflow is not Overflow.SAT:
        return None
    return Node(node.op, node.inputs[0].inputs, node.name)


def _readers(graph: Graph) -> dict[str, list[Node]]:
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes():
        for i in node.inputs:
            readers.setdefault(i.name, []).append(node)
    return readers


def _with_inputs(graph: Graph, options: Options) -> Graph:
    """Quantizes inputs, except where the model's own quantizer says what the host sends."""
    readers, outputs = _readers(graph), {n.name for n in graph.outputs}
    wanted: dict[str, Int | None] = {}
    for node in graph.inputs:
        ops = {r.op for r in readers.get(node.name, [])}
        own = len(ops) == 1 and isinstance(next(iter(ops)), Quantize) and node.name not in outputs
        if options.pixels:
            wanted[node.name] = Int(0, 255)
        elif not own and not node.type.is_int:
            wanted[node.name] = None
    return inserted(graph, wanted, options) if wanted else graph


def _weights_quantized(node: Node, options: WeightOptions) -> Node | None:
    """Weights that the model has as real numbers."""
    if not isinstance(node.op, (Conv, MatMul)) or not isinstance(node.inputs[1].op, Const):
        return None
    codes, elem = quantize_weights(const_value(node.inputs[1]), options, Fraction(1))
    name = node.inputs[1].name
    w = Node(Dequantize(), (int_const(codes, elem, f"{name}.q"),), f"{name}.dq")
    return Node(node.op, (node.inputs[0], w, *node.inputs[2:]), node.name)


def _streamed_constant(node: Node, options: Options) -> Node | None:
    """Constant operands of sums and products: every digit where that is possible."""
    if not any(isinstance(i.op, Const) and not i.type.is_int for i in node.streams):
        return None
    count = len(node.streams)
    parts = (
        _constant_quantized(i, options) if isinstance(i.op, Const) and not i.type.is_int else i
        for i in node.streams
    )
    return Node(node.op, (*parts, *node.inputs[count:]), node.name)


def _constant_quantized(node: Node, options: Options) -> Node:
    value = const_value(node)
    unit = common_step(tuple(exact(v) for v in np.unique(value)))
    top = float(np.abs(value).max(initial=0))
    if unit == 0 or top >= float(unit) * (1 << (MOST_GRID_BITS - 1)):
        unit = round_step(top / levels(options.activations, signed=True))
    codes = np.rint(value / float(unit))
    elem = Int(int(codes.min()), int(codes.max()), Scale.of(unit))
    return Node(Dequantize(), (int_const(codes, elem, f"{node.name}.q"),), f"{node.name}.dq")


def _missing(graph: Graph) -> dict[str, Int | Fraction | None]:
    """Values that need a quantizer next, as ``_inserted`` takes them."""
    build, missing = Builder(), dict[str, Int | Fraction | None]()
    for node in graph.nodes():
        host = isinstance(node.op, Quantize) and isinstance(node.inputs[0].op, Input)
        if not host and not all(build.known(i) for i in node.streams):
            continue  # behind a value that is missing
        try:
            _check_table(node, build)
            build.visit(node)
        except NoCodes as need:
            for source in node.streams:
                if build.exact(source) is need.value:
                    exactly = grid(need.value, MOST_GRID_BITS, need.step)
                    missing[source.name] = exactly or _fine_step(node, need.value, build)
    return missing


def _fine_step(node: Node, missing: Exact, build: Builder) -> Fraction | None:
    """A step that codes for a sum or an average should be a power of two times of.

    That of the other operand makes short factors; the value's own slope keeps what is on its grid.
    Codes for layers and products have few bits: None.
    """
    if not isinstance(node.op, (Add, AvgPool)):
        return None
    for value in (build.exact(i) for i in node.streams):
        try:
            return value.step if value is not None else None
        except NoCodes:
            continue
    return max((s.slope for p in missing.pieces for s in p.segments if s.slope > 0), default=None)


def _check_table(node: Node, build: Builder) -> None:
    """The codes that a function without a finite description reads must be few."""
    if isinstance(node.op, Unary):
        value = build.exact(node.inputs[0])
        if value is not None and value.node.type.int.bits > MOST_TABLE_BITS:
            raise NoCodes(value)


def _with_outputs(graph: Graph, options: Options) -> Graph:
    """Outputs that no quantizer of the model ends: exact integers where 32 bits hold them.

    Where no grid has room for the constant of a linear output, its port has it.
    """
    build = Builder()
    for node in graph.nodes():
        build.visit(node)
    wanted: dict[str, Int | None] = {}
    ports = []
    for node, port in zip(graph.outputs, graph.out_ports, strict=True):
        value = build.exact(node)
        offset: tuple[Fraction, ...] = ()
        if value is not None and not _are_codes(value):
            elem = _output(value)
            if elem is None and (line := _line(value)) is not None:
                elem, offset = line
            wanted[node.name] = elem
        ports.append(replace(port, offset=offset))
    offsets = {n.name: p.offset for n, p in zip(graph.outputs, ports, strict=True) if p.offset}
    graph = rewrite(replace(graph, out_ports=tuple(ports)), once(lambda n: _less(n, offsets)))
    wanted = {_LESS.format(n) if n in offsets else n: elem for n, elem in wanted.items()}
    wide = replace(options, activations=options.outputs)
    return inserted(graph, wanted, wide) if wanted else graph


_LESS = "{}.without_offset"


def _less(node: Node, offsets: Mapping[str, tuple[Fraction, ...]]) -> Node | None:
    """An output without its constant, exactly: the constant is a code 1 or -1 times a scale."""
    if node.name not in offsets:
        return None
    values = offsets[node.name]
    name = _LESS.format(node.name)
    codes = np.array([-1 if v > 0 else int(v < 0) for v in values])
    elem = Int(-1, 1, Scale(tuple(abs(v) or Fraction(1) for v in values)))
    shape = codes.reshape(()) if len(values) == 1 else codes
    b = Node(Dequantize(), (int_const(shape, elem, f"{name}.b.q"),), f"{name}.b")
    return Node(Affine(), (node, real_const(np.asarray(1.0), f"{name}.a"), b), name)


def _line(value: Exact) -> tuple[Int, tuple[Fraction, ...]] | None:
    """The type and the offset of a linear output: its integers are those of its layer."""
    try:
        slopes, offsets = value.line
    except NoCodes:
        return None
    if any(s <= 0 for s in slopes):
        return None
    have = value.node.type.int
    return Int(have.lo, have.hi, Scale(slopes)), offsets


def _are_codes(value: Exact) -> bool:
    """Whether the integer node's type says all about the value."""
    scales = value.node.type.int.scale.values
    return value.then is None and value.pieces == tuple(Piecewise.linear(s) for s in scales)


def _output(value: Exact) -> Int | None:
    alike, each = grid(value, MOST_OUTPUT_BITS), grid_by_channel(value, MOST_OUTPUT_BITS)
    if alike is None or each is None:
        return alike or each
    return alike if alike.bits <= each.bits else each
