"""How circuits of adders are written: what a reader, and Vitis HLS, should find in the files."""

from __future__ import annotations

import re

import numpy as np
import pytest

from kernel_cases import case_of, netlist_of
from qfxc.backends import hls, rtl
from qfxc.ir.graph import Node
from qfxc.ir.kernel import Fold, Variant
from qfxc.ir.types import Int
from qfxc.ops._samples import source
from qfxc.ops.const import int_const
from qfxc.ops.matvec import MatVec

INT4 = Int(-8, 7)
WEIGHTS = np.array([[[5, 0, -1], [3, 0, 0]]])
"""y0 = 5 a + 3 b, y1 = 0, y2 = -a."""


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    const = int_const(WEIGHTS, Int(-1, 5), "w")
    node = Node(MatVec(), (source((1, 2), INT4), const), "fc")
    fold = next(f for f in MatVec().folds(node) if f.variant is Variant.TREE)
    netlist, _ = netlist_of([case_of("fc", node, fold)])
    written = {**rtl.render(netlist), **hls.render(netlist, "xczu3eg-sbva484-1-i", 5.0)}
    return {path: str(text) for path, text in written.items()}


def only(files: dict[str, str], pattern: str) -> str:
    (text,) = (text for path, text in files.items() if re.search(pattern, path))
    return text


def test_the_graph_is_kept_as_it_is_solved(files: dict[str, str]) -> None:
    """Vitis HLS rearranges sums of integers unless told otherwise, which undoes shared ones; the
    directive belongs to the function that is left after inlining."""
    (wrapper,) = re.findall(r"void u_fc\w*\([^}]*\}", only(files, r"kernels_\d"))
    assert "#pragma HLS EXPRESSION_BALANCE off" in wrapper
    assert "#pragma HLS INLINE off" in wrapper


def test_heads_say_how_large_the_circuit_is(files: dict[str, str]) -> None:
    """5 a = a + 4 a, 3 b = b + 2 b or 4 b - b, their sum, and -a: four sums, however shared."""
    for path in (r"_adders\.hpp", r"u_fc\w*\.sv"):
        assert "2 elements, 4 sums, 3 results" in only(files, path)


def test_operands_that_are_not_shifted_need_no_cast(files: dict[str, str]) -> None:
    """Sums of ap_ints widen by themselves, and g++ takes a third less time without the casts."""
    sums = re.findall(r"const \w+<\d+> n\d+ = (.*);", only(files, r"_adders\.hpp"))
    assert len(sums) == 4
    assert not any(re.search(r"\(\w+\)(?! <<)", text) for text in sums)


def test_results_are_named_and_shifts_by_nothing_left_out(files: dict[str, str]) -> None:
    module = only(files, r"u_fc\w*\.sv")
    results = re.findall(r"assign y_data_o\[(\d+):(\d+)\] = .*;  // y\[(\d)\]", module)
    assert [int(index) for *_, index in results] == [0, 1, 2]
    assert not any("<< 0" in text for text in files.values())


def test_bits_below_a_shifted_operand_are_not_added() -> None:
    """a + 4 b: the two low bits of a pass through."""
    node = Node(
        MatVec(), (source((1, 2), INT4), int_const(np.array([[[1], [4]]]), INT4, "w")), "fc"
    )
    kernel = MatVec().kernel(node, Fold(2, 1, Variant.TREE))
    assert "assign n2 = {5'(x0 >>> 2) + 5'(x1), 2'(x0)};" in rtl.module_text(kernel, "fc", "fc")
