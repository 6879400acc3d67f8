// The solver behind qfxc/adders/solve.py: shares sums, then adds up what is left of every column.
#include "share.hpp"
#include "trees.hpp"

using namespace adders;

namespace {

struct Result {
  Network net;
  std::vector<Term> outputs;  // node -1: zero
  i64 cost = 0;
};

Result attempt(int rows, int columns, const i64* matrix, const i64* lo, const i64* hi, const Strategy& how) {
  Result r{Network(rows, lo, hi), {}, 0};
  Sharing sharing(r.net, columns, how);
  sharing.load(std::vector<i64>(matrix, matrix + static_cast<std::size_t>(rows) * columns));
  sharing.run();
  for (int column = 0; column < columns; ++column) {
    std::vector<Sum> sums;
    for (int node : sharing.support(column)) sums.push_back({node, sharing.coefficient(node, column)});
    r.outputs.push_back(add_up(r.net, sums, how.depth));
  }
  for (std::size_t k = rows; k < r.net.nodes.size(); ++k) r.cost += r.net.cost(r.net.nodes[k]);
  for (const Term& t : r.outputs)
    if (t.node >= 0 && t.negative) r.cost += range_bits(r.net.nodes[t.node].lo, r.net.nodes[t.node].hi);
  return r;
}

}  // namespace

extern "C" {

/// adders: 6 numbers each (node, shift, negative of both terms); outputs: 3 (node -1: zero).
/// Returns the number of adders, or -1 where more than `room` would be needed.
int qfxc_adders(int rows, int columns, const i64* matrix, const i64* lo, const i64* hi, int strategies,
                const Strategy* how, int room, int* adders, int* outputs) {
  Result best{Network(rows, lo, hi), {}, -1};
  for (int k = 0; k < strategies; ++k) {
    Result r = attempt(rows, columns, matrix, lo, hi, how[k]);
    if (best.cost < 0 || r.cost < best.cost) best = r;
  }
  const auto write = [](int* to, const Term& t) { to[0] = t.node, to[1] = t.shift, to[2] = t.negative; };
  const int count = static_cast<int>(best.net.nodes.size()) - rows;
  if (count > room) return -1;
  for (int k = 0; k < count; ++k) {
    write(adders + 6 * k, best.net.nodes[rows + k].a);
    write(adders + 6 * k + 3, best.net.nodes[rows + k].b);
  }
  for (int k = 0; k < columns; ++k) write(outputs + 3 * k, best.outputs[k]);
  return count;
}
}
