"""Which ONNX operators compile, measured on the test cases of the onnx package: docs/operators.md.

Every generated single-node case, every stored model and every whole network goes through the
import and the simulation of the real graph, and is compared with the results that the onnx package
states. What is imported and takes float32 tensors is compiled to integers of 8 bits as well.

``--no-dsp`` compiles all of it without a DSP, which has to succeed as often; ``--verify`` says what
the first case of every operator is proved on.
"""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from rich.console import Console  # noqa: E402

import qfxc  # noqa: E402
from onnx_cases import Case, check, networks, operator_cases, stored_cases, variants  # noqa: E402
from qfxc.errors import UserError, UserErrors  # noqa: E402
from qfxc.frontend.onnx_file import load  # noqa: E402
from qfxc.frontend.onnx_ops import TABLE  # noqa: E402
from qfxc.ir.graph import Graph  # noqa: E402

PAGE = ROOT / "docs" / "operators.md"
FRAMES = 16
LEAST_SQNR_DB = 15.0
"""Of the 8-bit network against the real one, where the output is not constant."""

STEPS = ("ArgMax", "ArgMin", "Ceil", "Floor", "Round", "Sign", "ThresholdedRelu", "Shrink")
"""Functions with jumps: a code beside one may fall on its other side, so no bound holds."""


@dataclass
class Row:
    """What happened to the cases of one operator."""

    op: str
    passed: int = 0
    refused: int = 0
    compiled: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def calibration(case: Case, graph: Graph) -> dict[str, np.ndarray] | None:
    """Frames with values between those of the case; None for what is no input of a layer."""
    rng = np.random.default_rng(0)
    found = {}
    for port in graph.in_ports:
        x = case.feed[port.name]
        if x.dtype != np.float32 or not 1 <= x.ndim <= 5 or not np.isfinite(x).all():
            return None
        a, b = (rng.choice(x.reshape(-1), (FRAMES, *port.shape)) for _ in range(2))
        found[port.name] = a + (b - a) * rng.random(a.shape, dtype=np.float32)
    return found


@dataclass(frozen=True)
class How:
    """``compile``: off, import and simulation only; ``verify``: an operator's first case."""

    compile: bool = True
    no_dsp: bool = False
    verify: str = "none"

    def options(self, row: Row) -> dict[str, Any]:
        """Of the next compilation."""
        verify = "none" if row.compiled else self.verify
        return {"max_dsp": 0 if self.no_dsp else None, "verify": verify}


def compiled(model: onnx.ModelProto, frames: dict[str, np.ndarray], **options: Any) -> float:
    """The lowest SQNR of an output in dB; infinite where nothing is lost."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = qfxc.compile(model, calib=frames, allow_oversize=True, **options)
    if options["max_dsp"] == 0 and net.plan.cost.dsp:
        raise AssertionError(f"{net.plan.cost.dsp} DSPs")
    exact = net.real, net.integer
    from qfxc.quantize.error import sqnr_db
    from qfxc.run import Model

    real, integer = Model(*exact).run_float(frames).real, net.simulate(frames).real
    lowest = [sqnr_db(v, integer[n]) for n, v in real.items() if np.ptp(v) > 0]
    return min(lowest, default=float("inf"))


def compiled_as(model: onnx.ModelProto, frames: dict[str, np.ndarray], how: How, row: Row) -> float:
    """``compiled``; AssertionError for what compiles with DSPs only."""
    options = how.options(row)
    try:
        return compiled(model, frames, **options)
    except UserError as error:
        if how.no_dsp:
            compiled(model, frames, max_dsp=None, verify="none")
            raise AssertionError(f"not without DSPs: {error}") from error
        raise


def measure_case(case: Case, row: Row, how: How) -> None:
    """Supported if one choice of data inputs is; failed if one choice gives wrong results."""
    outcomes: set[str] = set()
    for model, dynamic in variants(case):
        label = f"{case.name}({', '.join(dynamic)})"
        try:
            graph = check(model, case)
            outcomes.add("passed")
            frames = calibration(case, graph) if how.compile else None
            if frames is not None and "compiled" not in outcomes:
                quality = compiled_as(model, frames, how, row)
                outcomes.add("compiled")
                if quality < LEAST_SQNR_DB and not set(case.ops) & set(STEPS):
                    row.failures.append(f"{label}: {quality:.1f} dB")
        except UserError as error:
            row.reasons[_reason(error)] += 1
        except Exception:
            last = traceback.format_exc().strip().splitlines()
            row.failures.append(f"{label}: {' | '.join(last[-3:])}")
    row.passed += "passed" in outcomes
    row.refused += "passed" not in outcomes
    row.compiled += "compiled" in outcomes


def _reason(error: UserError) -> str:
    first = error.errors[0] if isinstance(error, UserErrors) else error
    return first.what


def measure(cases: Iterable[Case], op: str, how: How) -> Row:
    row = Row(op)
    for case in cases:
        measure_case(case, row, how)
    return row


def measure_networks() -> list[tuple[str, str]]:
    """Whole networks: imported, and the reason where they are not."""
    found = []
    for path in networks():
        try:
            graph = load(path)
            found.append((path.stem, f"{len(graph.nodes())} nodes"))
        except UserError as error:
            found.append((path.stem, f"refused: {_reason(error)}"))
    return found


def page(rows: Sequence[Row], stored: Row, whole: Sequence[tuple[str, str]]) -> str:
    """docs/operators.md."""
    known = [r for r in rows if r.op in TABLE]
    unknown = sorted(r.op for r in rows if r.op not in TABLE)
    lines = _head()
    for r in known:
        why = "; ".join(sorted(_short(t) for t in r.reasons)[:2]) if r.refused else ""
        lines.append(f"| {r.op} | {r.passed} | {r.refused} | {r.compiled} | {why} |")
    total = [sum(getattr(r, k) for r in rows) for k in ("passed", "refused", "compiled")]
    failed = sum(len(r.failures) for r in (*rows, stored))
    lines += [
        "",
        f"{sum(total[:2])} cases of {len(rows)} operators: {total[0]} passed, {total[1]} refused, "
        f"{total[2]} compiled to integers, {failed} failed.",
        f"Stored models of the package: {stored.passed} passed, {stored.refused} refused.",
        "",
        "| whole network | imported |",
        "|---|---|",
        *(f"| {name} | {what} |" for name, what in whole),
        "",
        "Operators that are always refused: " + ", ".join(unknown) + ".",
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head() -> list[str]:
    return [
        "# Operators, measured",
        "",
        "Written by `python bench/coverage.py`: the test cases of the onnx package "
        f"({onnx.__version__}), imported, simulated, compared with the results that it states.",
        "",
        "`passed`: cases with the right results, for some choice of inputs as data and the others",
        "as constants. `refused`: cases that end in an error message that names the node. "
        "`integers`: cases",
        "with float32 data that were compiled to 8 bits as well (signal to quantization noise at ",
        f"least {LEAST_SQNR_DB:.0f} dB).",
        "",
        "| operator | passed | refused | integers | why the others are refused |",
        "|---|---|---|---|---|",
    ]


def _short(text: str) -> str:
    return (text if len(text) < 80 else text[:77] + "...").replace("|", "/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="operators, comma separated; writes nothing")
    parser.add_argument("--quick", action="store_true", help="does not compile; writes nothing")
    parser.add_argument("--no-dsp", action="store_true", help="without DSPs; writes nothing")
    parser.add_argument("--verify", default="none", choices=("none", "csim", "rtl", "all"))
    options = parser.parse_args()
    how = How(not options.quick, options.no_dsp, options.verify)
    chosen = [op for op in options.only.split(",") if op]
    found = operator_cases()
    rows = []
    console = Console(highlight=False, soft_wrap=True)
    for op in chosen or sorted(found):
        rows.append(measure(found.get(op, []), op, how))
        if chosen:
            console.print(rows[-1].op, rows[-1].passed, rows[-1].refused, rows[-1].compiled)
            console.print(*(f"  {n} x {t}" for t, n in rows[-1].reasons.items()), sep="\n")
    stored = Row("stored") if chosen else measure(stored_cases(), "stored", how)
    for failure in (f for r in (*rows, stored) for f in r.failures):
        console.print(f"FAILED {failure}", markup=False)
    if not chosen:
        total = [sum(getattr(r, k) for r in rows) for k in ("passed", "refused", "compiled")]
        console.print("{} passed, {} refused, {} compiled to integers".format(*total))
        console.print("stored", stored.passed, stored.refused, dict(stored.reasons), markup=False)
    if not (chosen or options.quick or options.no_dsp):
        PAGE.write_text(page(rows, stored, measure_networks()))
    sys.exit(any(r.failures for r in (*rows, stored)))


if __name__ == "__main__":
    main()
