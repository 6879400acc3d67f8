"""The kernel contract, the narrow waist between operators and back ends.

An operator that hardware can run says, for a given fold, ``Kernel(name, params, roms)``. Back
ends instantiate the library module ``name`` with those parameters and know no operator.

Streams: a value is a sequence of words of ``lanes`` elements, the frame in C order (channels
innermost), the first element in the least significant bits. A frame is a fixed number of words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.circuit import Body
from qfxc.ir.graph import Node, Op
from qfxc.ir.types import Int, TensorType


class Variant(IntEnum):
    """What multiplies in a kernel; words and results are the same. Others have the first."""

    DSP = 0
    """DSP slices."""
    LUT = 1
    """Multipliers built of LUTs: products of any operands."""
    SHIFT = 2
    """Every weight is a few signed powers of two: shifters and adders, weights in a memory."""
    TREE = 3
    """The whole matrix as a circuit of adders: a word per vector, no memory, no multiplier."""

    @property
    def label(self) -> str:
        """The name in files and reports."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Fold:
    """Parallelism of one kernel: elements consumed and produced per word, and the variant.

    ``simd`` is the number of lanes of every input stream, ``pe`` that of the output stream.
    Elementwise kernels have ``simd == pe``. ``variant`` says what the products are built of,
    ``levels`` how many additions a circuit (``Variant.TREE``) has between two registers (0: as
    many as the operator thinks fit).
    """

    simd: int = 1
    pe: int = 1
    variant: Variant = Variant.DSP
    levels: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Estimated resources: LUTs, flip-flops, DSP48E2 slices, BRAM in halves of a 36 kbit block."""

    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram18: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.lut + other.lut,
            self.ff + other.ff,
            self.dsp + other.dsp,
            self.bram18 + other.bram18,
        )

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            self.lut - other.lut,
            self.ff - other.ff,
            self.dsp - other.dsp,
            self.bram18 - other.bram18,
        )

    def fits(self, budget: Cost) -> bool:
        return (
            self.lut <= budget.lut
            and self.ff <= budget.ff
            and self.dsp <= budget.dsp
            and self.bram18 <= budget.bram18
        )


@dataclass(frozen=True, eq=False)
class Rom:
    """A constant memory: ``depth`` words of ``lanes`` elements of type ``elem``.

    ``make`` returns its contents; a plan asks for the shape of thousands of memories and for the
    contents of none. ``per_lane``: every lane reads an address of its own, so each needs a memory
    of its own.
    """

    depth: int
    lanes: int
    elem: Int
    make: Callable[[], NDArray[np.int64]] = field(repr=False)
    per_lane: bool = False

    @classmethod
    def of(cls, values: NDArray[np.int64], elem: Int, per_lane: bool = False) -> Rom:
        """The memory of an array (depth, lanes)."""
        depth, lanes = values.shape
        return cls(depth, lanes, elem, lambda: values, per_lane)

    @cached_property
    def values(self) -> NDArray[np.int64]:
        """Shape (depth, lanes), element 0 in the least significant bits."""
        values = np.ascontiguousarray(self.make(), dtype=np.int64)
        return values.reshape(self.depth, self.lanes)


@dataclass(frozen=True, slots=True)
class Kernel:
    """One instance of a library module: its name, its integer parameters, its constant memories.

    Parameter names are the struct constants of ``hls_lib/include/qfx/<name>.hpp``, verbatim. A
    kernel with a ``body`` has a module of its own, which back ends write out of the circuit.
    """

    name: str
    params: Mapping[str, int]
    roms: Mapping[str, Rom] = field(default_factory=dict)
    body: Body | None = None

    @property
    def structure(self) -> Mapping[str, int]:
        """The parameters, and the counts of the body: what cost and latency depend on."""
        return self.params if self.body is None else {**self.params, **self.body.circuit.counts}

    @property
    def expected(self) -> Mapping[str, int]:
        """As ``structure``, without making a circuit: what its counts are expected to be."""
        return self.params if self.body is None else {**self.params, **self.body.expected}


class KernelOp(Op):
    """An operator with hardware: what its folds are, how long they take, how it is instantiated."""

    kernel_stem: ClassVar[str] = ""

    def folds(self, node: Node) -> tuple[Fold, ...]:
        """Every legal fold."""
        raise NotImplementedError

    def cycles(self, node: Node, fold: Fold) -> int:
        """Clock cycles per frame at this fold, stalls of the neighbours aside."""
        raise NotImplementedError

    def kernel(self, node: Node, fold: Fold) -> Kernel:
        raise NotImplementedError

    def behind(self, node: Node, fold: Fold, kernel: Kernel) -> Kernel | None:
        """The kernel whose circuit goes on with this node, where ``kernel`` with a body makes its
        input, whole vectors in a word; None where the node needs a kernel of its own."""
        return None

    def multipliers(self, node: Node, fold: Fold) -> int:
        """Multiply-accumulates per cycle of a dot product, whatever builds them; 0: it is none."""
        return 0

    def lag(self, node: Node) -> Fraction:
        """The part of an input frame that is consumed before the first output word leaves."""
        return Fraction(0)

    def pause(self, node: Node) -> Fraction:
        """The part of an input frame that may arrive while the kernel does not read on."""
        return Fraction(0)

    def burst(self, node: Node) -> int:
        """Words of whole vectors that it may emit in a row before it pauses."""
        return 0

    @classmethod
    def samples(cls) -> tuple[Node, ...]:
        """Small nodes that together reach every branch of the kernel."""
        raise NotImplementedError


def divisors(n: int) -> tuple[int, ...]:
    """The divisors of ``n``, ascending."""
    return tuple(d for d in range(1, n + 1) if n % d == 0)


def lane_folds(channels: int) -> tuple[Fold, ...]:
    """The folds of an elementwise kernel: any divisor of the channels, in = out."""
    return tuple(Fold(d, d) for d in divisors(channels))


def stream_params(prefix: str, elem: Int) -> dict[str, int]:
    """``<prefix>Bits`` and ``<prefix>Signed``: how every kernel names an element type."""
    return {f"{prefix}Bits": elem.bits, f"{prefix}Signed": int(elem.signed)}


def rom_elem(values: NDArray[np.int64]) -> Int:
    """The narrowest type that holds every value of a memory."""
    return Int(min(int(values.min()), 0), max(int(values.max()), 0))


def words(type_: TensorType, lanes: int) -> int:
    """Words per frame of a stream with ``lanes`` lanes."""
    return type_.size // lanes
