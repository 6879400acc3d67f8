"""Networks without multipliers: accuracy and hardware by the number of ones in a weight.

    python bench/multiplier_free.py [--only kws_dscnn] [--ones 2] [--verify all] [--json]

Weights of 8 and of 4 bits, any code, against weights of at most K signed powers of two (``--recipe
shift{k=K}``, 8 bits), each projected by itself and with error feedback. Top-1 is of the integer
network, on labelled frames that calibration has not seen. Plans are for one board, with DSPs and
without.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy import fewer, unseen
from cases import ROOT, Case, cifar_cases, keyword_cases
from rich.console import Console

from qfxc.driver import Compiled
from qfxc.driver import compile as compile_network
from qfxc.errors import UserError
from qfxc.network import network
from qfxc.options import Options
from qfxc.progress import Silent
from qfxc.report.scores import Score, scores
from qfxc.report.screen import simple_table
from qfxc.run import Model

BOARD = "ultra96"
NETWORKS = ("kws_dscnn", "resnet8", "resnet20")
ONES = (1, 2, 3)
PROOF_FRAMES = 2

MULTIPLIERS = ("dyadic", "mul")
"""Kernels that multiply numbers in a stream, unless they are built of shifters."""

PRODUCTS = ("dsp", "lut")
"""What multiplies; other variants are shifters or circuits of adders."""

PLANNED = (
    "frames/s",
    "LUT",
    "FF",
    "DSP",
    "BRAM18",
    "kernels that multiply",
    "dot products of multipliers",
    "variants",
    "proof",
)
SCORED = ("top-1 %", "float %", "agreement %", "SQNR dB")


@dataclass(frozen=True)
class Row:
    """A way to compile. ``max_dsp`` None: as many as there are; without ``plan`` scores only."""

    name: str
    recipe: str = "dyadic"
    passes: str = ""
    max_dsp: int | None = None
    plan: bool = True
    weights: int = 8

    def options(self, case: Case, passes: str) -> dict[str, Any]:
        joined = ",".join(text for text in (self.passes, passes) if text)
        own = {"recipe": self.recipe, "max_dsp": self.max_dsp, "weights": self.weights}
        return {**own, "passes": joined, **case.options}


def rows(ones: list[int]) -> Iterator[Row]:
    yield Row("8 bits with DSPs")
    yield Row("8 bits without DSPs", max_dsp=0)
    yield Row("4 bits with DSPs", weights=4)
    yield Row("4 bits without DSPs", max_dsp=0, weights=4)
    for k in ones:
        recipe = f"shift{{k={k}}}"
        nearest = "quantize{rounding_of_weights=nearest}"
        yield Row(f"K={k} projected", recipe, nearest, max_dsp=0, plan=False)
        yield Row(f"K={k} feedback", recipe, max_dsp=0)


def measure(case: Case, row: Row, args: argparse.Namespace) -> dict[str, Any]:
    """Scores, and the plan where there is one: an error of the planner stands in its place."""
    options = row.options(case, args.passes)
    planned = row.plan and not args.no_plan
    if planned:
        try:
            net = compile_network(
                case.model, BOARD, calib=case.calibration, verify=args.verify,
                frames=PROOF_FRAMES, allow_oversize=True, **options,
            )  # fmt: skip
            return {**scored(case, Model(net.real, net.integer)), **plan(net)}
        except UserError as error:
            failed = {"error": str(error)}
    graphs = network(case.model, Options(**options), case.calibration, Silent())
    found = scored(case, Model(graphs.real, graphs.integer))
    return {**found, **failed} if planned else found


def scored(case: Case, model: Model) -> dict[str, Any]:
    score: Score
    (score,) = scores(model.run(case.inputs), model.run_float(case.inputs), case.labels).values()
    assert score.top1 is not None
    assert score.top1_float is not None
    assert score.agreement is not None
    return {
        "top-1 %": 100 * score.top1,
        "float %": 100 * score.top1_float,
        "agreement %": 100 * score.agreement,
        "SQNR dB": score.sqnr_db,
    }


def plan(net: Compiled) -> dict[str, Any]:
    found, layers = net.report["plan"], net.report["layers"]
    use = found["estimate"]
    proof = net.report["verification"]
    variants = Counter(row["variant"] for row in layers if row["weights"])
    multiply = [r for r in layers if r["op"] in MULTIPLIERS and r["variant"] in PRODUCTS]
    return {
        "frames/s": found["frames_per_second"],
        "fits": found["fits"],
        "limited by": found["limit"],
        "LUT": use["lut"],
        "FF": use["ff"],
        "DSP": use["dsp"],
        "BRAM18": use["bram18"],
        "kernels that multiply": len(multiply),
        "dot products of multipliers": sum(variants[v] for v in PRODUCTS),
        "variants": dict(sorted(variants.items())),
        "proof": {entry["engine"]: entry["equal"] for entry in proof},
    }


def text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if key == "frames/s" and "error" in row:
        return str(row["error"]).splitlines()[0]
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_verdict(v)}" for name, v in value.items())
    shown = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
    return f"{shown} (too big)" if key == "LUT" and not row["fits"] else shown


def _verdict(value: int | bool) -> str:
    return {True: "equal", False: "DIFFERENT"}[value] if isinstance(value, bool) else str(value)


def table(found: dict[str, dict[str, Any]], keys: tuple[str, ...]) -> Any:
    lines = [
        [name, *(text(row, key) for key in keys)]
        for name, row in found.items()
        if "error" in row or keys[0] in row
    ]
    return simple_table(["", *keys], lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Networks without multipliers.")
    parser.add_argument("--only", help="networks, separated by commas")
    parser.add_argument("--ones", help="numbers of ones, separated by commas [1,2,3]")
    parser.add_argument("--rows", help="rows whose name contains one of these (commas)")
    parser.add_argument("--frames", type=int, help="most frames to test on, per network")
    parser.add_argument("--passes", default="", help="more options of passes, for every row")
    parser.add_argument("--no-plan", action="store_true", help="accuracy only")
    parser.add_argument("--verify", default="none", choices=("all", "csim", "rtl", "none"))
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    return parser.parse_args()


def measured(args: argparse.Namespace) -> Iterator[tuple[Case, dict[str, dict[str, Any]]]]:
    """Every network that is there, with its rows by name."""
    only = args.only.split(",") if args.only else NETWORKS
    ones = [int(k) for k in args.ones.split(",")] if args.ones else list(ONES)
    parts = args.rows.split(",") if args.rows else [""]
    errors = Console(stderr=True)
    there = (*keyword_cases(args.models, args.data), *cifar_cases(args.models, args.data))
    for case in there:
        if case.name not in only or case.labels is None:
            continue
        case, found = fewer(unseen(case), args.frames), {}
        for row in rows(ones):
            if any(part in row.name for part in parts):
                errors.print(f"{case.name}: {row.name}", highlight=False)
                found[row.name] = measure(case, row, args)
        yield case, found


def main() -> None:
    args = arguments()
    console, everything = Console(width=160), {}
    for case, found in measured(args):
        everything[case.name] = {"data": case.note, "rows": found}
        if args.json:
            continue
        console.print(f"{case.name}: {case.note}", highlight=False)
        console.print(table(found, SCORED))
        if not args.no_plan:
            console.print(table(found, PLANNED))
    if not everything:
        raise SystemExit(f"error: no labelled network is called {args.only}")
    if args.json:
        print(json.dumps(everything, indent=2))


if __name__ == "__main__":
    main()
