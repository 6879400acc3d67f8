"""What the netlist adds between kernels: width converters, forks and FIFOs, and what they cost.

The costs are first-order estimates from the structure (registers, multiplexers, SRL32 and block
memory sizes of UG574 and UG573); they are not fitted to synthesis.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import gcd, lcm

from qfxc.ir.kernel import Cost

MAX_WORD_BITS = 4096
"""The widest word that ap_uint streams carry in practice (ap_int's own limit)."""

SHALLOW = 16
"""Depth of an ordinary FIFO: an SRL16 per bit, which two words would take as well. It evens out
bursts: a simulated ResNet-8 lost 8 % of its rate with two words everywhere."""

SRL_DEPTH = 32
LUTRAM_DEPTH = 256
_BRAM_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Depth and width of an 18 kbit block memory as a simple dual-port memory (UG573)."""


@cache
def converter_lanes(lanes_in: int, lanes_out: int, bits: int) -> tuple[int, ...]:
    """The lanes along a chain of converters, both ends included; one element: none is needed.

    A ratio that is no integer goes through the least common multiple, which keeps the rate; where
    that word would be too wide, through the greatest common divisor, which slows the stream.
    """
    if lanes_in == lanes_out:
        return (lanes_in,)
    if lanes_in % lanes_out == 0 or lanes_out % lanes_in == 0:
        return (lanes_in, lanes_out)
    wide = lcm(lanes_in, lanes_out)
    middle = wide if wide * bits <= MAX_WORD_BITS else gcd(lanes_in, lanes_out)
    return (lanes_in, middle, lanes_out)


@cache
def converter_cost(lanes_in: int, lanes_out: int, bits: int) -> Cost:
    """The converters of a chain and the FIFOs between them."""
    chain = converter_lanes(lanes_in, lanes_out, bits)
    total = Cost()
    for a, b in pairwise(chain):
        wide, narrow = max(a, b) * bits, min(a, b) * bits
        # a shift register of the wide word; narrowing loads it through a 2:1 multiplexer per bit
        total += Cost(lut=(wide if a > b else narrow) + 10, ff=wide + 10)
        total += fifo_cost(SHALLOW, b * bits)
    return total


@cache
def fifo_cost(depth: int, bits: int) -> Cost:
    """A FIFO of ``depth`` words of ``bits`` bits: SRL32, distributed memory, or block memory."""
    if depth <= SRL_DEPTH:
        return Cost(lut=bits + 8, ff=12)
    if depth <= LUTRAM_DEPTH:
        return Cost(lut=bits * -(-depth // 32) + 16, ff=bits + 24)  # 64x1 dual port: 2 LUT a bit
    blocks = min(-(-depth // d) * -(-bits // w) for d, w in _BRAM_SHAPES)
    return Cost(lut=40, ff=bits + 40, bram18=blocks)


def fork_cost(branches: int) -> Cost:
    """A fork keeps no data: one handshake bit for every branch."""
    return Cost(lut=2 * branches + 2, ff=branches)


def link_cost(bits: int, lanes: tuple[int, int], hold: int) -> Cost:
    """A link from ``lanes[0]`` to ``lanes[1]`` lanes whose last FIFO is ``hold`` words deep.

    The FIFO at its head is counted with the value it carries.
    """
    total = converter_cost(*lanes, bits)
    last = lanes[1] * bits
    deep, flat = fifo_cost(hold, last), fifo_cost(SHALLOW, last)
    extra = (deep.lut - flat.lut, deep.ff - flat.ff, deep.bram18)
    return total + Cost(lut=extra[0], ff=extra[1], bram18=extra[2])


def link_cycles(size: int, bits: int, lanes: tuple[int, int]) -> int:
    """Cycles per frame of ``size`` elements of the slowest converter on a link."""
    return size // min(converter_lanes(*lanes, bits))
