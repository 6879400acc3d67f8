"""Latency of every kernel's hardware: what the ``Latency`` of ``rtl_lib/qfx_<name>.sv`` states.

An iteration of the kernel's schedule that fires in cycle t has its word on the output from cycle
``t + latency`` on (docs/rtl.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qfxc.ir.kernel import Kernel

Params = Mapping[str, int]


def latency(kernel: Kernel) -> int:
    """Register stages between an iteration and its word, in cycles."""
    return LATENCIES[kernel.name](kernel.params)


def fifo_latency(depth: int) -> int:
    """Cycles from a FIFO's input to its output: distributed memory up to 256 words, else block."""
    return 1 if depth <= 256 else 2


def memory_stages(depth: int, width: int) -> int:
    """Read stages of a memory: ``qfx_pkg::memory_stages``."""
    return 1 if depth <= 32 or depth * width <= 4096 else 2


def levels(terms: int) -> int:
    """Levels of a tree of two-input nodes: ``$clog2``."""
    return (terms - 1).bit_length()


def signed_digits(k: int) -> int:
    """Non-zero digits of the non-adjacent form of ``k``."""
    return (k ^ (3 * k)).bit_count() if k >= 0 else signed_digits(-k)


def _add(p: Params) -> int:
    return max(levels(signed_digits(p["KA"]) + signed_digits(p["KB"])), 1)


def _const(p: Params) -> int:
    return memory_stages(p["Words"], p["Lanes"] * p["YBits"])


def _shift(p: Params) -> int:
    """Memories, left shift, sum, saturation."""
    return int(max(p["LPeriod"], p["BPeriod"]) > 1) + int(p["LPeriod"] > 1) + 2


LATENCIES: Mapping[str, Callable[[Params], int]] = {
    "add": _add,
    "const": _const,
    "fork": lambda p: 0,
    "shift": _shift,
    "width": lambda p: 1,
}
