"""The Xilinx ap_fixed headers as an oracle: one program that casts doubles to many types."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qfxc.ir.rounding import AP_ROUNDING
from qfxc.nn.format import Overflow
from qfxc.verify.csim import ap_types

FORMATS = (
    (8, 3, True),
    (8, 3, False),
    (6, -2, True),
    (4, 7, True),
    (5, 9, False),
    (4, -1, False),
    (1, 0, True),
    (1, 1, False),
    (22, 11, True),
    (25, 13, True),
    (30, 17, False),
)
"""wbit, fbit, signed."""
_EVERY = {FORMATS[0], FORMATS[1], FORMATS[6]}
CASES = tuple(
    (f, r, o)
    for i, f in enumerate(FORMATS)
    for j, r in enumerate(AP_ROUNDING)
    for k, o in enumerate(Overflow)
    if f in _EVERY or (i + j + k) % 4 == 0
)
"""All modes of three formats, every rounding of the others: g++ takes a while for each."""

_MAIN = """
#include "ap_fixed.h"
#include <cstdio>
#include <vector>
template <class T> void cast(const std::vector<double>& xs) {
  for (double x : xs) { T y = x; double d = y.to_double(); fwrite(&d, sizeof d, 1, stdout); }
}
int main() {
  std::vector<double> xs;
  for (double x; fread(&x, sizeof x, 1, stdin) == 1;) xs.push_back(x);
  %s
}
"""


def build(folder: Path) -> Path:
    """Compiles the program."""
    calls = []
    for (wbit, fbit, signed), rounding, overflow in CASES:
        kind = "ap_fixed" if signed else "ap_ufixed"
        modes = f"AP_{rounding}, AP_{overflow.value}"
        calls.append(f"cast<{kind}<{wbit}, {wbit - fbit}, {modes}>>(xs);")
    (folder / "main.cpp").write_text(_MAIN % "\n  ".join(calls))
    command = ["g++", "-O0", "-w", f"-I{ap_types()}", "main.cpp", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "main"


def run(binary: Path, xs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(cases, values): every value in every type."""
    done = subprocess.run([str(binary)], input=xs.tobytes(), stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout).reshape(len(CASES), len(xs))
