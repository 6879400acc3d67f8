// Pairs of digits that two coefficients of a column have in common with a shifted sum.
#pragma once

#include "digits.hpp"

namespace adders {

/// The sum x_i + sign * 2^d * x_j; for negative d it is 2^-d * x_i + sign * x_j.
struct Pattern {
  int i, j, d;
  bool minus;
  Term first() const { return {i, std::max(-d, 0), false}; }
  Term second() const { return {j, std::max(d, 0), minus}; }
};

/// Where x_i's digit at s pairs with x_j's at s + d; a bit per s of the first term's sign.
inline void meet(const Entry& x, const Entry& y, int d, bool minus, u32& plus, u32& neg) {
  const u32 yp = d >= 0 ? y.plus >> d : y.plus << -d, ym = d >= 0 ? y.minus >> d : y.minus << -d;
  plus = x.plus & (minus ? ym : yp);
  neg = x.minus & (minus ? yp : ym);
}

/// Takes one occurrence out of two coefficients; false if there is none (any more). Both signs of
/// both coefficients are treated alike.
inline bool take(const Codes& codes, Entry& x, Entry& y, int d, bool minus, int& used) {
  u32 plus, neg;
  meet(x, y, d, minus, plus, neg);
  if (!(plus | neg)) return false;
  const int s = __builtin_ctz(plus | neg);
  const int sign = (x.c > 0 ? plus >> s & 1 : ~neg >> s & 1) ? 1 : -1;
  x = codes(x.c - sign * (1 << s));
  y = codes(y.c - (minus ? -sign : sign) * (1 << (s + d)));
  used += sign * (1 << (d < 0 ? s + d : s));
  return true;
}

/// The same within one coefficient.
inline bool take_twice(const Codes& codes, Entry& x, int d, bool minus, int& used) {
  u32 plus, neg;
  meet(x, x, d, minus, plus, neg);
  for (u32 rest = plus | neg; rest; rest &= rest - 1) {
    const int s = __builtin_ctz(rest);
    for (int turn = x.c > 0 ? 1 : -1, k = 0; k < 2; ++k, turn = -turn) {
      if (!((turn > 0 ? plus : neg) >> s & 1)) continue;
      const int c = x.c - turn * (1 << s) - (minus ? -turn : turn) * (1 << (s + d));
      if (codes.weight(c) + 2 != x.weight) continue;
      x = codes(c);
      used += turn * (1 << s);
      return true;
    }
  }
  return false;
}

/// How often every pattern occurs between two coefficients. That depends on their odd parts up to
/// a shift of all patterns and their signs, so each pair of odd parts is counted once.
class Occurrences {
 public:
  struct Count {
    int slot;  // 2 d + minus
    int number;
  };
  struct List {
    int begin = -1, end = -1;
  };

  Occurrences(const Codes& codes, int largest)
      : codes_(codes),
        odds_(std::min(largest / 2 + 1, ODD)),
        pairs_(odds_ * odds_),
        alone_(odds_) {}

  /// Between the positive odd parts of x and y; valid until the next call.
  const Count* between(const Entry& x, const Entry& y, int& count) {
    List fresh;
    List& list = x.odd < odds_ && y.odd < odds_ ? pairs_[x.odd * odds_ + y.odd] : fresh;
    if (list.begin < 0) {
      const Entry a = odd_part(x), b = odd_part(y);
      open(list);
      for (int d = b.low() - a.top(); d <= b.top() - a.low(); ++d)
        for (int minus = 0; minus < 2; ++minus) append(2 * d + minus, number(a, b, d, minus != 0));
    }
    return close(list, &list != &fresh, count);
  }

  /// Within one.
  const Count* within(const Entry& x, int& count) {
    List fresh;
    List& list = x.odd < odds_ ? alone_[x.odd] : fresh;
    if (list.begin < 0) {
      const Entry a = odd_part(x);
      open(list);
      for (int d = 1; d <= a.top() - a.low(); ++d)
        for (int minus = 0; minus < 2; ++minus) append(2 * d + minus, number(a, d, minus != 0));
    }
    return close(list, &list != &fresh, count);
  }

 private:
  const Codes& codes_;
  int odds_;
  std::vector<List> pairs_, alone_;
  std::vector<Count> counts_;
  std::size_t kept_ = 0;

  Entry odd_part(const Entry& x) const { return codes_(std::abs(x.c) >> x.zeros); }

  /// What is not kept ends behind what is.
  void open(List& list) {
    counts_.resize(kept_);
    list.begin = static_cast<int>(kept_);
  }

  void append(int slot, int number) {
    if (number) counts_.push_back({slot, number});
  }

  const Count* close(List& list, bool keep, int& count) {
    if (list.end < 0) list.end = static_cast<int>(counts_.size());
    if (keep) kept_ = std::max(kept_, static_cast<std::size_t>(list.end));
    count = list.end - list.begin;
    return counts_.data() + list.begin;
  }

  int number(Entry x, Entry y, int d, bool minus) const {
    int n = 0, used = 0;
    while (take(codes_, x, y, d, minus, used)) ++n;
    return n;
  }

  int number(Entry x, int d, bool minus) const {
    int n = 0, used = 0;
    while (take_twice(codes_, x, d, minus, used)) ++n;
    return n;
  }
};

}  // namespace adders
