"""Seeded random instances of every kernel, with the shapes, widths and folds of real networks.

Every instance is a node of its operator at one of its legal folds, so parameters and memories are
what a compilation gives. Sizes are drawn evenly on a logarithmic scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Kernel, KernelOp, Variant
from qfxc.ir.overflow import Overflow
from qfxc.ir.rounding import Rounding
from qfxc.ir.types import Int, Scale
from qfxc.ops.add import Add
from qfxc.ops.argmax import ArgMax
from qfxc.ops.cast import Cast
from qfxc.ops.compare import Compare
from qfxc.ops.concat import Concat
from qfxc.ops.const import const_value, int_const
from qfxc.ops.csd import Csd
from qfxc.ops.depthwise import Depthwise
from qfxc.ops.dyadic import Dyadic
from qfxc.ops.expand import Expand
from qfxc.ops.input import Input
from qfxc.ops.matvec import MatVec
from qfxc.ops.mul import Mul
from qfxc.ops.pad import Pad
from qfxc.ops.pool import Pool
from qfxc.ops.shift import Shift
from qfxc.ops.slice import Slice
from qfxc.ops.table import Table
from qfxc.ops.transpose import Transpose
from qfxc.ops.window import Window
from qfxc.quantize.kones import KOnes, Rule

Rng = np.random.Generator
Shape = tuple[int, ...]

WORD_BITS = 512
"""Widest word of an instance: wider ones only repeat lanes and take long to synthesise."""

SIZES = (5, 7, 8, 12, 14, 16, 24, 28, 32, 48)
CHANNELS = (3, 4, 8, 10, 16, 24, 32, 48, 64, 96, 128)
KERNELS = (((3, 3), (1, 1)), ((3, 3), (2, 2)), ((5, 5), (1, 1)), ((2, 2), (2, 2)), ((1, 3), (1, 1)))


def _pick(rng: Rng, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def _type(rng: Rng, low: int, high: int) -> Int:
    return Int.of_bits(int(rng.integers(low, high + 1)), signed=bool(rng.integers(2)))


def _source(shape: Shape, elem: Int, name: str = "x") -> Node:
    return Node(Input(shape, elem), (), name)


def _weights(rng: Rng, shape: Shape, elem: Int) -> Node:
    """Bell-shaped codes, as weights are; the extremes are there."""
    spread = (elem.hi - elem.lo + 1) / 5
    codes = np.rint(rng.normal((elem.lo + elem.hi) / 2, spread, shape)).clip(elem.lo, elem.hi)
    codes.flat[0], codes.flat[-1] = elem.lo, elem.hi
    return int_const(codes, elem, "w")


def _few_ones(rng: Rng, weights: Node) -> Node:
    """The weights, or half the time the nearest ones of at most three powers of two."""
    ones, elem = _pick(rng, (0, 0, 0, 1, 1, 2, 3)), weights.type.int
    if not ones:
        return weights
    codes = KOnes(ones, Rule.SIGNED).codes(const_value(weights), elem.lo, elem.hi)
    return int_const(codes, elem, "w")


def _image(rng: Rng, most_channels: int = 128) -> Shape:
    channels = _pick(rng, [c for c in CHANNELS if c <= most_channels])
    return (_pick(rng, SIZES), _pick(rng, SIZES), channels)


def _fold(rng: Rng, node: Node, most: int = 64) -> Fold:
    """A legal fold of at most ``most`` lanes, evenly on a logarithmic scale, of any variant."""
    op = node.op
    assert isinstance(op, KernelOp)
    widest = max((n.type.int.bits for n in (*node.streams, node)), default=1)
    folds = [f for f in op.folds(node) if f.variant is not Variant.TREE]
    variant = _pick(rng, sorted({f.variant for f in folds}))
    small = [
        f
        for f in folds
        if f.variant is variant
        and f.simd * f.pe <= most * most
        and max(f.simd, f.pe) * widest <= WORD_BITS
        and (f.simd * f.pe <= most or f.simd == f.pe)
    ]
    small = small or [min(f for f in folds if f.variant is variant)]
    target = 2 ** rng.uniform(0, np.log2(max(f.simd * f.pe for f in small)) + 1e-9)
    near = sorted(small, key=lambda f: abs(np.log2(f.simd * f.pe / target)))
    return _pick(rng, near[: max(len(near) // 4, 1)])


def _kernel(rng: Rng, node: Node, most: int = 64) -> Kernel:
    op = node.op
    assert isinstance(op, KernelOp)
    return op.kernel(node, _fold(rng, node, most))


def _channels(rng: Rng, count: int, low: int, high: int) -> tuple[int, ...]:
    """One value per channel, or one for all of them."""
    size = count if rng.integers(3) else 1
    return tuple(int(v) for v in rng.integers(low, high + 1, size))


def matvec(rng: Rng) -> Kernel:
    groups = _pick(rng, (1, 1, 1, 2))
    k, m = _pick(rng, (3, 9, 16, 27, 32, 64, 144, 288)), _pick(rng, (4, 8, 10, 16, 32, 64))
    x, w = _type(rng, 1, 8), Int.of_bits(int(rng.integers(2, 9)), signed=True)
    vectors = _pick(rng, (1, 49, 196, 1024))
    shape = (vectors, groups * k)
    weights = _few_ones(rng, _weights(rng, (groups, k, m), w))
    return _kernel(rng, Node(MatVec(), (_source(shape, x), weights), "n"), 48)


def adders(rng: Rng) -> Kernel:
    """A matrix as a circuit: dense or sparse, of two to eight bits."""
    groups = _pick(rng, (1, 1, 1, 2))
    k, m = _pick(rng, (8, 9, 16, 27, 32, 64)), _pick(rng, (4, 5, 8, 10, 16, 32))
    x, w = _type(rng, 1, 8), Int.of_bits(int(rng.integers(2, 9)), signed=True)
    dense = const_value(_weights(rng, (groups, k, m), w))
    codes = dense * (rng.random(dense.shape) < _pick(rng, (0.3, 0.6, 1.0)))
    node = Node(MatVec(), (_source((4, groups * k), x), int_const(codes, w, "w")), "n")
    assert isinstance(node.op, KernelOp)
    return node.op.kernel(node, Fold(groups * k, groups * m, Variant.TREE))


def depthwise(rng: Rng) -> Kernel:
    taps, channels = _pick(rng, (4, 9, 9, 25)), _pick(rng, CHANNELS[1:])
    x, w = _type(rng, 2, 8), Int.of_bits(int(rng.integers(2, 9)), signed=True)
    shape = (_pick(rng, (49, 196, 1024)), taps * channels)
    weights = _few_ones(rng, _weights(rng, (taps, channels), w))
    node = Node(Depthwise(), (_source(shape, x), weights), "n")
    return _kernel(rng, node, 36)


def pool(rng: Rng) -> Kernel:
    taps, channels = _pick(rng, (4, 4, 9, 49, 64)), _pick(rng, CHANNELS[1:])
    side = _pick(rng, (1, 4, 7))
    kind = _pick(rng, ("max", "max", "sum", "sum"))
    factors: tuple[int, ...] = (1,)
    if kind == "sum" and not rng.integers(3):
        factors = tuple(int(v) for v in rng.choice((4, 6, 9), side * side))
    node = Node(
        Pool(kind, taps, factors), (_source((side, side, taps * channels), _type(rng, 2, 9)),), "n"
    )
    return _kernel(rng, node)


def add(rng: Rng) -> Kernel:
    shape = _image(rng)
    kx, ky = _pick(rng, ((1, 1), (1, 1), (1, 2), (3, 1), (5, 4), (1, -1)))

    a = _type(rng, 2, 12).scaled(Scale.of(Fraction(abs(kx))))
    b = _type(rng, 2, 12).scaled(Scale.of(Fraction(abs(ky))))
    return _kernel(rng, Node(Add(kx, ky), (_source(shape, a, "a"), _source(shape, b, "b")), "n"))


def mul(rng: Rng) -> Kernel:
    shape, a, b = _image(rng), _type(rng, 2, 12), _type(rng, 2, 10)
    return _kernel(rng, Node(Mul(), (_source(shape, a, "a"), _source(shape, b, "b")), "n"), 32)


def _result(rng: Rng) -> Int:
    return _type(rng, 1, 8) if rng.integers(4) else Int(0, int(rng.integers(1, 300)))


def shift(rng: Rng) -> Kernel:
    shape, x, y = _image(rng), _type(rng, 8, 22), _result(rng)
    left = _channels(rng, shape[2], 0, int(rng.integers(0, 7)))
    right = max(x.bits + max(left) - y.bits, 0)
    b = _channels(rng, shape[2], -(1 << right), 1 << right)
    return _kernel(rng, Node(Shift(left, b, right, y), (_source(shape, x),), "n"), 32)


def cast(rng: Rng) -> Kernel:
    """Most casts are of a whole tensor and add nothing; none gives more bits than there are."""
    shape, x = _image(rng), _type(rng, 6, 24)
    overflow = _pick(rng, tuple(Overflow))
    right = int(rng.integers(0, x.bits - 3))
    y = _type(rng, 2, min(x.bits - right, 16))
    alike = bool(rng.integers(3))
    left = (0,) if alike else _channels(rng, shape[2], 0, int(rng.integers(0, 7)))
    b = (0,) if alike else _channels(rng, shape[2], -(1 << right), 1 << right)
    op = Cast(left, b, right, _pick(rng, tuple(Rounding)), overflow, y)
    return _kernel(rng, Node(op, (_source(shape, x),), "n"), 32)


def dyadic(rng: Rng) -> Kernel:
    shape, x, y = _image(rng), _type(rng, 8, 22), _result(rng)
    bits, segments = int(rng.integers(2, 13)), _pick(rng, (1, 1, 1, 2))
    alike = not rng.integers(4)
    count = 1 if alike else shape[2]
    low = 1 << bits - 1
    # one factor for all is odd, as compiled ones are: a shift or few digits are other kernels
    rows = [rng.integers(low, 2 * low, count) | alike for _ in range(segments)]
    a = tuple(tuple(int(v) for v in row) for row in rows)
    right = max(x.bits + bits - y.bits, 0)
    high = 1 << max(right + y.bits - 2, 1)
    b = tuple(tuple(int(v) for v in rng.integers(-high, high, count)) for _ in range(segments))
    starts = tuple((0,) * count for _ in range(segments - 1))
    return _kernel(rng, Node(Dyadic(a, b, starts, right, y), (_source(shape, x),), "n"), 16)


def csd(rng: Rng) -> Kernel:
    shape, x, y = _image(rng), _type(rng, 8, 22), _result(rng)
    count = int(rng.integers(1, 5))
    powers = sorted(rng.choice(12, count, replace=False).tolist(), reverse=True)
    digits = tuple((1 if i == 0 or rng.integers(2) else -1, p) for i, p in enumerate(powers))
    right = max(x.bits + powers[0] + 1 - y.bits, 0)
    b = _channels(rng, shape[2], -(1 << right), 1 << right)
    return _kernel(rng, Node(Csd(digits, b, right, y), (_source(shape, x),), "n"), 32)


def compare(rng: Rng) -> Kernel:
    shape, x = _image(rng), _type(rng, 6, 20)
    steps = _pick(rng, (1, 1, 2, 3, 3, 7, 15))
    low = int(_pick(rng, (0, 0, -(steps // 2) - 1)))
    count = shape[2] if rng.integers(4) else 1
    table = np.sort(rng.integers(x.lo, x.hi + 1, (steps, count)), axis=0)
    steps_ = tuple(tuple(int(v) for v in row) for row in table)
    node = Node(Compare(steps_, Int(low, low + steps)), (_source(shape, x),), "n")
    return _kernel(rng, node, 32)


def table(rng: Rng) -> Kernel:
    shape, x, y = _image(rng, 32), _type(rng, 3, 9), _result(rng)
    count = shape[2] if not rng.integers(4) else 1
    values = rng.integers(y.lo, y.hi + 1, (count, x.hi - x.lo + 1))
    rows = tuple(tuple(int(v) for v in row) for row in values)
    return _kernel(rng, Node(Table(rows, y), (_source(shape, x),), "n"), 16)


def argmax(rng: Rng) -> Kernel:
    shape = (_pick(rng, (1, 64)), _pick(rng, (2, 10, 12, 35, 100)))
    return _kernel(rng, Node(ArgMax(), (_source(shape, _type(rng, 4, 20)),), "n"))


def pad(rng: Rng) -> Kernel:
    shape, x = _image(rng), _type(rng, 1, 10)
    border = _pick(rng, (((1, 1, 0), (1, 1, 0)), ((0, 0, 0), (1, 1, 0)), ((2, 2, 0), (2, 2, 0))))
    value: tuple[int, ...] = (0,)
    if not rng.integers(3):
        value = tuple(int(v) for v in rng.integers(x.lo, x.hi + 1, shape[2]))
    return _kernel(rng, Node(Pad(*border, value), (_source(shape, x),), "n"))


def _window(rng: Rng, several: bool) -> Kernel:
    while True:
        size, stride = _pick(rng, KERNELS)
        shape = _image(rng, 16 if several else 128)
        if shape[0] < size[0] or shape[1] < size[1]:
            continue
        groups = 2 if not several and shape[2] % 2 == 0 and not rng.integers(6) else 1
        node = Node(Window(size, stride, (1, 1), groups), (_source(shape, _type(rng, 1, 8)),), "n")
        op = node.op
        assert isinstance(op, KernelOp)
        bits = node.type.int.bits
        folds = [
            f for f in op.folds(node) if (f.pe > f.simd) == several and f.pe * bits <= WORD_BITS
        ]
        if folds:
            return op.kernel(node, _pick(rng, folds))


def window(rng: Rng) -> Kernel:
    return _window(rng, False)


def stencil(rng: Rng) -> Kernel:
    return _window(rng, True)


def concat(rng: Rng) -> Kernel:
    height, width, _ = _image(rng)
    count, axis = _pick(rng, (2, 2, 3, 4)), _pick(rng, (2, 2, 0))
    same = _pick(rng, CHANNELS)
    inputs = []
    for i in range(count):
        channels = _pick(rng, (8, 16, 24, 32, 64)) if axis == 2 else same
        inputs.append(_source((height, width, channels), _type(rng, 1, 10), f"x{i}"))
    return _kernel(rng, Node(Concat(axis), tuple(inputs), "n"))


def slice_(rng: Rng) -> Kernel:
    shape = _image(rng)
    half = max(shape[2] // 2, 1)
    starts, stops = _pick(
        rng,
        (
            ((0, 0, 0), (shape[0], shape[1], half)),
            ((0, 0, shape[2] - half), shape),
            ((1, 1, 0), (shape[0] - 1, shape[1] - 1, shape[2])),
            ((0, 0, 0), (shape[0] // 2, shape[1], shape[2])),
        ),
    )
    steps = _pick(rng, ((1, 1, 1), (1, 1, 1), (2, 2, 1)))
    return _kernel(
        rng, Node(Slice(starts, stops, steps), (_source(shape, _type(rng, 1, 10)),), "n")
    )


def transpose(rng: Rng) -> Kernel:
    perm = _pick(rng, ((1, 0, 2), (2, 0, 1), (0, 2, 1)))
    node = Node(Transpose(perm), (_source(_image(rng), _type(rng, 1, 10)),), "n")
    return _kernel(rng, node)


def expand(rng: Rng) -> Kernel:
    shape = _image(rng)
    return _kernel(rng, Node(Expand(shape), (_source((1, 1, shape[2]), _type(rng, 1, 10)),), "n"))


def const(rng: Rng) -> Kernel:
    shape, elem = _image(rng), _type(rng, 1, 10)
    return _kernel(rng, _weights(rng, shape, elem))


def fork(rng: Rng) -> Kernel:
    bits, words = int(2 ** rng.uniform(0, 9)), prod(_image(rng))
    return Kernel("fork", {"Bits": bits, "Words": words, "N": _pick(rng, (2, 2, 3, 4, 8))})


def width(rng: Rng) -> Kernel:
    bits, narrow = int(rng.integers(1, 13)), _pick(rng, (1, 2, 3, 4, 8, 16))
    ratio = _pick(rng, (2, 3, 4, 8, 9, 16))
    wide = min(narrow * ratio, max(WORD_BITS // bits // narrow, 2) * narrow)
    lanes = (narrow, wide) if rng.integers(2) else (wide, narrow)
    words = wide * int(rng.integers(4, 200)) // lanes[0]
    return Kernel(
        "width", {"InBits": lanes[0] * bits, "OutBits": lanes[1] * bits, "InWords": words}
    )


def fifo(rng: Rng) -> Kernel:
    """``fifo`` is no kernel of the contract, but an instance of the library like the others."""
    depth = _pick(rng, (2, 2, 16, 16, 32, 48, 64, 100, 128, 256, 300, 512, 1024, 2000))
    width = int(2 ** rng.uniform(0, 8))
    block = depth > 16 and rng.integers(2) == 1
    return Kernel("fifo", {"Width": width, "Depth": depth, "Block": int(block)})


GENERATORS: dict[str, Callable[[Rng], Kernel]] = {
    "add": add,
    "adders": adders,
    "argmax": argmax,
    "cast": cast,
    "compare": compare,
    "concat": concat,
    "const": const,
    "csd": csd,
    "depthwise": depthwise,
    "dyadic": dyadic,
    "expand": expand,
    "fifo": fifo,
    "fork": fork,
    "matvec": matvec,
    "mul": mul,
    "pad": pad,
    "pool": pool,
    "shift": shift,
    "slice": slice_,
    "stencil": stencil,
    "table": table,
    "transpose": transpose,
    "width": width,
    "window": window,
}


def grid(name: str, count: int, seed: int = 0) -> list[Kernel]:
    """``count`` instances of one kernel, the same ones for the same seed."""
    rng = np.random.default_rng([seed, *name.encode()])
    return [GENERATORS[name](rng) for _ in range(count)]
