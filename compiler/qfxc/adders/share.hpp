// Greedy sharing: the two-term sum that saves most becomes a node, until none saves anything.
#pragma once

#include <queue>

#include "blocks.hpp"

namespace adders {

/// What makes one attempt differ from another.
struct Order {
  int base;  // what an adder counts besides its LUT bits when sharing is weighed
  int seed;  // order among equals
};

/// The columns as sums over nodes, rewritten one shared sum at a time. A copy goes on by itself.
class Sharing {
 public:
  Network net;

  /// Column sums over the network's inputs: matrix[input * columns + column].
  Sharing(const Network& inputs, int columns, const i64* matrix, int limit, const Codes& codes,
          Occurrences& occurrences)
      : net(inputs),
        columns_(columns),
        limit_(limit),
        codes_(&codes),
        occurrences_(&occurrences),
        blocks_(span(matrix, net.inputs() * columns)),
        support_(columns),
        kraft_(columns, 0),
        signs_(net.inputs(), 1) {
    grow();
    for (int k = 0; k < net.inputs() * columns; ++k)
      if (matrix[k]) put(k / columns, k % columns, codes(static_cast<int>(matrix[k])));
    const Entry none;
    for (int column = 0; column < columns; ++column)
      for (std::size_t a = 0; a < support_[column].size(); ++a)
        for (std::size_t b = a; b < support_[column].size(); ++b) {
          const int i = support_[column][a], j = support_[column][b];
          change(i, j, none, none, at(i, column), at(j, column));
        }
    for (int b : touched_) blocks_[b].gained = 0;
    touched_.clear();
  }

  int coefficient(int node, int column) const { return at(node, column).c; }
  const std::vector<int>& support(int column) const { return support_[column]; }

  void run(const Order& order) {
    order_ = order;
    for (int b = 0; b < blocks_.size(); ++b) offer(b);
    while (!heap_.empty()) {
      const Offer top = heap_.top();
      heap_.pop();
      Block& block = blocks_[top.block];
      if (block.offered != top.score || block.stamp != top.stamp) continue;
      block.offered = 0;
      int slot;
      const int score = best(top.block, slot);
      if (score == 0) continue;
      if (score < top.score) {
        push(top.block, score);
        continue;
      }
      apply(top.block, slot);
    }
  }

 private:
  struct Offer {
    int score;
    u32 tie;
    int block, stamp;
    bool operator<(const Offer& o) const {
      return score != o.score ? score < o.score : tie != o.tie ? tie < o.tie : block < o.block;
    }
  };
  /// A column after a pattern was taken out as often as the depth allows.
  struct Hit {
    int column, number;
    Entry x, y;
    int used;
  };

  int columns_, limit_;
  const Codes* codes_;
  Occurrences* occurrences_;
  Order order_{0, 0};
  Blocks blocks_;
  std::vector<Entry> table_;               // node * columns + column
  std::vector<int> place_;                 // of the node in support_[column]
  std::vector<std::vector<int>> support_;  // nodes of a column
  std::vector<u64> kraft_;                 // sum of 2^depth over a column's digits
  std::vector<int> signs_;                 // -1: a node that is the negative of its pattern
  std::priority_queue<Offer> heap_;
  std::vector<int> touched_;  // blocks that gained occurrences
  std::vector<Hit> hits_;

  /// Differences of positions of two digits stay below it.
  static int span(const i64* matrix, int count) {
    int bits = 1;
    for (int k = 0; k < count; ++k) bits = std::max(bits, bit_length(std::abs(matrix[k])));
    return bits + 2;
  }

  Entry& at(int node, int column) {
    return table_[static_cast<std::size_t>(node) * columns_ + column];
  }
  const Entry& at(int node, int column) const {
    return table_[static_cast<std::size_t>(node) * columns_ + column];
  }

  void grow() {
    table_.resize(net.nodes.size() * columns_);
    place_.resize(net.nodes.size() * columns_, -1);
  }

  void put(int node, int column, const Entry& now) {
    Entry& e = at(node, column);
    int& place = place_[static_cast<std::size_t>(node) * columns_ + column];
    std::vector<int>& list = support_[column];
    kraft_[column] += static_cast<u64>(now.weight - e.weight) << net.nodes[node].depth;
    e = now;
    if (e.c && place < 0) {
      place = static_cast<int>(list.size());
      list.push_back(node);
    } else if (!e.c && place >= 0) {
      place_[static_cast<std::size_t>(list.back()) * columns_ + column] = place;
      list[place] = list.back();
      list.pop_back();
      place = -1;
    }
  }

  /// Counts the patterns of two nodes' coefficients anew, which were other ones before.
  void change(int i, int j, const Entry& xi, const Entry& xj, const Entry& yi, const Entry& yj) {
    const bool before = xi.c && xj.c, after = yi.c && yj.c;
    if (!before && !after) return;
    if (i > j) return change(j, i, xj, xi, yj, yi);
    const int b = blocks_.of(i, j);
    if (before) count(b, xi, xj, -1);
    if (after) count(b, yi, yj, 1);
  }

  void count(int b, const Entry& x, const Entry& y, int sign) {
    const bool alone = blocks_[b].i == blocks_[b].j;
    int number;
    const Occurrences::Count* list =
        alone ? occurrences_->within(x, number) : occurrences_->between(x, y, number);
    const int flip = !alone && (x.c < 0) != (y.c < 0),
              shift = blocks_.slot(y.zeros - x.zeros, false);
    int most = 0;
    for (int k = 0; k < number; ++k) {
      const int slot = (list[k].slot ^ flip) + shift;
      blocks_.add(b, slot, sign * list[k].number);
      if (sign > 0) most = std::max(most, saving(b, slot));
    }
    int& gained = blocks_[b].gained;
    if (most && !gained) touched_.push_back(b);
    gained = std::max(gained, most);
  }

  /// What a pattern saves where it becomes a node.
  int saving(int b, int slot) {
    const int n = blocks_.spare(b, slot);
    return n > 0 ? n * (order_.base + blocks_.price(b, slot, net) + 1) : 0;
  }

  int best(int b, int& slot) {
    int most = 0;
    for (int k = 0; k < blocks_.stride(); ++k) {
      const int score = saving(b, k);
      if (score > most) most = score, slot = k;
    }
    return most;
  }

  void push(int b, int score) {
    blocks_[b].offered = score;
    u64 h = (static_cast<u64>(b) + 1) * 0x9E3779B97F4A7C15ull +
            static_cast<u64>(order_.seed) * 0xD1B54A32D192ED03ull;
    h = (h ^ (h >> 29)) * 0xBF58476D1CE4E5B9ull;
    heap_.push({score, static_cast<u32>(order_.seed ? h >> 32 : ~static_cast<u64>(b)), b,
                ++blocks_[b].stamp});
  }

  void offer(int b) {
    int slot;
    const int score = best(b, slot);
    if (score > blocks_[b].offered) push(b, score);
  }

  /// One column's coefficients after as many occurrences as the depth allows.
  Hit rewritten(const Pattern& p, int column, int node, int depth) const {
    Hit hit{column, 0, at(p.i, column), at(p.j, column), 0};
    if (node >= 0) hit.used = signs_[node] * at(node, column).c;
    const int before = codes_->weight(hit.used);
    for (;; ++hit.number) {
      Hit next = hit;
      if (p.i == p.j ? !take_twice(*codes_, next.x, p.d, p.minus, next.used)
                     : !take(*codes_, next.x, next.y, p.d, p.minus, next.used))
        return hit;
      u64 sum = kraft_[column] + part(p.i, column, next.x);
      if (p.i != p.j) sum += part(p.j, column, next.y);
      sum += static_cast<u64>(codes_->weight(next.used) - before) << depth;
      if (sum > (u64{1} << limit_)) return hit;
      hit = next;
    }
  }

  u64 part(int node, int column, const Entry& now) const {
    return static_cast<u64>(now.weight - at(node, column).weight) << net.nodes[node].depth;
  }

  void apply(int b, int slot) {
    const Pattern p = blocks_.pattern(b, slot);
    const int depth = std::max(net.nodes[p.i].depth, net.nodes[p.j].depth) + 1;
    int node = blocks_.made(b, slot), total = 0;
    hits_.clear();
    for (int column = 0; column < columns_; ++column) {
      if (!at(p.i, column).c || !at(p.j, column).c) continue;
      const Hit hit = rewritten(p, column, node, depth);
      total += hit.number;
      if (hit.number) hits_.push_back(hit);
    }
    blocks_.limit(b, slot, total);
    if (total > (node < 0)) {
      if (node < 0) {
        const Term made = net.add(p.first(), p.second());
        node = made.node;
        blocks_.make(b, slot, node);
        signs_.push_back(made.negative ? -1 : 1);
        grow();
      }
      for (const Hit& hit : hits_) rewrite(p, node, hit);
    }
    for (int t : touched_) {
      if (blocks_[t].gained > blocks_[t].offered) push(t, blocks_[t].gained);
      blocks_[t].gained = 0;
    }
    touched_.clear();
    offer(b);
  }

  void rewrite(const Pattern& p, int node, const Hit& hit) {
    const int count = p.i == p.j ? 2 : 3, column = hit.column;
    const int near[3] = {node, p.i, p.j};
    const Entry before[3] = {at(node, column), at(p.i, column), at(p.j, column)};
    const Entry after[3] = {(*codes_)(signs_[node] * hit.used), hit.x, hit.y};
    for (int k = 0; k < count; ++k) {
      for (int l = k; l < count; ++l)
        change(near[k], near[l], before[k], before[l], after[k], after[l]);
      for (int other : support_[column])
        if (other != node && other != p.i && other != p.j) {
          const Entry& e = at(other, column);
          change(near[k], other, before[k], e, after[k], e);
        }
    }
    for (int k = 0; k < count; ++k) put(near[k], column, after[k]);
  }
};

}  // namespace adders
