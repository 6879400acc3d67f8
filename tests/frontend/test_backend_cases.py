"""ONNX's own test cases: nothing fails, and docs/operators.md says what passes."""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import pytest

from onnx_cases import operator_cases, stored_cases
from qfxc.frontend.onnx_ops import TABLE

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("operator_coverage", ROOT / "bench" / "coverage.py")
assert SPEC is not None
assert SPEC.loader is not None
bench: Any = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = bench
SPEC.loader.exec_module(bench)

TEXT = (ROOT / "docs" / "operators.md").read_text()
SAME_ONNX = f"({onnx.__version__})" in TEXT
"""Other versions have other cases: none may fail there either, but their numbers are not stated."""

LINE = re.compile(r"\| (\w+) \| (\d+) \| (\d+) \| (\d+) \|.*")


@cache
def stated() -> dict[str, tuple[int, int, int]]:
    """Per operator: cases passed, refused, compiled."""
    found = (LINE.fullmatch(line) for line in TEXT.splitlines())
    return {m[1]: (int(m[2]), int(m[3]), int(m[4])) for m in found if m}


def test_the_page_has_every_operator_with_cases() -> None:
    known = set(TABLE) & set(operator_cases())
    assert set(stated()) == known or not SAME_ONNX
    total = re.search(r"(\d+) passed, \d+ refused, \d+ compiled to integers, (\d+) fail", TEXT)
    assert total is not None
    assert (int(total[1]), int(total[2])) == (sum(p for p, _, _ in stated().values()), 0)


@pytest.mark.parametrize("op", sorted(operator_cases()))
def test_right_results_or_a_clean_refusal(op: str) -> None:
    row = bench.measure(operator_cases()[op], op, bench.How(compile=False))
    assert not row.failures
    if SAME_ONNX:
        wanted = stated().get(op, (0, row.refused, 0))
        assert (row.passed, row.refused) == wanted[:2], "run: python bench/coverage.py"


@pytest.mark.parametrize("op", sorted(op for op, counts in stated().items() if counts[2]))
def test_compiles_to_integers_near_the_real_results(op: str) -> None:
    """The first case that does; ``bench/coverage.py`` compiles all."""
    row = bench.Row(op)
    for case in operator_cases()[op]:
        bench.measure_case(case, row, bench.How())
        assert not row.failures
        if row.compiled:
            return
    raise AssertionError("no case compiles")


def test_stored_models() -> None:
    row = bench.measure(stored_cases(), "stored", bench.How(compile=False))
    assert not row.failures
    counts = f"Stored models of the package: {row.passed} passed, {row.refused} refused."
    assert counts in TEXT or not SAME_ONNX


def test_whole_networks_import() -> None:
    for name, what in bench.measure_networks():
        assert what.endswith("nodes"), name
        assert f"| {name} | {what} |" in TEXT or not SAME_ONNX
