// The solver behind qfxc/adders/solve.py: shares sums, then adds up what is left of every column.
#include <limits>
#include <set>
#include <utility>

#include "differences.hpp"
#include "share.hpp"
#include "trees.hpp"

using namespace adders;

namespace {

/// What an adder counts beside its LUTs where shared sums are weighed: the attempts take turns.
constexpr int BASES[] = {8, 0, 32};

/// Columns may be taken as they are or as differences: one attempt in so many is for what was
/// dearer.
constexpr int OTHERS = 3;

/// Per cent that count for a graph of differences: its longer trees of private sums are what
/// synthesis tools turn into carry-save adders, which costs more LUTs.
constexpr int MARGIN = 101;

struct Result {
  Network net;
  std::vector<Term> outputs;  // node -1: zero
  i64 saved = 0;              // bits that Yosys may turn into carry-save adders

  /// LUTs of the adders, and of the outputs that have to be negated (graph.py: cost).
  i64 cost() const {
    i64 sum = 0;
    for (std::size_t k = net.inputs(); k < net.nodes.size(); ++k) sum += net.cost(net.nodes[k]);
    std::set<std::pair<int, int>> seen;
    for (const Term& t : outputs)
      if (t.node >= 0 && t.negative && seen.insert({t.node, t.shift}).second)
        sum += range_bits(net.nodes[t.node].lo, net.nodes[t.node].hi);
    return sum;
  }
};

/// Adds a node for a + b; the sum of two negative terms is the negative of their sum.
Term join(Network& net, const Term& a, const Term& b) {
  const int shift = std::min(a.shift, b.shift);
  const bool both = a.negative && b.negative;
  const Term x{a.node, a.shift - shift, a.negative && !both},
      y{b.node, b.shift - shift, b.negative && !both};
  return {net.append(x, y), shift, both};
}

/// A constant matrix, and the attempts at its graph.
class Problem {
 public:
  Problem(int rows, int columns, const i64* matrix, const i64* lo, const i64* hi)
      : rows_(rows),
        columns_(columns),
        matrix_(matrix),
        inputs_(rows, lo, hi),
        occurrences_(codes_, largest()) {}

  /// The cheapest of the attempts, the first among equals, or what shares nothing.
  Result solve(int limit, int tries) {
    const Differences apart = differences(codes_, matrix_, rows_, columns_);
    std::vector<Attempts> kinds;
    kinds.push_back({start(matrix_, limit), limit, nullptr, {inputs_, {}, 0}});
    if (limit > 0 && apart.any() && apart.most <= (i64{1} << (limit - 1)))
      kinds.push_back({start(apart.rest.data(), limit - 1), limit - 1, &apart, {inputs_, {}, 0}});
    for (int k = 0; k < tries; ++k) attempt(next(kinds.front(), kinds.back()));
    Attempts& best = kinds.back().least < kinds.front().least ? kinds.back() : kinds.front();
    Result unshared = plain();
    return 400 * unshared.cost() < best.least ? std::move(unshared) : std::move(best.best);
  }

 private:
  /// Attempts at the matrix itself, or at what is left of it beside differences.
  struct Attempts {
    Sharing start;
    int limit;
    const Differences* apart;
    Result best;
    i64 least = std::numeric_limits<i64>::max();  // its price in per cent
    int done = 0;

    Attempts(Sharing s, int l, const Differences* a, Result b)
        : start(std::move(s)), limit(l), apart(a), best(std::move(b)) {}
  };

  int rows_, columns_;
  const i64* matrix_;
  Network inputs_;
  Codes codes_;
  Occurrences occurrences_;

  /// Coefficients that are counted often stay below it.
  int largest() const {
    i64 most = 1;
    for (int k = 0; k < rows_ * columns_; ++k) most = std::max(most, std::abs(matrix_[k]));
    return 1 << (bit_length(most) + 1);
  }

  Sharing start(const i64* matrix, int limit) {
    return Sharing(inputs_, columns_, matrix, limit, codes_, occurrences_);
  }

  /// Whose turn it is: mostly that of the cheaper kind.
  static Attempts& next(Attempts& a, Attempts& b) {
    Attempts &cheap = b.least < a.least ? b : a, &dear = b.least < a.least ? a : b;
    return OTHERS * dear.done < a.done + b.done ? dear : cheap;
  }

  void attempt(Attempts& at) {
    Sharing sharing = at.start;
    sharing.run({BASES[at.done % (sizeof BASES / sizeof *BASES)], at.done});
    ++at.done;
    Result r = added_up(sharing, at.limit);
    if (at.apart) r = joined(std::move(r), *at.apart);
    const i64 cost = Price{r.cost(), r.saved}.total() * (at.apart ? MARGIN : 100);
    if (cost < at.least) at.least = cost, at.best = std::move(r);
  }

  Result added_up(const Sharing& sharing, int limit) {
    Result r{sharing.net, {}, 0};
    std::vector<Term> terms;
    for (int column = 0; column < columns_; ++column) {
      terms.clear();
      for (int node : sharing.support(column))
        spread(node, sharing.coefficient(node, column), terms);
      r.outputs.push_back(add_up(r.net, terms, limit, r.saved));
    }
    return r;
  }

  /// The graph of the whole matrix from that of the rest, one level deeper.
  Result joined(Result rest, const Differences& apart) const {
    std::vector<Term>& outputs = rest.outputs;
    for (int column = 0; column < columns_; ++column) {
      Term base = outputs[apart.roots[column]];
      if (!apart.signs[column] || base.node < 0) continue;
      base.negative = base.negative != (apart.signs[column] < 0);
      Term& own = outputs[column];
      own = own.node < 0 ? base : join(rest.net, own, base);
    }
    return rest;
  }

  /// Nothing shared: every column a balanced tree of its canonical signed digits.
  Result plain() const {
    Result r{inputs_, {}, 0};
    for (int column = 0; column < columns_; ++column) {
      std::vector<Term> terms;
      const i64* weights = matrix_ + column;
      for (int row = 0; row < rows_; ++row, weights += columns_) spread(row, *weights, terms);
      while (terms.size() > 1) {
        const std::size_t half = terms.size() / 2, odd = terms.size() % 2;
        for (std::size_t k = 0; k < half; ++k)
          terms[k] = join(r.net, terms[2 * k], terms[2 * k + 1]);
        if (odd) terms[half] = terms.back();
        terms.resize(half + odd);
      }
      r.outputs.push_back(terms.empty() ? Term{-1, 0, false} : terms[0]);
    }
    return r;
  }
};

}  // namespace

extern "C" {

/// The cheapest graph of `tries` attempts, `limit` adders deep at most. adders: 6 numbers each
/// (node, shift, negative of both terms), outputs: 3 (node -1: zero), cost: its LUT bits. Returns
/// the number of adders, or -1 where more than `room` would be needed.
__attribute__((visibility("default"))) int qfxc_adders(int rows, int columns, const i64* matrix,
                                                       const i64* lo, const i64* hi, int limit,
                                                       int tries, int room, int* adders,
                                                       int* outputs, i64* cost) {
  const Result best = Problem(rows, columns, matrix, lo, hi).solve(limit, tries);
  const auto write = [](int* to, const Term& t) {
    to[0] = t.node, to[1] = t.shift, to[2] = t.negative;
  };
  const int count = static_cast<int>(best.net.nodes.size()) - rows;
  *cost = best.cost();
  if (count > room) return -1;
  for (int k = 0; k < count; ++k) {
    write(adders + 6 * k, best.net.nodes[rows + k].a);
    write(adders + 6 * k + 3, best.net.nodes[rows + k].b);
  }
  for (int k = 0; k < columns; ++k) write(outputs + 3 * k, best.outputs[k]);
  return count;
}
}
