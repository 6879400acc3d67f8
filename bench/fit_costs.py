"""Fits the cost models of compiler/qfxc/hw/costs.json to synthesised instances.

One command: ``python bench/fit_costs.py``. A seeded grid of instances of every kernel
(bench/cost_grid.py) is synthesised with Yosys, two at a time; results are cached by content, so
only what has changed is synthesised again. Every third instance is held out: coefficients come
from the others (non-negative least squares of relative errors), errors from those alone.
``--only NAME`` fits some kernels and keeps the rest, ``--show`` prints every instance.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from cost_grid import GENERATORS, grid
from rich.console import Console
from scipy.optimize import nnls

from qfxc.errors import InternalError
from qfxc.hw import cost
from qfxc.hw.cost import TERMS
from qfxc.hw.cost_terms import Terms
from qfxc.ir.kernel import Cost, Kernel
from qfxc.progress import Progress
from qfxc.report.screen import ScreenProgress, simple_table
from qfxc.verify.synth import measure
from qfxc.verify.synth_source import SYNTHESIS, kernel_module, version

COUNT = 45
MORE = {"matvec": 3, "depthwise": 2, "dyadic": 2, "mul": 2, "pool": 2}
"""Kernels of several variants take so many times the instances."""

TIMEOUT = 240.0
PRIOR = 0.1
"""Weight of the expectation that a coefficient is 1, against relative errors of instances."""

FLOOR = 10
"""Errors of smaller numbers than this are relative to it: three LUTs more or less are no error."""


@dataclass(frozen=True)
class Row:
    """One synthesised instance."""

    kernel: Kernel
    terms: Terms
    found: Cost


def main() -> int:
    args = _arguments()
    names = [n for n in GENERATORS if not args.only or n in args.only]
    fits: dict[str, Any] = {}
    failed = False
    with ScreenProgress(Console(stderr=True)) as progress:
        for name in names:
            try:
                kernels = grid(name, args.count * MORE.get(name, 1))
                rows = _measured(name, kernels, args.jobs, progress)
            except InternalError as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed = True
                continue
            fits[name] = _fit(rows)
            if args.show:
                _show(name, rows, fits[name])
            if not args.dry:
                _write(name, fits[name])
    Console(width=120).print(_table(fits))
    return int(failed)


def _write(name: str, fit: Mapping[str, Any]) -> None:
    """Beside the fits that are in the file now."""
    kept = json.loads(cost.DATA.read_text())["kernels"] if cost.DATA.is_file() else {}
    fits = {n: f for n, f in {**kept, name: fit}.items() if n in GENERATORS}
    head = {"synthesis": f"{version()}: {SYNTHESIS}"}
    data = {**head, "kernels": dict(sorted(fits.items()))}
    cost.DATA.write_text(json.dumps(data, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="this kernel, may be repeated")
    parser.add_argument("--count", type=int, default=COUNT, help="instances per kernel")
    parser.add_argument("--jobs", type=int, default=2, help="runs of Yosys at a time")
    parser.add_argument("--show", action="store_true", help="print every instance")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    return parser.parse_args()


def _measured(name: str, kernels: Sequence[Kernel], jobs: int, progress: Progress) -> list[Row]:
    """Those that were synthesised in time."""
    found = measure([kernel_module(k) for k in kernels], Named(name, progress), jobs, TIMEOUT)
    pairs = zip(kernels, found, strict=True)
    return [Row(k, TERMS[name](k.structure), cost) for k, cost in pairs if cost is not None]


@dataclass(frozen=True)
class Named:
    """Progress with a step per kernel."""

    name: str
    inner: Progress

    def step(self, name: str, done: int, total: int) -> None:
        """As ``Progress.step``."""
        self.inner.step(f"{name} {self.name}", done, total)


def _fit(rows: Sequence[Row]) -> dict[str, Any]:
    """Coefficients from two thirds of the rows, errors from the last third."""
    used = [row for i, row in enumerate(rows) if i % 3 != 2]
    held = rows[2::3]
    lut = _weights([r.terms.lut for r in used], [r.found.lut for r in used])
    ff = _weights([r.terms.ff for r in used], [r.found.ff for r in used])
    return {
        "instances": len(rows),
        "lut": lut,
        "ff": ff,
        "error": {
            "held_out": len(held),
            "lut": _errors([_predict(lut, r.terms.lut) for r in held], [r.found.lut for r in held]),
            "ff": _errors([_predict(ff, r.terms.ff) for r in held], [r.found.ff for r in held]),
            "dsp_exact": _exact([(r.terms.dsp, r.found.dsp) for r in rows]),
            "bram18_exact": _exact([(r.terms.bram18, r.found.bram18) for r in rows]),
        },
    }


def _weights(terms: Sequence[Mapping[str, float]], found: Sequence[int]) -> dict[str, float]:
    """Non-negative least squares of relative errors, drawn gently to what the structure says: one
    LUT or flip-flop for each of a term."""
    names = sorted({name for row in terms for name in row})
    if not names:
        return {}
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in terms], dtype=np.float64)
    target = np.array(found, dtype=np.float64)
    scale = 1 / np.maximum(target, FLOOR)
    pull = PRIOR * np.eye(len(names))
    rows = np.vstack((matrix * scale[:, None], pull))
    solution, _ = nnls(rows, np.concatenate((target * scale, pull.sum(axis=1))))
    return {name: round(float(v), 4) for name, v in zip(names, solution, strict=True)}


def _predict(weights: Mapping[str, float], terms: Mapping[str, float]) -> float:
    return sum(weights[name] * value for name, value in terms.items())


def _errors(predicted: Sequence[float], found: Sequence[int]) -> dict[str, float]:
    pairs = list(zip(predicted, found, strict=True))
    relative = [abs(p - f) / max(f, FLOOR) for p, f in pairs]
    return {"median": round(median(relative), 4), "worst": round(max(relative), 4)}


def _exact(pairs: Sequence[tuple[int, int]]) -> float:
    return round(sum(a == b for a, b in pairs) / len(pairs), 4)


def _show(name: str, rows: Sequence[Row], fit: Mapping[str, Any]) -> None:
    for i, row in enumerate(rows):
        f, t = row.found, row.terms
        lut, ff = _predict(fit["lut"], t.lut), _predict(fit["ff"], t.ff)
        mark = "held" if i % 3 == 2 else "    "
        counts = f"dsp {t.dsp}/{f.dsp} bram {t.bram18}/{f.bram18}"
        print(f"{name} {mark} lut {lut:.0f}/{f.lut} ff {ff:.0f}/{f.ff} {counts}")
        print(f"    {dict(row.kernel.params)}\n    {dict(t.lut)} {dict(t.ff)}")
    print(name, fit["lut"], fit["ff"])


def _table(fits: Mapping[str, Mapping[str, Any]]) -> Any:
    heads = (
        "kernel",
        "held out",
        "LUT median",
        "LUT worst",
        "FF median",
        "FF worst",
        "DSP",
        "BRAM18",
    )
    body = []
    for name, fit in fits.items():
        e = fit["error"]
        shares = (e["lut"]["median"], e["lut"]["worst"], e["ff"]["median"], e["ff"]["worst"])
        exact = (e["dsp_exact"], e["bram18_exact"])
        body.append((name, str(e["held_out"]), *(f"{100 * v:.1f} %" for v in (*shares, *exact))))
    return simple_table(heads, body)


if __name__ == "__main__":
    sys.exit(main())
