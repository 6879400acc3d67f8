"""The lint finds nothing in what we generate, and finds every rule's breach."""

from __future__ import annotations

import pytest

from kernel_cases import glue_cases, netlist_of, sample_cases
from qfxc.backends.hls import render
from qfxc.verify.lint import lint, lint_text

REGION = """
extern "C" void core(
    hls::stream<ap_uint<8> >& x,
    hls::stream<ap_uint<8> >& y) {
#pragma HLS DATAFLOW
  hls::stream<ap_uint<8> > a("a");
%s
}
"""


def test_generated_sources_and_library_are_clean() -> None:
    netlist, _ = netlist_of([*sample_cases(), *glue_cases()])
    files = render(netlist, "xczu3eg-sbva484-1-i", 5.0)
    assert [str(f) for f in lint(files)] == []


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("int* p = new int[4];", "dynamic memory"),
        ("std::vector<int> v;", "standard library"),
        ("float f = 0;", "floating point"),
        ("goto end;", "goto"),
        ("while (x) {}", "uncounted loop"),
        ("try { f(); } catch (int) {}", "exceptions"),
        ("virtual void f();", "run-time types"),
        ("union { int a; };", "reinterpretation"),
        ("if (xs.empty()) { f(); }", "stream state"),
        ("if constexpr (A) { f(); }", "newer than C++14"),
        ("static int count = 0;", "state between calls"),
        ("#pragma HLS PIPELINED II=1", "pragma"),
        ("#pragma HLS INTERFACE axis port=x", "pragma without mode="),
        ("a = b / c;", "division"),
        ("a = b % 3;", "division"),
        ("void f(hls::stream<ap_uint<8> >& xs) { int a; xs >> a; }", "stream operator"),
    ],
)
def test_breaches(code: str, rule: str) -> None:
    assert rule in {f.rule for f in lint_text("hls/src/a.cpp", code)}


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("  f(x, a);\n  g(a, y);", []),
        ("  f(x, a);\n  if (1) g(a, y);", ["dataflow region", "dataflow stream"]),
        ("  f(x, a);\n  g(a, y);\n  h(a);", ["dataflow stream"]),
        ("  f(x, y);", ["dataflow stream"]),
        ("  int n = 3;\n  f(x, a);\n  g(a, y);", ["dataflow region"]),
    ],
)
def test_dataflow_regions(body: str, rules: list[str]) -> None:
    found = lint_text("hls/src/a.cpp", REGION % body)
    assert sorted({f.rule for f in found}) == rules


def test_comments_do_not_count() -> None:
    assert lint_text("hls/src/a.cpp", "// new float / while\nint a = 1;  /* goto */\n") == []
