// Greedy sharing: the two-term sum that saves most becomes a node, until none saves anything.
#pragma once

#include <queue>
#include <unordered_map>

#include "core.hpp"

namespace adders {

struct Strategy {
  int all_digits;  // 1: every minimal signed-digit form of a coefficient; 0: the canonical one
  int base;        // what an adder counts besides its LUT bits when sharing is weighed
  int seed;        // order among equals
  int depth;       // adders on the longest path
};

/// The signed digits of c that a minimal form may start with: positions of +1 and of -1.
struct Digits {
  u64 plus = 0, minus = 0;
};

inline Digits digits(i64 c, bool all) {
  Digits d;
  if (all) {
    const int w = weight(c), top = bit_length(c < 0 ? -c : c);
    for (int p = 0; p <= top; ++p) {
      if (weight(c - (i64{1} << p)) < w) d.plus |= u64{1} << p;
      if (weight(c + (i64{1} << p)) < w) d.minus |= u64{1} << p;
    }
    return d;
  }
  const bool negative = c < 0;
  const u64 n = static_cast<u64>(negative ? -c : c), t = n + (n << 1), x = (t ^ n) >> 1;
  d.plus = x & (t >> 1), d.minus = x & ~(t >> 1);
  if (negative) std::swap(d.plus, d.minus);
  return d;
}

/// The sum x_i + sign * 2^d * x_j; for negative d it is 2^-d * x_i + sign * x_j.
struct Pattern {
  int i, j, d;
  bool minus;
  Term first() const { return {i, std::max(-d, 0), false}; }
  Term second() const { return {j, std::max(d, 0), minus}; }
};

/// One coefficient of a column, and how its digits may be chosen.
struct Entry {
  i64 c = 0;
  Digits d;
};

/// The columns as sums over nodes, rewritten one shared sum at a time.
class Sharing {
 public:
  Sharing(Network& net, int columns, const Strategy& how) : net_(net), columns_(columns), how_(how) {
    support_.resize(columns);
    kraft_.assign(columns, 0);
  }

  i64 coefficient(int node, int column) const { return at(node, column).c; }
  const std::vector<int>& support(int column) const { return support_[column]; }

  /// Takes column sums over the network's nodes: values[node * columns + column].
  void load(const std::vector<i64>& values) {
    grow(static_cast<int>(net_.nodes.size()));
    signs_.assign(net_.nodes.size(), 1);
    span_ = 3;
    for (i64 c : values) span_ = std::max(span_, bit_length(c < 0 ? -c : c) + 2);
    for (std::size_t k = 0; k < values.size(); ++k)
      if (values[k]) put(static_cast<int>(k / columns_), static_cast<int>(k % columns_), values[k]);
    for (int column = 0; column < columns_; ++column) count_all(column);
  }

  void run() {
    for (std::size_t b = 0; b < blocks_.size(); ++b) offer(static_cast<int>(b));
    while (!heap_.empty()) {
      const Offer top = heap_.top();
      heap_.pop();
      Block& block = blocks_[top.block];
      if (block.offered != top.score || block.stamp != top.stamp) continue;
      block.offered = 0;
      int at;
      const i64 score = best(top.block, at);
      if (score == 0) continue;
      if (score < top.score) {
        push(top.block, score);
        continue;
      }
      apply(top.block, at);
    }
  }

 private:
  struct Block {
    int i, j;
    int stamp;
    i64 offered;
  };
  struct Offer {
    i64 score;
    u64 tie;
    int block, stamp;
    bool operator<(const Offer& o) const {
      return score != o.score ? score < o.score : tie != o.tie ? tie < o.tie : block < o.block;
    }
  };

  Network& net_;
  int columns_;
  Strategy how_;
  int span_ = 0;
  std::vector<Entry> table_;               // node * columns + column
  std::vector<int> place_;                 // of the node in support_[column]
  std::vector<std::vector<int>> support_;  // nodes of a column
  std::vector<u64> kraft_;                 // sum of 2^depth over a column's digits
  std::vector<Block> blocks_;
  std::vector<std::uint16_t> counts_;      // block * stride: occurrences
  std::vector<int> made_;                  // block * stride: the node of the pattern, or -1
  std::unordered_map<u64, int> index_;
  std::unordered_map<u64, int> caps_;      // occurrences that the depth allows
  std::priority_queue<Offer> heap_;
  std::vector<int> touched_;
  std::vector<int> signs_;                 // -1: a node that is the negative of its pattern

  int stride() const { return 2 * (2 * span_ + 1); }
  int slot(int d, bool minus) const { return 2 * (d + span_) + minus; }
  Entry& at(int node, int column) { return table_[static_cast<std::size_t>(node) * columns_ + column]; }
  const Entry& at(int node, int column) const {
    return table_[static_cast<std::size_t>(node) * columns_ + column];
  }

  void grow(int nodes) {
    table_.resize(static_cast<std::size_t>(nodes) * columns_);
    place_.resize(static_cast<std::size_t>(nodes) * columns_, -1);
  }

  void put(int node, int column, i64 c) {
    Entry& e = at(node, column);
    int& place = place_[static_cast<std::size_t>(node) * columns_ + column];
    std::vector<int>& list = support_[column];
    kraft_[column] += static_cast<u64>(weight(c) - weight(e.c)) << net_.nodes[node].depth;
    e.c = c;
    e.d = digits(c, how_.all_digits != 0);
    if (c && place < 0) {
      place = static_cast<int>(list.size());
      list.push_back(node);
    } else if (!c && place >= 0) {
      place_[static_cast<std::size_t>(list.back()) * columns_ + column] = place;
      list[place] = list.back();
      list.pop_back();
      place = -1;
    }
  }

  int block_of(int i, int j) {
    const auto found = index_.emplace((static_cast<u64>(i) << 32) | static_cast<u64>(j), static_cast<int>(blocks_.size()));
    if (found.second) {
      blocks_.push_back({i, j, 0, 0});
      counts_.resize(counts_.size() + stride(), 0);
      made_.resize(made_.size() + stride(), -1);
    }
    return found.first->second;
  }

  /// Where x_i's digit at s pairs with x_j's at s + d; a bit per s of the first term's sign.
  static void meet(const Digits& x, const Digits& y, int d, bool minus, u64& plus, u64& neg) {
    const u64 yp = d >= 0 ? y.plus >> d : y.plus << -d, ym = d >= 0 ? y.minus >> d : y.minus << -d;
    plus = x.plus & (minus ? ym : yp);
    neg = x.minus & (minus ? yp : ym);
  }

  /// Takes one occurrence out of the two coefficients; false if there is none (any more).
  bool take(Entry& x, Entry& y, int d, bool minus, i64& used) const {
    u64 plus, neg;
    meet(x.d, y.d, d, minus, plus, neg);
    if (!(plus | neg)) return false;
    const int s = __builtin_ctzll(plus | neg);
    const i64 sign = (plus >> s & 1) ? 1 : -1, step = sign * (i64{1} << s);
    x.c -= step;
    y.c -= (minus ? -sign : sign) * (i64{1} << (s + d));
    x.d = digits(x.c, how_.all_digits != 0);
    y.d = digits(y.c, how_.all_digits != 0);
    used += sign * (i64{1} << (d < 0 ? s + d : s));
    return true;
  }

  /// The same within one coefficient.
  bool take_twice(Entry& x, int d, bool minus, i64& used) const {
    u64 plus, neg;
    meet(x.d, x.d, d, minus, plus, neg);
    for (u64 rest = plus | neg; rest; rest &= rest - 1) {
      const int s = __builtin_ctzll(rest);
      for (i64 sign : {1, -1}) {
        if (!((sign > 0 ? plus : neg) >> s & 1)) continue;
        const i64 c = x.c - sign * (i64{1} << s) - (minus ? -sign : sign) * (i64{1} << (s + d));
        if (weight(c) + 2 != weight(x.c)) continue;
        x.c = c;
        x.d = digits(c, how_.all_digits != 0);
        used += sign * (i64{1} << s);
        return true;
      }
    }
    return false;
  }

  int occurrences(const Entry& x, const Entry& y, int d, bool minus) const {
    u64 plus, neg;
    meet(x.d, y.d, d, minus, plus, neg);
    const u64 all = plus | neg;
    if (!(all & (all - 1))) return all != 0;
    Entry a = x, b = y;
    i64 used = 0;
    int n = 0;
    while (take(a, b, d, minus, used)) ++n;
    return n;
  }

  int occurrences(const Entry& x, int d, bool minus) const {
    Entry a = x;
    i64 used = 0;
    int n = 0;
    while (take_twice(a, d, minus, used)) ++n;
    return n;
  }

  static int top_bit(const Digits& d) { return 63 - __builtin_clzll(d.plus | d.minus); }
  static int low_bit(const Digits& d) { return __builtin_ctzll(d.plus | d.minus); }

  /// Adds (or takes away) the patterns between two coefficients of a column.
  void count(int i, int j, int column, int sign) {
    if (i > j) std::swap(i, j);
    const Entry &x = at(i, column), &y = at(j, column);
    if (!x.c || !y.c) return;
    if (i == j && !((x.d.plus | x.d.minus) & ((x.d.plus | x.d.minus) - 1))) return;
    const int b = block_of(i, j);
    std::uint16_t* const row = &counts_[static_cast<std::size_t>(b) * stride()];
    const int from = i == j ? 1 : low_bit(y.d) - top_bit(x.d), to = top_bit(y.d) - low_bit(x.d);
    for (int d = from; d <= to; ++d)
      for (int minus = 0; minus < 2; ++minus) {
        const int n = i == j ? occurrences(x, d, minus) : occurrences(x, y, d, minus);
        row[slot(d, minus)] = static_cast<std::uint16_t>(row[slot(d, minus)] + sign * n);
      }
    if (sign > 0 && blocks_[b].stamp >= 0) touched_.push_back(b);
  }

  void count_all(int column) {
    const std::vector<int>& list = support_[column];
    for (std::size_t a = 0; a < list.size(); ++a)
      for (std::size_t b = a; b < list.size(); ++b) count(list[a], list[b], column, 1);
    touched_.clear();
  }

  /// Counts the patterns of a column that one of the three nodes is in.
  void count_near(const int (&near)[3], int column, int sign) {
    for (int k = 0; k < 3; ++k) {
      if (!at(near[k], column).c || (k == 1 && near[1] == near[0])) continue;
      for (int other : support_[column]) {
        const bool earlier = (k > 0 && other == near[0]) || (k > 1 && other == near[1]);
        if (!earlier) count(near[k], other, column, sign);
      }
    }
  }

  i64 best(int b, int& where) const {
    const std::size_t row = static_cast<std::size_t>(b) * stride();
    i64 most = 0;
    for (int k = 0; k < stride(); ++k) {
      int n = counts_[row + k];
      const int needed = made_[row + k] < 0;
      if (n <= needed) continue;
      const Pattern p{blocks_[b].i, blocks_[b].j, k / 2 - span_, (k & 1) != 0};
      if (!caps_.empty()) {
        const auto cap = caps_.find(row + k);
        if (cap != caps_.end()) n = std::min(n, cap->second);
      }
      if (n <= needed) continue;
      const i64 score = (n - needed) * static_cast<i64>(how_.base + net_.price(p.first(), p.second()) + 1);
      if (score > most) most = score, where = k;
    }
    return most;
  }

  void push(int b, i64 score) {
    blocks_[b].offered = score;
    u64 h = (static_cast<u64>(b) + 1) * 0x9E3779B97F4A7C15ull + static_cast<u64>(how_.seed) * 0xD1B54A32D192ED03ull;
    h = (h ^ (h >> 29)) * 0xBF58476D1CE4E5B9ull;
    heap_.push({score, how_.seed ? h ^ (h >> 32) : ~static_cast<u64>(b), b, ++blocks_[b].stamp});
  }

  void offer(int b) {
    int at;
    const i64 score = best(b, at);
    if (score > blocks_[b].offered) push(b, score);
  }

  u64 kraft_after(const Pattern& p, int column, const Entry& x, const Entry& y, i64 used, int depth) const {
    const auto part = [&](int node, i64 now) {
      return static_cast<u64>(weight(now) - weight(at(node, column).c)) << net_.nodes[node].depth;
    };
    u64 sum = kraft_[column] + part(p.i, x.c) + (static_cast<u64>(weight(used)) << depth);
    if (p.i != p.j) sum += part(p.j, y.c);
    return sum;
  }

  /// One column's coefficients after as many occurrences as the depth allows.
  int rewritten(const Pattern& p, int column, int node, int depth, Entry& x, Entry& y, i64& used) const {
    x = at(p.i, column), y = at(p.j, column);
    used = node < 0 ? 0 : signs_[node] * at(node, column).c;
    const i64 before = used;
    for (int n = 0;; ++n) {
      Entry nx = x, ny = y;
      i64 now = used;
      if (p.i == p.j ? !take_twice(nx, p.d, p.minus, now) : !take(nx, ny, p.d, p.minus, now)) return n;
      const u64 old = static_cast<u64>(weight(before)) << depth;
      if (kraft_after(p, column, nx, ny, now, depth) - old > (u64{1} << how_.depth)) return n;
      x = nx, y = ny, used = now;
    }
  }

  void apply(int b, int where) {
    const std::size_t key = static_cast<std::size_t>(b) * stride() + where;
    const Pattern p{blocks_[b].i, blocks_[b].j, where / 2 - span_, (where & 1) != 0};
    const int depth = std::max(net_.nodes[p.i].depth, net_.nodes[p.j].depth) + 1;
    std::vector<int> hits;
    int total = 0;
    Entry x, y;
    i64 used;
    for (int column = 0; column < columns_; ++column) {
      if (!at(p.i, column).c || !at(p.j, column).c) continue;
      const int n = rewritten(p, column, made_[key], depth, x, y, used);
      total += n;
      if (n) hits.push_back(column);
    }
    if (total < counts_[key]) caps_[key] = total;
    if (total <= (made_[key] < 0 ? 1 : 0)) {
      offer(b);
      return;
    }
    if (made_[key] < 0) {
      const Term made = net_.add(p.first(), p.second());
      made_[key] = made.node;
      signs_.push_back(made.negative ? -1 : 1);
      grow(static_cast<int>(net_.nodes.size()));
    }
    rewrite(p, made_[key], depth, hits);
    offer(b);
  }

  void rewrite(const Pattern& p, int node, int depth, const std::vector<int>& hits) {
    const int near[3] = {p.i, p.j, node};
    for (int column : hits) {
      Entry x, y;
      i64 used;
      count_near(near, column, -1);
      rewritten(p, column, node, depth, x, y, used);
      put(p.i, column, x.c);
      if (p.i != p.j) put(p.j, column, y.c);
      put(node, column, signs_[node] * used);
      count_near(near, column, 1);
    }
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (int b : touched_) offer(b);
    touched_.clear();
  }
};

}  // namespace adders
