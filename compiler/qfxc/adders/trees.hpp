// What is left of a column is added up pair by pair, narrow and cheap pairs first.
#pragma once

#include "core.hpp"

namespace adders {

/// One term per canonical signed digit of c * node.
inline void spread(int node, i64 c, std::vector<Term>& terms) {
  for (int p = 0; c; ++p, c >>= 1)
    if (c & 1) {
      const int sign = 2 - static_cast<int>(c & 3);
      terms.push_back({node, p, sign < 0});
      c -= sign;
    }
}

/// Terms, and for all pairs of them (a > b) what ranks their sums: what one costs, how high it reaches.
struct Forest {
  struct Rank {
    int price, reach;
  };

  std::vector<Term> terms;
  std::vector<Rank> ranks;  // a * (terms at first) + b
  std::size_t stride = 0;

  Forest(const Network& net, const std::vector<Term>& all)
      : terms(all), ranks(all.size() * all.size()), stride(all.size()) {
    for (std::size_t a = 0; a < stride; ++a)
      for (std::size_t b = 0; b < a; ++b) weigh(net, a, b);
  }

  Rank& at(std::size_t a, std::size_t b) { return ranks[a * stride + b]; }

  void weigh(const Network& net, std::size_t a, std::size_t b) {
    i64 lo, hi;
    net.sum_range(terms[a], terms[b], lo, hi);
    at(std::max(a, b), std::min(a, b)) = {16 * net.price(terms[a], terms[b], lo, hi), range_bits(lo, hi)};
  }

  /// `sum` in the place of b, the last term in the place of a > b.
  void replace(const Network& net, std::size_t a, std::size_t b, const Term& sum) {
    const std::size_t last = terms.size() - 1;
    terms[b] = sum;
    terms[a] = terms[last];
    for (std::size_t k = 0; k < last; ++k)
      if (k != a) at(std::max(a, k), std::min(a, k)) = at(last, k);
    terms.pop_back();
    for (std::size_t k = 0; k < last; ++k)
      if (k != b) weigh(net, k, b);
  }
};

/// Adds the terms up within a depth, always the pair of lowest rank that leaves the others enough
/// levels (the sum of 2^depth stays within 2^limit). Returns the cost; stops where it is above `most`.
inline i64 merge(Network& net, Forest forest, int limit, int reach, i64 most, Term& out) {
  std::vector<Term>& terms = forest.terms;
  i64 cost = 0;
  u64 kraft = 0;
  for (const Term& t : terms) kraft += u64{1} << net.depth(t);
  while (terms.size() > 1 && cost <= most) {
    std::size_t ma = 0, mb = 0;
    u64 after = 0;
    int least = -1;
    for (std::size_t a = 0; a < terms.size(); ++a)
      for (std::size_t b = 0; b < a; ++b) {
        const Forest::Rank& r = forest.at(a, b);
        const int rank = r.price + reach * r.reach;
        if (least >= 0 && rank >= least) continue;
        const int da = net.depth(terms[a]), db = net.depth(terms[b]);
        const u64 now = kraft - (u64{1} << da) - (u64{1} << db) + (u64{2} << std::max(da, db));
        if (da != db && now > (u64{1} << limit)) continue;
        least = rank, ma = a, mb = b, after = now;
      }
    const Term sum = net.add(terms[ma], terms[mb]);
    cost += net.cost(net.nodes[sum.node]);
    kraft = after;
    forest.replace(net, ma, mb, sum);
  }
  out = terms[0];
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
inline Term add_up(Network& net, const std::vector<Term>& terms, int limit) {
  if (terms.empty()) return {-1, 0, false};
  const std::size_t own = net.nodes.size();
  const Forest forest(net, terms);
  Term out{};
  i64 least = i64{1} << 40;
  int choice = -1, last = -1;
  for (int reach : {4, 0, 2, 8, 12, 16, 24, 32, 64}) {
    if (choice >= 0 && terms.size() < 3) break;
    net.truncate(own);
    const i64 cost = merge(net, forest, limit, reach, least - 1, out);
    last = reach;
    if (cost < least) least = cost, choice = reach;
  }
  if (last != choice) {
    net.truncate(own);
    merge(net, forest, limit, choice, least, out);
  }
  const Node& n = net.nodes[out.node];
  int child = -1;
  if (out.negative && flip_cost(net, out.node, static_cast<int>(own), child) < range_bits(n.lo, n.hi)) {
    flip(net, out.node, static_cast<int>(own));
    out.negative = false;
  }
  return out;
}

}  // namespace adders
