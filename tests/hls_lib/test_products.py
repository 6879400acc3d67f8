"""Products without a ``*``: radix-4 Booth and multiples of constants, against g++'s own ``*``."""

from __future__ import annotations

import subprocess
from pathlib import Path

from qfxc.share import folder
from qfxc.verify.csim import ap_types

EXHAUSTIVE = """
#include "qfx/product.hpp"
#include <cstdio>

static long checked = 0, wrong = 0;
static uint64_t state = 1;

static uint64_t random64() {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state ^ (state >> 29);
}

template <class W, class X>
void check(uint64_t wc, uint64_t xc) {
  typedef qfx::operand<W> A;
  typedef qfx::operand<X> B;
  const W w = wc;
  const X x = xc;
  typedef typename qfx::elem<A::Bits + B::Bits, (A::Signed || B::Signed)>::type P;
  const P right = uint64_t(w.to_int64()) * uint64_t(x.to_int64());
  ++checked;
  wrong += qfx::multiply<true, P>(w, x) != right;
  wrong += qfx::multiply<false, P>(w, x) != right;
}

// all pairs of short numbers; the ends and random pairs of long ones
template <class W, class X>
void pairs() {
  constexpr int wb = qfx::operand<W>::Bits, xb = qfx::operand<X>::Bits;
  if (wb + xb <= 10) {
    for (long i = 0; i < 1L << (wb + xb); ++i) check<W, X>(i, i >> wb);
    return;
  }
  const uint64_t ends[] = {0, 1, ~0ull, 1ull << (wb - 1), (1ull << (wb - 1)) - 1,
                           1ull << (xb - 1), (1ull << (xb - 1)) - 1};
  for (uint64_t a : ends)
    for (uint64_t b : ends) check<W, X>(a, b);
  for (int i = 0; i < 200; ++i) check<W, X>(random64(), random64());
}

template <int A, int B>
void signs() {
  pairs<ap_int<A>, ap_int<B>>();
  pairs<ap_int<A>, ap_uint<B>>();
  pairs<ap_uint<A>, ap_int<B>>();
  pairs<ap_uint<A>, ap_uint<B>>();
}

template <long long K>
void times() {
  for (int i = 0; i < 50; ++i) {
    const int64_t x = int64_t(random64());
    ++checked;
    wrong += qfx::multiple<K>(x) != uint64_t(K) * uint64_t(x);
  }
}

int main() {
  SIGNS
  TIMES
  std::printf("%ld %ld\\n", checked, wrong);
  return 0;
}
"""

SHORT = [(a, b) for a in range(1, 6) for b in range(1, 6)]
LONG = [(8, 8), (8, 9), (16, 16), (17, 16), (7, 31), (25, 12), (32, 32), (45, 18), (1, 40)]
CONSTANTS = [1, -1, 2, 3, -7, 11, 255, -256, 1 << 40, (1 << 62) - 3, -(1 << 62) + 5]


def test_products_equal_those_of_the_compiler(tmp_path: Path) -> None:
    """Both kinds of product, of operands of every sign: all of short ones, many of long ones."""
    signs = "\n  ".join(f"signs<{a}, {b}>();" for a, b in (*SHORT, *LONG))
    times = "\n  ".join(f"times<{k}LL>();" for k in CONSTANTS)
    source = tmp_path / "products.cpp"
    source.write_text(EXHAUSTIVE.replace("SIGNS", signs).replace("TIMES", times))
    library = folder("hls_lib")
    includes = [f"-I{library / 'include'}", f"-I{library / 'sim'}", "-isystem", str(ap_types())]
    binary = tmp_path / "products"
    command = ["g++", "-std=c++14", "-O1", *includes, str(source), "-o", str(binary)]
    subprocess.run(command, check=True, capture_output=True)
    run = subprocess.run([str(binary)], check=True, capture_output=True, text=True)
    checked, wrong = map(int, run.stdout.split())
    assert wrong == 0
    assert checked > 20_000
