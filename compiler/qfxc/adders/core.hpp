// What the solver's parts share: nodes, their linear forms and ranges, the price of an adder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace adders {

using i64 = std::int64_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

/// (-1)^negative * (node << shift)
struct Term {
  int node, shift;
  bool negative;
};

/// low + high, or low - high: the operand with the lowest bit is never the negated one, so its
/// bits below the other operand pass through; a sum that needs it otherwise is used negated.
struct Node {
  Term a, b;
  i64 lo, hi;
  int zeros, depth;
};

inline int bit_length(i64 x) { return x ? 64 - __builtin_clzll(static_cast<u64>(x)) : 0; }

inline int range_bits(i64 lo, i64 hi) {
  if (lo < 0) return std::max(bit_length(std::max<i64>(hi, 0)), bit_length(~lo)) + 1;
  return std::max(bit_length(hi), 1);
}

inline int signed_bits(i64 lo, i64 hi) { return range_bits(lo, hi) + (lo >= 0); }

/// Nonzero digits of the canonical signed-digit form.
inline int weight(i64 c) {
  const u64 n = static_cast<u64>(c < 0 ? -c : c);
  return __builtin_popcountll((3 * n) ^ n);
}

class Network {
 public:
  Network(int inputs, const i64* lo, const i64* hi) : inputs_(inputs) {
    for (int i = 0; i < inputs; ++i) {
      nodes.push_back({{}, {}, lo[i], hi[i], 0, 0});
      forms_.resize(forms_.size() + static_cast<std::size_t>(inputs), 0);
      forms_[static_cast<std::size_t>(i) * inputs + i] = 1;
    }
  }

  std::vector<Node> nodes;

  int inputs() const { return inputs_; }
  const i64* form(int node) const { return &forms_[static_cast<std::size_t>(node) * inputs_]; }
  int low(const Term& t) const { return nodes[t.node].zeros + t.shift; }
  int depth(const Term& t) const { return nodes[t.node].depth; }

  /// The range of a + b as if they were independent.
  void sum_range(const Term& a, const Term& b, i64& lo, i64& hi) const {
    if (a.node == b.node) {
      const i64 c =
          (a.negative ? -1 : 1) * (i64{1} << a.shift) + (b.negative ? -1 : 1) * (i64{1} << b.shift);
      const i64 p = c * nodes[a.node].lo, q = c * nodes[a.node].hi;
      lo = std::min(p, q), hi = std::max(p, q);
      return;
    }
    lo = hi = 0;
    for (const Term& t : {a, b}) {
      const i64 by = i64{1} << t.shift, p = nodes[t.node].lo * by, q = nodes[t.node].hi * by;
      lo += t.negative ? -q : p;
      hi += t.negative ? -p : q;
    }
  }

  /// LUTs of an adder with the result's range, the lower operand not negated (graph.py:
  /// adder_bits).
  int price(const Term& a, const Term& b, i64 lo, i64 hi) const {
    const bool swap = low(b) < low(a);
    const Term &l = swap ? b : a, &h = swap ? a : b;
    const bool minus = l.negative != h.negative;
    const int start = low(h);
    const Node& below = nodes[l.node];
    if (!minus && below.lo >= 0 && (below.hi << l.shift) < (i64{1} << start)) return 0;
    const int result = l.negative ? signed_bits(-hi, -lo) : signed_bits(lo, hi);
    return std::max(std::min(result, top(a, b)) - start + minus, 0);
  }

  int price(const Term& a, const Term& b) const {
    i64 lo, hi;
    sum_range(a, b, lo, hi);
    return price(a, b, lo, hi);
  }

  /// Adds a node for a + b, without common shift, its lower operand positive; returns the term
  /// of it that equals a + b.
  Term add(Term a, Term b) {
    if (low(b) < low(a)) std::swap(a, b);
    const int shift = std::min(a.shift, b.shift);
    const bool negative = a.negative;
    a = {a.node, a.shift - shift, false};
    b = {b.node, b.shift - shift, b.negative != negative};
    return {append(a, b), shift, negative};
  }

  /// Adds a node for exactly a + b.
  int append(const Term& a, const Term& b) {
    const std::size_t at = forms_.size();
    forms_.resize(at + inputs_);
    Node n{a, b, 0, 0, 0, std::max(depth(a), depth(b)) + 1};
    i64 all = 0;
    for (int k = 0; k < inputs_; ++k) {
      const i64 p = form(a.node)[k] * (i64{1} << a.shift),
                q = form(b.node)[k] * (i64{1} << b.shift);
      const i64 c = (a.negative ? -p : p) + (b.negative ? -q : q);
      forms_[at + k] = c;
      all |= c;
      n.lo += c * (c < 0 ? nodes[k].hi : nodes[k].lo);
      n.hi += c * (c < 0 ? nodes[k].lo : nodes[k].hi);
    }
    n.zeros = all ? __builtin_ctzll(static_cast<u64>(all)) : 0;
    nodes.push_back(n);
    return static_cast<int>(nodes.size()) - 1;
  }

  /// LUTs of node n as it is, wherever its sign went.
  int cost(const Node& n) const {
    const bool swap = low(n.b) < low(n.a);
    const Term &l = swap ? n.b : n.a, &h = swap ? n.a : n.b;
    if (!l.negative || low(l) == low(h)) return price(n.a, n.b, n.lo, n.hi);
    return std::min(signed_bits(n.lo, n.hi), top(n.a, n.b)) - low(l);
  }

  /// The linear form of a node whose terms were negated.
  void negate(int node) {
    for (int k = 0; k < inputs_; ++k) forms_[static_cast<std::size_t>(node) * inputs_ + k] *= -1;
  }

  void truncate(std::size_t count) {
    nodes.resize(count);
    forms_.resize(count * inputs_);
  }

  /// The first bit above both operands.
  int top(const Term& a, const Term& b) const {
    const Node &x = nodes[a.node], &y = nodes[b.node];
    return std::max(signed_bits(x.lo, x.hi) + a.shift, signed_bits(y.lo, y.hi) + b.shift);
  }

 private:
  int inputs_;
  std::vector<i64> forms_;
};

}  // namespace adders
