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

/// LUTs, and the bits of carry-save adders beyond three operands. Yosys makes these of sums that
/// nobody else reads, and each bit costs it about 3/4 of a LUT; a third of that counts here, since
/// other tools leave adders alone (docs/decisions/0010).
struct Price {
  i64 luts = 0, saved = 0;
  i64 total() const { return 4 * luts + saved; }
};

/// A term on the way to a column's sum.
struct Part {
  Term term;
  int operands = 1;   // of the carry-save adder that its node would be part of
  int saved = 0;      // what that one counts
  int cut = 0;        // the first bit of the node that is not passed through
  bool open = false;  // it may be part of another one: a sum as wide as its operands make it
};

/// Parts, and for all pairs of them (a > b) what ranks their sums: what one costs, how high it
/// reaches.
struct Forest {
  struct Rank {
    int price, reach;
  };

  std::vector<Part> parts;
  std::vector<Rank> ranks;  // a * (parts at first) + b
  std::size_t stride = 0;

  Forest(const Network& net, const std::vector<Term>& terms)
      : ranks(terms.size() * terms.size()), stride(terms.size()) {
    for (const Term& t : terms) parts.push_back({t});
    for (std::size_t a = 0; a < stride; ++a)
      for (std::size_t b = 0; b < a; ++b) weigh(net, a, b);
  }

  Rank& at(std::size_t a, std::size_t b) { return ranks[a * stride + b]; }

  void weigh(const Network& net, std::size_t a, std::size_t b) {
    const Term &x = parts[a].term, &y = parts[b].term;
    i64 lo, hi;
    net.sum_range(x, y, lo, hi);
    const int price = 16 * net.price(x, y, lo, hi) + 4 * more(join(net, a, b, lo, hi), a, b, net);
    at(std::max(a, b), std::min(a, b)) = {price, range_bits(lo, hi)};
  }

  static bool merges(const Network& net, const Part& p, const Term& other) {
    return p.open && p.term.shift + p.cut == std::max(net.low(p.term), net.low(other));
  }

  /// The sum of two parts, its term left out.
  Part join(const Network& net, std::size_t a, std::size_t b, i64 lo, i64 hi) const {
    const Part &x = parts[a], &y = parts[b];
    const int first = std::max(net.low(x.term), net.low(y.term)), end = signed_bits(lo, hi);
    Part sum{{}};
    sum.operands =
        (merges(net, x, y.term) ? x.operands : 1) + (merges(net, y, x.term) ? y.operands : 1);
    sum.saved = std::max(sum.operands - 3, 0) * std::max(end - first, 0);
    sum.cut = first - std::min(x.term.shift, y.term.shift);
    sum.open = end > net.top(x.term, y.term);
    return sum;
  }

  /// What the carry-save adders of two parts count less than that of their sum.
  int more(const Part& sum, std::size_t a, std::size_t b, const Network& net) const {
    const Part &x = parts[a], &y = parts[b];
    return sum.saved - (merges(net, x, y.term) ? x.saved : 0) -
           (merges(net, y, x.term) ? y.saved : 0);
  }

  /// Adds a node for the sum of a > b. The sum takes the place of b, the last part that of a.
  Price add(Network& net, std::size_t a, std::size_t b) {
    i64 lo, hi;
    net.sum_range(parts[a].term, parts[b].term, lo, hi);
    Part sum = join(net, a, b, lo, hi);
    Price price{0, more(sum, a, b, net)};
    sum.term = net.add(parts[a].term, parts[b].term);
    price.luts = net.cost(net.nodes[sum.term.node]);
    const std::size_t last = parts.size() - 1;
    parts[b] = sum;
    parts[a] = parts[last];
    for (std::size_t k = 0; k < last; ++k)
      if (k != a) at(std::max(a, k), std::min(a, k)) = at(last, k);
    parts.pop_back();
    for (std::size_t k = 0; k < last; ++k)
      if (k != b) weigh(net, k, b);
    return price;
  }
};

/// Adds the parts up within a depth, always the pair of lowest rank that leaves the others enough
/// levels (the sum of 2^depth stays within 2^limit). Stops where that costs more than `most`.
inline Price merge(Network& net, Forest forest, int limit, int reach, i64 most, Term& out) {
  std::vector<Part>& parts = forest.parts;
  Price sum;
  u64 kraft = 0;
  for (const Part& p : parts) kraft += u64{1} << net.depth(p.term);
  while (parts.size() > 1 && sum.total() <= most) {
    std::size_t ma = 0, mb = 0;
    u64 after = 0;
    int least = -1;
    for (std::size_t a = 0; a < parts.size(); ++a)
      for (std::size_t b = 0; b < a; ++b) {
        const Forest::Rank& r = forest.at(a, b);
        const int rank = r.price + reach * r.reach;
        if (least >= 0 && rank >= least) continue;
        const int da = net.depth(parts[a].term), db = net.depth(parts[b].term);
        const u64 now = kraft - (u64{1} << da) - (u64{1} << db) + (u64{2} << std::max(da, db));
        if (da != db && now > (u64{1} << limit)) continue;
        least = rank, ma = a, mb = b, after = now;
      }
    const Price price = forest.add(net, ma, mb);
    sum.luts += price.luts, sum.saved += price.saved;
    kraft = after;
  }
  out = parts[0].term;
  return sum;
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

/// Adds up a column; node -1 for nothing. Adds to `saved` what carry-save adders would cost.
inline Term add_up(Network& net, const std::vector<Term>& terms, int limit, i64& saved) {
  if (terms.empty()) return {-1, 0, false};
  const std::size_t own = net.nodes.size();
  const Forest forest(net, terms);
  Term out{};
  Price least{i64{1} << 40, 0};
  int choice = -1, last = -1;
  for (int reach : {4, 0, 2, 8, 12, 16, 24, 32, 64}) {
    if (choice >= 0 && terms.size() < 3) break;
    net.truncate(own);
    const Price price = merge(net, forest, limit, reach, least.total() - 1, out);
    last = reach;
    if (price.total() < least.total()) least = price, choice = reach;
  }
  if (last != choice) {
    net.truncate(own);
    merge(net, forest, limit, choice, least.total(), out);
  }
  saved += least.saved;
  const Node& n = net.nodes[out.node];
  int child = -1;
  if (out.negative &&
      flip_cost(net, out.node, static_cast<int>(own), child) < range_bits(n.lo, n.hi)) {
    flip(net, out.node, static_cast<int>(own));
    out.negative = false;
  }
  return out;
}

}  // namespace adders
