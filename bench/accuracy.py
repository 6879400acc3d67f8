"""What post-training quantization costs in accuracy, by bits, effort and method.

    python bench/accuracy.py --mnist FOLDER

Top-1 of the integer network on labelled data that calibration has not seen, against that of the
float network on the same frames. Nothing is planned or built: the simulator is the definition.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from cases import ROOT, Case, cases, subset
from rich.console import Console

from qfxc.errors import UserError
from qfxc.network import network
from qfxc.options import Options
from qfxc.progress import Silent
from qfxc.report.scores import Score, scores
from qfxc.report.screen import simple_table
from qfxc.run import Model

BITS = (8, 6, 4)
EFFORTS = ("fast", "best")
LOW = ((4, 8), (4, 4))
"""Bits of weights and activations at which the methods are compared."""

METHODS = {
    "minmax ranges": "quantize{method=minmax}",
    "percentile ranges": "quantize{method=percentile}",
    "mse ranges": "quantize{method=mse}",
    "searched ranges": "quantize{method=search}",
    "weights not clipped": "quantize{clip_weights=max}",
    "no bias correction": "quantize{correct_bias=false}",
    "equalised by weights": "equalise{by=weights}",
    "equalised by activations": "equalise{by=activations}",
    "nearest codes": "quantize{rounding_of_weights=nearest}",
    "learned rounding": "quantize{rounding_of_weights=adaround}",
    "8-bit ends": "quantize{ends=8}",
}
"""One at a time, everything else as ``--effort fast`` has it."""


@dataclass(frozen=True)
class Setting:
    """A row of the table: options of a compilation."""

    name: str
    weights: int
    activations: int
    effort: str = "fast"
    passes: str = ""

    def options(self, case: Case) -> Options:
        return Options(
            weights=self.weights,
            activations=self.activations,
            effort=self.effort,
            passes=self.passes,
            **case.options,
        )


def grid() -> Iterator[Setting]:
    for weights in BITS:
        for activations in BITS:
            for effort in EFFORTS:
                yield Setting(f"W{weights}A{activations} {effort}", weights, activations, effort)


def methods() -> Iterator[Setting]:
    for weights, activations in LOW:
        for name, passes in METHODS.items():
            title = f"W{weights}A{activations} {name}"
            yield Setting(title, weights, activations, passes=passes)


def unseen(case: Case) -> Case:
    """The case without the frames that it is calibrated on."""
    used = subset(np.arange(len(case.inputs)))
    if not np.array_equal(case.inputs[used], case.calibration):
        return case  # other data from the start
    rest = np.setdiff1d(np.arange(len(case.inputs)), used)
    assert case.labels is not None
    note = f"{case.note}, tested on the {len(rest)} others"
    return replace(case, inputs=case.inputs[rest], labels=case.labels[rest], note=note)


def fewer(case: Case, most: int | None) -> Case:
    """Every so many frames, at most ``most``."""
    if most is None or most >= len(case.inputs):
        return case
    chosen = np.linspace(0, len(case.inputs) - 1, most).astype(np.int64)
    assert case.labels is not None
    note = f"{case.note}; {most} of the test frames"
    return replace(case, inputs=case.inputs[chosen], labels=case.labels[chosen], note=note)


class Bench:
    """One network: the float result is computed once."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._float: Any = None

    def measure(self, setting: Setting) -> dict[str, Any]:
        case = self._case
        found = network(case.model, setting.options(case), case.calibration, Silent())
        model = Model(found.real, found.integer)
        if self._float is None:
            self._float = model.run_float(case.inputs)
        (score,) = scores(model.run(case.inputs), self._float, case.labels).values()
        kept = found.search.kept.passes if found.search else None
        return {**_numbers(score), "kept": kept}


def _numbers(score: Score) -> dict[str, Any]:
    assert score.top1 is not None
    assert score.top1_float is not None
    return {
        "top1": score.top1,
        "top1_float": score.top1_float,
        "points": round(100 * (score.top1 - score.top1_float), 4),
        "agreement": score.agreement,
        "sqnr_db": score.sqnr_db,
    }


def table(rows: dict[str, dict[str, dict[str, Any]]], names: list[str]) -> Any:
    """Settings by networks: top-1 in per cent, points lost or won, SQNR of the output in dB."""
    floats = [""] * len(names)
    lines = []
    for setting, found in rows.items():
        cells = []
        for i, name in enumerate(names):
            n = found[name]
            floats[i] = f"{100 * n['top1_float']:.2f}"
            cells.append(_cell(n))
        lines.append([setting, *cells])
    return simple_table(["", *names], [["float", *floats], *lines])


def _cell(n: dict[str, Any]) -> str:
    db = "-" if n["sqnr_db"] is None else f"{n['sqnr_db']:.1f} dB"
    return f"{100 * n['top1']:.2f} ({n['points']:+.2f}) {db}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Accuracy of quantized networks.")
    parser.add_argument("--only", help="networks, separated by commas")
    parser.add_argument("--rows", help="settings whose name contains one of these (commas)")
    parser.add_argument("--frames", type=int, help="most frames to test on, per network")
    parser.add_argument("--mnist", type=Path, help="folder of the MNIST IDX files")
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    return parser.parse_args()


def _chosen(names: str | None, name: str) -> bool:
    return names is None or any(part in name for part in names.split(","))


def measured(args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, str]]:
    """Numbers by setting and network, and what the networks were tested on."""
    wanted = [s for s in (*grid(), *methods()) if _chosen(args.rows, s.name)]
    rows: dict[str, Any] = {s.name: {} for s in wanted}
    notes: dict[str, str] = {}
    errors = Console(stderr=True)
    for case in cases(args.models, args.data, args.mnist):
        if case.labels is None or (args.only and case.name not in args.only.split(",")):
            continue
        case = fewer(unseen(case), args.frames)
        bench, notes[case.name] = Bench(case), case.note
        for number, setting in enumerate(wanted, 1):
            found = rows[setting.name][case.name] = bench.measure(setting)
            at = f"{case.name} {number}/{len(wanted)}"
            errors.print(f"{at}: {setting.name}: {_cell(found)}", highlight=False, soft_wrap=True)
    if not notes:
        raise SystemExit(f"error: no labelled network is called {args.only}")
    return rows, notes


def main() -> None:
    args = arguments()
    try:
        rows, notes = measured(args)
    except UserError as error:
        raise SystemExit(str(error)) from error
    if args.json:
        print(json.dumps({"data": notes, "rows": rows}, indent=2))
        return
    Console(width=30 + 28 * len(notes)).print(table(rows, list(notes)))
    print("\n".join(f"{name}: {note}" for name, note in notes.items()))


if __name__ == "__main__":
    main()
