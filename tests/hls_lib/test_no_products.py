"""What ``--no-dsp`` promises of C++: no ``*`` between signals, seen by the compiler.

g++ writes its intermediate form (GIMPLE), every template instantiated, every constant folded, every
operation with its place in the source. A product, quotient or remainder of two variables there, or
one that a function of the ap_int headers makes, is one in hardware. What varies in C++ and not in
hardware, a loop that is unrolled, multiplies by constants only, so it needs no exception; that
counters of other loops multiply nothing, not even constants, is read from the text.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import no_dsp
from kernel_cases import case_of, kernel_ops, netlist_of
from qfxc.backends.hls import render
from qfxc.hw.netlist import Netlist
from qfxc.ir.kernel import KernelOp, Variant
from qfxc.share import folder
from qfxc.verify.csim import ap_types

PART, CLOCK = "xczu3eg-sbva484-1-i", 5.0
OPERATION = re.compile(r"= (?P<a>[^;=]+?) (?:[wh]?\*|/|%) (?P<b>[^;=]+?);")
CONSTANT = re.compile(r"-?\d+[uUlL]*")
CALL = re.compile(r"\boperator(?:\*|/|%)=?\s*[<(]")
PLACE = re.compile(r"\[([^\]\s]+):(\d+):\d+(?: discrim \d+)?\]\s*")
LOOP = re.compile(r"for \(int (\w+) = [^{]*\{\n#pragma HLS PIPELINE")
COUNTER = re.compile(r"(?:\bcounter<[^;]*>::type|::address) (\w+)(?:\[\w+\])? =")


def written(netlist: Netlist, work: Path) -> None:
    """The C++ of a netlist without its test bench."""
    for path, content in render(netlist, PART, CLOCK).items():
        target = work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def products(work: Path) -> list[str]:
    """Where the C++ of a project multiplies or divides variables."""
    sources = sorted((work / "hls" / "src").glob("*.cpp"))
    every = work / "every.cpp"
    every.write_text("".join(f'#include "{path}"\n' for path in sources))
    includes = [f"-I{work / 'hls' / name}" for name in ("include", "src", "sim")]
    dump = f"-fdump-tree-gimple-lineno={work / 'gimple'}"
    flags = ["-std=c++14", "-O0", "-S", "-o", "/dev/null", "-isystem", str(ap_types())]
    command = ["g++", *flags, dump, *includes, str(every)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return sorted(set(_found((work / "gimple").read_text(), f"{work}/hls/")))


def _found(dump: str, project: str) -> Sequence[str]:
    found, at = [], ("", "")
    for line in dump.splitlines():
        place = PLACE.search(line)
        at = (place[1], place[2]) if place else at
        if not at[0].startswith(project) or "/sim/" in at[0]:
            continue
        code = PLACE.sub("", line)
        variable = [m for m in OPERATION.finditer(code) if _varies(m["a"]) and _varies(m["b"])]
        if variable or CALL.search(code):
            found.append(f"{at[0].removeprefix(project)}:{at[1]}")
    return found


def _varies(operand: str) -> bool:
    return not CONSTANT.fullmatch(operand.strip())


def least(stem: str, variant: Variant) -> Netlist:
    """One instance of an operator's first sample that may be built otherwise, too."""
    node = next(n for n in kernel_ops()[stem].samples() if variant in no_dsp.offered(n))
    assert isinstance(node.op, KernelOp)
    fold = max(f for f in node.op.folds(node) if f.variant is variant)
    return netlist_of([case_of(stem, node, fold)])[0]


def test_no_kernel_multiplies_signals(tmp_path: Path) -> None:
    written(netlist_of(no_dsp.kernel_cases())[0], tmp_path)
    assert products(tmp_path) == []


@pytest.mark.parametrize(
    ("network", "recipe"), [("branches", "dyadic"), ("preactivation", "shift{k=2}")]
)
def test_no_design_multiplies_signals(network: str, recipe: str, tmp_path: Path) -> None:
    written(no_dsp.netlist(network, recipe), tmp_path)
    assert products(tmp_path) == []


@pytest.mark.parametrize("stem", ["matvec", "depthwise", "mul", "dyadic", "pool"])
def test_a_product_for_dsps_is_found(stem: str, tmp_path: Path) -> None:
    written(least(stem, Variant.DSP), tmp_path)
    found = {place.split(":")[0] for place in products(tmp_path)}
    assert found & {"include/qfx/product.hpp", "include/qfx/dot.hpp"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return swaps ?", "return a * b; return swaps ?"),
        ("return swaps ?", "return P(w * x); return swaps ?"),
        ("const T digits = w << 1;", "T digits = w << 1; digits *= x;"),
        ("const T digits = w << 1;", "const T digits = (w << 1) + w / (x + 1);"),
        ("const T digits = w << 1;", "const T digits = (w << 1) + w % (x + 1);"),
    ],
)
def test_one_that_somebody_puts_in_is_found(old: str, new: str, tmp_path: Path) -> None:
    written(least("mul", Variant.LUT), tmp_path)
    header = tmp_path / "hls" / "include" / "qfx" / "product.hpp"
    text = header.read_text()
    assert text.count(old) == 1
    assert products(tmp_path) == []
    header.write_text(text.replace(old, new))
    line = text[: text.index(old)].count("\n") + 1
    assert products(tmp_path) == [f"include/qfx/product.hpp:{line}"]


def factors(text: str) -> list[str]:
    """Counters of loops that are not unrolled, and positions, beside a ``*``."""
    code = re.sub(r"//[^\n]*", "", text)
    names = {*LOOP.findall(code), *COUNTER.findall(code)}
    return [n for n in sorted(names) if re.search(rf"\b{n}\b\s*\*[^/]|\*\s*{n}\b", code)]


def test_counters_multiply_nothing() -> None:
    headers = sorted((folder("hls_lib") / "include" / "qfx").glob("*.hpp"))
    assert {path.name: found for path in headers if (found := factors(path.read_text()))} == {}


def test_a_counter_that_multiplies_is_found() -> None:
    loop = "for (int i = 0; i < C::Words; ++i) {\n#pragma HLS PIPELINE II=1\n  y = x[i * C::Lanes];"
    assert factors(loop) == ["i"]
    assert factors("typename counter<C::Rows>::type row = 0; y = x[3 * row];") == ["row"]
    assert factors(loop.replace("PIPELINE II=1", "UNROLL")) == []
