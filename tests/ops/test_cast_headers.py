"""The cast operator against AMD's ``ap_fixed``: every mode, every code of small types."""

from __future__ import annotations

import subprocess
from itertools import product
from pathlib import Path

import numpy as np

from qfxc.frontend.fixed import OVERFLOWS, SYMMETRIC
from qfxc.ir.graph import Node
from qfxc.ir.rounding import AP_ROUNDING
from qfxc.ir.types import Int
from qfxc.ops.cast import Cast
from qfxc.ops.input import Input
from qfxc.verify.csim import ap_types

SOURCES = ((7, 3, True), (6, 4, False))
"""(bits, fraction bits, signed) of what is cast."""

TARGETS = tuple(
    (w, f, signed) for w, f in ((3, 0), (4, 2), (2, 5), (1, 1), (9, 4)) for signed in (True, False)
)

FRACTION = 4
"""Bits of the one type that holds every value of both sources."""

TYPE = "ap_{u}fixed<{w}, {i}, AP_{r}, AP_{o}>"


def _program() -> str:
    """Prints the codes of every cast of every code: a line per target and modes, per source."""
    loops = []
    for w, f, s in SOURCES:
        low = -(1 << (w - 1)) if s else 0
        loops.append(f"  codes<B, Q>({low}, {low + (1 << w)}, {1 << FRACTION - f});")
    body = []
    for (v, g, t), r, o in product(TARGETS, AP_ROUNDING, OVERFLOWS):
        kind = TYPE.format(u="" if t else "u", w=v, i=v - g, r=r, o=o)
        body.append(f"  all<{kind}, ap_{'' if t else 'u'}int<{v}> >();")
    return "\n".join(
        (
            "#include <ap_fixed.h>",
            "#include <cstdio>",
            f"typedef ap_fixed<8, {8 - FRACTION}> A;",
            "template <class B, class Q> void codes(int low, int end, int step) {",
            "  for (int q = low; q < end; ++q) {",
            "    A a;",
            "    a.range() = q * step;",
            "    B b = a;",
            "    Q code;",
            "    code.range() = b.range();",
            '    std::printf("%d ", int(code));',
            "  }",
            '  std::printf("\\n");',
            "}",
            "template <class B, class Q> void all() {",
            *loops,
            "}",
            "int main() {",
            *body,
            "}",
        )
    )


def test_every_mode_is_that_of_the_headers(tmp_path: Path) -> None:
    (tmp_path / "casts.cpp").write_text(_program())
    command = ["g++", "-O0", "-w", f"-I{ap_types()}", "casts.cpp", "-o", "casts"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run(["./casts"], cwd=tmp_path, check=True, capture_output=True, text=True)
    lines = iter(done.stdout.splitlines())
    for (v, g, t), r, o, (w, f, s) in product(TARGETS, AP_ROUNDING, OVERFLOWS, SOURCES):
        expected = np.array(next(lines).split(), dtype=np.int64)
        x, elem = Int.of_bits(w, s), Int.of_bits(v, t)
        narrow = Int(elem.lo + (t and v > 1 and o == SYMMETRIC), elem.hi)
        left, right = max(g - f, 0), max(f - g, 0)
        op = Cast((left,), (0,), right, AP_ROUNDING[r], OVERFLOWS[o], narrow)
        node = Node(op, (Node(Input((1,), x), (), "x"),), "y")
        got = op.run(node, np.arange(x.lo, x.hi + 1)[:, None])[:, 0]
        assert np.array_equal(got, expected), (w, f, s, v, g, t, r, o)
