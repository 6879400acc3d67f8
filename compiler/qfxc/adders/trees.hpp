// What is left of a column is added up pair by pair, narrow and cheap pairs first.
#pragma once

#include "core.hpp"

namespace adders {

/// c * node
struct Sum {
  int node;
  i64 c;
};

/// One term per canonical signed digit.
inline std::vector<Term> spread(const std::vector<Sum>& sums) {
  std::vector<Term> terms;
  for (const Sum& s : sums) {
    i64 c = s.c;
    for (int p = 0; c; ++p, c >>= 1)
      if (c & 1) {
        const int sign = 2 - static_cast<int>(c & 3);
        terms.push_back({s.node, p, sign < 0});
        c -= sign;
      }
  }
  return terms;
}

/// Ranks the sum of two terms: lower is added first. What it costs, and how high it reaches.
inline i64 rank(const Network& net, const Term& a, const Term& b, int reach) {
  i64 lo, hi;
  net.sum_range(a, b, lo, hi);
  return 16 * net.price(a, b, lo, hi) + reach * range_bits(lo, hi);
}

/// The terms added up within a depth by always adding the pair of lowest rank that leaves the
/// others enough levels (the sum of 2^depth stays within 2^limit); returns the cost.
inline i64 merge(Network& net, std::vector<Term>& terms, int limit, int reach) {
  i64 cost = 0;
  u64 kraft = 0;
  for (const Term& t : terms) kraft += u64{1} << net.depth(t);
  std::vector<std::vector<i64>> ranks(terms.size());
  for (std::size_t a = 0; a < terms.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) ranks[a].push_back(rank(net, terms[a], terms[b], reach));
  while (terms.size() > 1) {
    std::size_t ma = 0, mb = 0;
    u64 after = 0;
    i64 least = -1;
    for (std::size_t a = 0; a < terms.size(); ++a)
      for (std::size_t b = 0; b < a; ++b) {
        if (least >= 0 && ranks[a][b] >= least) continue;
        const int da = net.depth(terms[a]), db = net.depth(terms[b]);
        const u64 now = kraft - (u64{1} << da) - (u64{1} << db) + (u64{2} << std::max(da, db));
        if (da != db && now > (u64{1} << limit)) continue;
        least = ranks[a][b], ma = a, mb = b, after = now;
      }
    const Term sum = net.add(terms[ma], terms[mb]);
    cost += net.cost(net.nodes[sum.node]);
    kraft = after;
    terms[mb] = sum;
    if (ma + 1 != terms.size()) {
      terms[ma] = terms.back();
      for (std::size_t b = 0; b < ma; ++b) ranks[ma][b] = ranks.back()[b];
      for (std::size_t a = ma + 1; a + 1 < terms.size(); ++a) ranks[a][ma] = ranks.back()[a];
    }
    terms.pop_back();
    ranks.pop_back();
    for (std::size_t k = 0; k < terms.size(); ++k)
      if (k != mb) ranks[std::max(k, mb)][std::min(k, mb)] = rank(net, terms[k], terms[mb], reach);
  }
  return cost;
}

/// What it costs to make a node of this tree the negative of itself; `own`: the first of the tree.
inline i64 flip_cost(const Network& net, int node, int own, int& child) {
  if (node < own) return i64{1} << 40;
  const Node& n = net.nodes[node];
  child = -1;
  const i64 apart = net.low(n.b) - net.low(n.a);
  if (n.b.negative) return std::max<i64>(apart - 1, 0);
  int c;
  const i64 fa = flip_cost(net, n.a.node, own, c) + 1;
  const i64 fb = flip_cost(net, n.b.node, own, c) + std::max<i64>(apart, 1);
  child = fa <= fb ? 0 : 1;
  return std::min(fa, fb);
}

/// Negates a node of the tree by choosing the signs inside it; only where flip_cost is finite.
inline void flip(Network& net, int node, int own) {
  int child = -1;
  flip_cost(net, node, own, child);
  Node& n = net.nodes[node];
  if (child < 0) {
    n.a.negative = !n.a.negative;
    n.b.negative = !n.b.negative;
  } else {
    flip(net, (child ? n.b : n.a).node, own);
    (child ? n.a : n.b).negative = true;
  }
  const i64 lo = n.lo;
  n.lo = -n.hi, n.hi = -lo;
  net.negate(node);
}

/// Adds up a column; node -1 for nothing.
inline Term add_up(Network& net, const std::vector<Sum>& sums, int limit) {
  const std::vector<Term> terms = spread(sums);
  if (terms.empty()) return {-1, 0, false};
  const std::size_t own = net.nodes.size();
  i64 least = -1;
  int choice = 0;
  for (int reach : {0, 2, 4, 8, 12, 16, 24, 32, 64}) {
    std::vector<Term> left = terms;
    const i64 cost = merge(net, left, limit, reach);
    if (least < 0 || cost < least) least = cost, choice = reach;
    net.truncate(own);
  }
  std::vector<Term> left = terms;
  merge(net, left, limit, choice);
  Term out = left[0];
  if (out.negative) {
    const Node& n = net.nodes[out.node];
    int child = -1;
    if (flip_cost(net, out.node, static_cast<int>(own), child) < range_bits(n.lo, n.hi)) {
      flip(net, out.node, static_cast<int>(own));
      out.negative = false;
    }
  }
  return out;
}

}  // namespace adders
