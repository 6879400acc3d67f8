"""What the netlist adds between kernels: width converters, forks and FIFOs, and what they cost."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import gcd, lcm

from qfxc.hw.cost import fifo_cost, kernel_cost
from qfxc.ir.kernel import Cost, Kernel

MAX_WORD_BITS = 4096
"""The widest word that ap_uint streams carry in practice (ap_int's own limit)."""

SHALLOW = 2
"""Words that keep a word moving every cycle: the depth of an ordinary FIFO."""

BLOCK_DEPTH = 17
"""Least depth at which a FIFO may be block memory: deeper than the shallowest shift register."""

SRL_DEPTH = 32
"""Deepest FIFO that is one LUT per bit: an SRLC32E."""


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
    """The converters of a chain; wires join them."""
    chain = converter_lanes(lanes_in, lanes_out, bits)
    total = Cost()
    for a, b in pairwise(chain):
        params = {"InBits": a * bits, "OutBits": b * bits, "InWords": b // gcd(a, b)}
        total += kernel_cost(Kernel("width", params))
    return total


@cache
def fork_cost(branches: int) -> Cost:
    """A fork keeps no data, so its words do not matter."""
    return kernel_cost(Kernel("fork", {"Bits": 1, "Words": 1, "N": branches}))


def link_cost(bits: int, lanes: tuple[int, int], words: tuple[int, int], block: bool) -> Cost:
    """A link from ``lanes[0]`` to ``lanes[1]`` lanes: its converters, the stream in front of them
    of ``words[0]`` words and the last one of ``words[1]``, in block memory if ``block``.

    Without converters both are one stream.
    """
    first, last = (count * bits for count in lanes)
    if lanes[0] == lanes[1]:
        return fifo_cost(max(words), last, block)
    ends = fifo_cost(words[0], first) + fifo_cost(words[1], last, block)
    return converter_cost(*lanes, bits) + ends


def link_cycles(size: int, bits: int, lanes: tuple[int, int]) -> int:
    """Cycles per frame of ``size`` elements of the slowest converter on a link."""
    return size // min(converter_lanes(*lanes, bits))
