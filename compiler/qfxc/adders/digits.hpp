// Signed digits of coefficients: how few there are, and which ones a shortest form may start with.
#pragma once

#include <vector>

#include "core.hpp"

namespace adders {

/// One coefficient; the masks hold the positions of the digits +1 and -1 that some form with the
/// fewest digits has. Coefficients stay below 2^27 (solve.py: WIDEST), so 32 bits hold all.
struct Entry {
  int c = 0;
  u32 plus = 0, minus = 0;
  std::uint8_t weight = 0;  // digits of a form with the fewest
  std::uint8_t zeros = 0;   // trailing ones
  std::uint16_t odd = 0;    // (|c| >> zeros) / 2, where that is below ODD

  int low() const { return zeros; }
  int top() const { return 31 - __builtin_clz(plus | minus); }
};

/// Coefficients below SMALL, and odd parts below 2 * ODD, are looked up.
constexpr int SMALL = 1 << 12, ODD = 256;

/// Every entry that is asked for often, made once.
class Codes {
 public:
  Codes() {
    small_.reserve(SMALL);
    for (int c = 0; c < SMALL; ++c) small_.push_back(make(c));
  }

  Entry operator()(int c) const {
    Entry e = std::abs(c) < SMALL ? small_[std::abs(c)] : make(std::abs(c));
    if (c < 0) {
      e.c = c;
      std::swap(e.plus, e.minus);
    }
    return e;
  }

  int weight(int c) const {
    return std::abs(c) < SMALL ? small_[std::abs(c)].weight : adders::weight(c);
  }

 private:
  static Entry make(int c) {
    Entry e;
    if (!c) return e;
    e.c = c;
    e.weight = static_cast<std::uint8_t>(adders::weight(c));
    e.zeros = static_cast<std::uint8_t>(__builtin_ctz(static_cast<u32>(c)));
    e.odd = static_cast<std::uint16_t>(std::min(c >> e.zeros >> 1, ODD));
    for (int p = e.zeros; p <= bit_length(c); ++p) {
      if (adders::weight(i64{c} - (i64{1} << p)) < e.weight) e.plus |= u32{1} << p;
      if (adders::weight(i64{c} + (i64{1} << p)) < e.weight) e.minus |= u32{1} << p;
    }
    return e;
  }

  std::vector<Entry> small_;
};

}  // namespace adders
