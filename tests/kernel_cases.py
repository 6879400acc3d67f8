"""Every sample of every kernel operator, at several folds, as one netlist of separate instances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfxc.backends.vectors import Golden
from qfxc.hw.netlist import Instance, Netlist, Stream
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Variant
from qfxc.ir.types import Array, Int
from qfxc.ops import registry
from qfxc.ops.add import Add
from qfxc.ops.const import Const
from qfxc.ops.expand import Expand
from qfxc.ops.input import Input
from qfxc.ops.shift import Shift
from qfxc.ops.transpose import Transpose
from qfxc.ops.window import Window

FRAMES = 5
MOST_FOLDS = 5


@dataclass(frozen=True)
class Case:
    """One instance with its frames."""

    name: str
    instance: Instance
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    fold: Fold | None = None
    node: Node | None = None

    @property
    def cycles(self) -> int:
        """What the operator states; forks and converters move one word per cycle."""
        if self.node is None or self.fold is None:
            return max(s.words for s in (*self.instance.inputs, *self.instance.outputs))
        assert isinstance(self.node.op, KernelOp)
        return self.node.op.cycles(self.node, self.fold)


def kernel_ops() -> dict[str, type[KernelOp]]:
    return {stem: op for stem, op in registry().items() if issubclass(op, KernelOp)}


def frames_of(node: Node, rng: np.random.Generator) -> Array:
    """Random frames, the first one and the second one all at the ends of the range."""
    elem = node.type.int
    x = rng.integers(elem.lo, elem.hi + 1, (FRAMES, *node.type.shape))
    x[0], x[1] = elem.lo, elem.hi
    extreme = rng.integers(0, 2, node.type.shape)
    x[2] = np.where(extreme, elem.hi, elem.lo)
    return x


def some_folds(folds: tuple[Fold, ...]) -> tuple[Fold, ...]:
    """All folds of small samples, else the two ends and some between."""
    if len(folds) <= MOST_FOLDS:
        return folds
    picks = np.linspace(0, len(folds) - 1, MOST_FOLDS).astype(int)
    shifted = [i for i, fold in enumerate(folds) if fold.variant is Variant.SHIFT]
    return tuple(folds[i] for i in sorted({*picks.tolist(), *shifted[:: MOST_FOLDS + 1]}))


def sample_cases() -> list[Case]:
    cases = []
    for stem, op in kernel_ops().items():
        for node in op.samples():
            assert isinstance(node.op, KernelOp)
            for fold in some_folds(node.op.folds(node)):
                kind = f"_{fold.variant.label}" if fold.variant else ""
                cases.append(case_of(f"{stem}_{node.name}_{fold.simd}_{fold.pe}{kind}", node, fold))
    return cases


def case_of(name: str, node: Node, fold: Fold) -> Case:
    rng = np.random.default_rng(1)
    assert isinstance(node.op, KernelOp)
    arrays, inputs, streams = [], [], []
    for i, x in enumerate(node.inputs):
        value = x.op.run(x) if x.op.stem == "const" else frames_of(x, rng)
        arrays.append(value)
        if i < len(node.streams):
            inputs.append(np.broadcast_to(value, (FRAMES, *x.type.shape)))
            words = x.type.size // fold.simd
            streams.append(Stream(f"{name}_x{i}", x.type.int, fold.simd, words))
    y = np.broadcast_to(node.op.run(node, *arrays), (FRAMES, *node.type.shape)).astype(np.int64)
    out = Stream(f"{name}_y", node.type.int, fold.pe, node.type.size // fold.pe)
    instance = Instance(name, node.op.kernel(node, fold), tuple(streams), (out,))
    return Case(name, instance, tuple(inputs), (y,), fold, node)


def widest_cases() -> list[Case]:
    """Words of 4,096 bits, the widest there are, and of 4,095 in elements that do not fill 64."""
    wide = Node(Input((2, 455), Int(-256, 255)), (), "x")
    narrow = Node(Input((2, 512), Int(-64, 63)), (), "x")
    steep = Node(Shift((0,), (3,), 1, Int(-100, 100)), (wide,), "steep")
    total = Node(Add(), (narrow, narrow), "total")
    return [
        case_of("widest_shift", steep, Fold(455, 455)),
        case_of("widest_add", total, Fold(512, 512)),
    ]


def deep_cases() -> list[Case]:
    """Buffers that are too large for LUTs: what hardware keeps in block memory, one stage later."""
    image = Node(Input((5, 70, 8), Int(-128, 127)), (), "x")
    frame = Node(Input((20, 30, 8), Int(-128, 127)), (), "x")
    vector = Node(Input((700,), Int(-128, 127)), (), "x")
    values = np.random.default_rng(3).integers(-128, 128, (2, 350))
    return [
        case_of("deep_window", Node(Window((3, 3)), (image,), "rows"), Fold(8, 8)),
        case_of("deep_stencil", Node(Window((3, 3)), (image,), "rows"), Fold(8, 72)),
        case_of("deep_parts", Node(Window((3, 3), (1, 2)), (image,), "rows"), Fold(8, 24)),
        case_of("deep_transpose", Node(Transpose((1, 0, 2)), (frame,), "axes"), Fold(8, 8)),
        case_of("deep_expand", Node(Expand((2, 700)), (vector,), "twice"), Fold(1, 1)),
        case_of("deep_const", Node(Const(values, Int(-128, 127)), (), "values"), Fold(1, 1)),
    ]


def glue_cases() -> list[Case]:
    """Forks and width converters, which no operator makes."""
    rng = np.random.default_rng(2)
    elem = Int(-16, 15)
    x = rng.integers(elem.lo, elem.hi + 1, (FRAMES, 48))
    cases = []
    for lanes_in, lanes_out in ((1, 4), (4, 1), (2, 2), (24, 48), (48, 3), (3, 24)):
        a = Stream(f"w{lanes_in}_{lanes_out}_x", elem, lanes_in, 48 // lanes_in)
        b = Stream(f"w{lanes_in}_{lanes_out}_y", elem, lanes_out, 48 // lanes_out)
        params = {"InBits": a.bits, "OutBits": b.bits, "InWords": a.words}
        name = f"width_{lanes_in}_{lanes_out}"
        cases.append(Case(name, Instance(name, Kernel("width", params), (a,), (b,)), (x,), (x,)))
    for n in (2, 3, 16):
        a = Stream(f"f{n}_x", elem, 3, 16)
        ys = tuple(Stream(f"f{n}_y{i}", elem, 3, 16) for i in range(n))
        kernel = Kernel("fork", {"Bits": a.bits, "Words": 16, "N": n})
        cases.append(Case(f"fork_{n}", Instance(f"fork_{n}", kernel, (a,), ys), (x,), (x,) * n))
    return cases


def netlist_of(cases: list[Case]) -> tuple[Netlist, Golden]:
    instances = tuple(c.instance for c in cases)
    inputs = tuple(s for i in instances for s in i.inputs)
    outputs = tuple(s for i in instances for s in i.outputs)
    golden = Golden([x for c in cases for x in c.inputs], [y for c in cases for y in c.outputs])
    return Netlist("all kernels", instances, inputs, outputs, (), ()), golden
