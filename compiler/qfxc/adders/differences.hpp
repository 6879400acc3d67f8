// Columns as differences: a column close to another one is that one plus few digits.
//
// A minimum spanning tree over the columns would do so along paths (Gustafsson 2007); here a column
// is a root or one addition away from a root, which costs one level of depth and no more.
#pragma once

#include "digits.hpp"

namespace adders {

/// Digits that a difference saves at least, beside its addition: sharing saves some of them too.
constexpr int WORTH = 3;

/// Column k is column k of `rest` plus signs[k] times column roots[k], which stands for itself.
struct Differences {
  std::vector<i64> rest;  // rest[row * columns + column]
  std::vector<int> roots, signs;
  int most = 0;  // digits of a column

  bool any() const {
    return std::any_of(signs.begin(), signs.end(), [](int s) { return s != 0; });
  }
};

/// The digits of a column minus `sign` times another one.
inline int digits_apart(const Codes& codes, const i64* matrix, int rows, int columns, int k,
                        int other, int sign) {
  int sum = 0;
  for (int row = 0; row < rows; ++row) {
    const i64* w = matrix + static_cast<std::size_t>(row) * columns;
    sum += codes.weight(static_cast<int>(w[k] - sign * w[other]));
  }
  return sum;
}

/// Columns in the order of their digits: each becomes a root, or the neighbour of one.
inline Differences differences(const Codes& codes, const i64* matrix, int rows, int columns) {
  Differences found{{matrix, matrix + static_cast<std::size_t>(rows) * columns},
                    {},
                    std::vector<int>(columns, 0)};
  std::vector<int> digits(columns);
  std::vector<bool> waiting(columns, true);
  for (int k = 0; k < columns; ++k) {
    found.roots.push_back(k);
    digits[k] = digits_apart(codes, matrix, rows, columns, k, k, 0);
  }
  for (int turn = 0; turn < columns; ++turn) {
    int root = -1;
    for (int k = 0; k < columns; ++k)
      if (waiting[k] && (root < 0 || digits[k] < digits[root])) root = k;
    waiting[root] = false;
    if (found.signs[root]) continue;
    for (int sign : {1, -1})
      for (int k = 0; k < columns; ++k) {
        if (!waiting[k]) continue;
        const int apart = digits_apart(codes, matrix, rows, columns, k, root, sign) + 1 + WORTH;
        if (apart >= digits[k]) continue;
        found.roots[k] = root, found.signs[k] = sign, digits[k] = apart;
      }
  }
  for (int k = 0; k < columns; ++k) {
    for (int row = 0; row < rows; ++row) {
      const std::size_t at = static_cast<std::size_t>(row) * columns;
      found.rest[at + k] -= found.signs[k] * matrix[at + found.roots[k]];
    }
    found.most =
        std::max(found.most, digits_apart(codes, found.rest.data(), rows, columns, k, k, 0));
  }
  return found;
}

}  // namespace adders
