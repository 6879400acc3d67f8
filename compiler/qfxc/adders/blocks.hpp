// A row of counts for every pair of nodes: how often each pattern of the two occurs.
#pragma once

#include <unordered_map>

#include "patterns.hpp"

namespace adders {

/// The patterns of the nodes i <= j.
struct Block {
  int i, j;
  int stamp, offered;  // the latest offer
  int gained;          // the most that one of its patterns saves since then
};

class Blocks {
 public:
  explicit Blocks(int span) : span_(span), index_(1 << 10) {}

  int size() const { return static_cast<int>(blocks_.size()); }
  int stride() const { return 2 * (2 * span_ + 1); }
  Block& operator[](int b) { return blocks_[b]; }

  /// The block of two nodes, made where there was none.
  int of(int i, int j) {
    const u64 key = (static_cast<u64>(i) << 32) | static_cast<u32>(j);
    Place& place = index_[find(key)];
    if (place.block >= 0) return place.block;
    place = {key, size()};
    blocks_.push_back({i, j, 0, 0, 0});
    slots_.resize(slots_.size() + stride());
    if (2 * blocks_.size() > index_.size()) rehash();
    return size() - 1;
  }

  Pattern pattern(int b, int slot) const {
    return {blocks_[b].i, blocks_[b].j, (slot >> 1) - span_, (slot & 1) != 0};
  }

  int slot(int d, bool minus) const { return 2 * (d + span_) + minus; }

  /// Adds occurrences.
  void add(int b, int slot, int number) {
    Slot& s = at(b, slot);
    s.count = static_cast<std::uint16_t>(s.count + number);
  }

  /// Occurrences that would save an adder.
  int spare(int b, int slot) const {
    const Slot& s = at(b, slot);
    if (s.count == 0) return 0;
    const int n = s.facts & CAP ? std::min<int>(s.count, caps_.at(place(b, slot))) : s.count;
    return n - !(s.facts & MADE);
  }

  /// LUT bits of the pattern's adder.
  int price(int b, int slot, const Network& net) {
    Slot& s = at(b, slot);
    if (!(s.facts & PRICE)) {
      const Pattern p = pattern(b, slot);
      s.facts = static_cast<std::uint16_t>(s.facts | (net.price(p.first(), p.second()) + 1));
    }
    return (s.facts & PRICE) - 1;
  }

  /// The node of a pattern, -1 where there is none yet.
  int made(int b, int slot) const {
    return at(b, slot).facts & MADE ? made_.at(place(b, slot)) : -1;
  }

  void make(int b, int slot, int node) {
    made_[place(b, slot)] = node;
    at(b, slot).facts |= MADE;
  }

  /// Only so many of a pattern's occurrences were possible within the depth.
  void limit(int b, int slot, int number) {
    Slot& s = at(b, slot);
    if (number >= s.count) return;
    caps_[place(b, slot)] = number;
    s.facts |= CAP;
  }

 private:
  static constexpr std::uint16_t PRICE = 0x3FFF, CAP = 0x4000, MADE = 0x8000;

  struct Slot {
    std::uint16_t count = 0, facts = 0;  // facts: the price plus 1, 0: not known; and two flags
  };
  struct Place {
    u64 key = 0;
    int block = -1;
  };

  int span_;
  std::vector<Place> index_;  // open addressing, block -1: free
  std::vector<Block> blocks_;
  std::vector<Slot> slots_;  // block * stride + slot
  std::unordered_map<std::size_t, int> made_, caps_;

  std::size_t place(int b, int slot) const { return static_cast<std::size_t>(b) * stride() + slot; }
  Slot& at(int b, int slot) { return slots_[place(b, slot)]; }
  const Slot& at(int b, int slot) const { return slots_[place(b, slot)]; }

  /// Where a key is, or where it belongs.
  std::size_t find(u64 key) const {
    const std::size_t mask = index_.size() - 1;
    std::size_t k = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ull) >> 32) & mask;
    while (index_[k].block >= 0 && index_[k].key != key) k = (k + 1) & mask;
    return k;
  }

  void rehash() {
    std::vector<Place> old(2 * index_.size());
    old.swap(index_);
    for (const Place& p : old)
      if (p.block >= 0) index_[find(p.key)] = p;
  }
};

}  // namespace adders
