// What every kernel shares: element types, counters, words to lanes and back, saturation.
//
// A word is an ap_uint of Lanes * Bits bits, element 0 in the least significant ones. Words of more
// than 64 bits are taken apart and put together in chunks of whole elements that fit 64 bits: the
// same wires in hardware, and many times faster in C-simulation than wide range selections.
#ifndef QFX_WORD_HPP
#define QFX_WORD_HPP

#ifndef AP_INT_MAX_W
#define AP_INT_MAX_W 4096
#endif
#include <ap_int.h>
#include <hls_stream.h>

#include <cstdint>

namespace qfx {

template <int Bits, bool Signed>
struct elem {
  typedef ap_int<Bits> type;
};
template <int Bits>
struct elem<Bits, false> {
  typedef ap_uint<Bits> type;
};

// Bits of the unsigned number n, at least 1.
constexpr int bits_of(long long n) { return n < 2 ? 1 : 1 + bits_of(n >> 1); }

// Bits of the signed number n, at least 1.
constexpr int signed_bits_of(long long n) { return 1 + (n == 0 ? 0 : bits_of(n < 0 ? ~n : n)); }

// A counter that can hold 0..Max.
template <long long Max>
struct counter {
  typedef ap_uint<bits_of(Max)> type;
};

constexpr int min_of(int a, int b) { return a < b ? a : b; }
constexpr int max_of(int a, int b) { return a < b ? b : a; }

template <int Lanes, int Bits>
struct word {
  static_assert(Lanes >= 1 && Bits >= 1 && Bits <= 64, "a lane has 1..64 bits");
  static_assert(Lanes * Bits <= 4096, "a word has at most 4096 bits");
  static constexpr int Width = Lanes * Bits;
  static constexpr int PerChunk = min_of(Lanes, 64 / Bits);
  static constexpr int ChunkBits = PerChunk * Bits;
  static constexpr int Chunks = (Lanes + PerChunk - 1) / PerChunk;
  typedef ap_uint<Width> type;
};

// The number whose code is in the low Bits bits: constant shifts, that is wires.
template <int Bits, bool Signed>
int64_t decode(uint64_t code) {
#pragma HLS INLINE
  const uint64_t top = code << (64 - Bits);
  return Signed ? static_cast<int64_t>(top) >> (64 - Bits)
                : static_cast<int64_t>(top >> (64 - Bits));
}

// e[i] = element i of w; E is the element's type.
template <int Lanes, int Bits, bool Signed, class E>
void unpack(const ap_uint<Lanes * Bits>& w, E (&e)[Lanes]) {
#pragma HLS INLINE
  typedef word<Lanes, Bits> W;
  ap_uint<W::Width> rest = w;
unpack_chunks:
  for (int c = 0; c < W::Chunks; ++c) {
#pragma HLS UNROLL
    const uint64_t raw = rest.to_uint64();
  unpack_lanes:
    for (int i = 0; i < W::PerChunk; ++i) {
#pragma HLS UNROLL
      if (c * W::PerChunk + i < Lanes) {
        e[c * W::PerChunk + i] = decode<Bits, Signed>(raw >> (i * Bits));
      }
    }
    if (c + 1 < W::Chunks) {
      rest >>= W::ChunkBits;
    }
  }
}

// The word whose element i is e[i].
template <int Lanes, int Bits, class E>
ap_uint<Lanes * Bits> pack(const E (&e)[Lanes]) {
#pragma HLS INLINE
  typedef word<Lanes, Bits> W;
  ap_uint<W::Width> w = 0;
pack_chunks:
  for (int c = W::Chunks - 1; c >= 0; --c) {
#pragma HLS UNROLL
    uint64_t raw = 0;
  pack_lanes:
    for (int i = 0; i < W::PerChunk; ++i) {
#pragma HLS UNROLL
      if (c * W::PerChunk + i < Lanes) {
        const uint64_t code = e[c * W::PerChunk + i].to_uint64() & (~uint64_t(0) >> (64 - Bits));
        raw |= code << (i * Bits);
      }
    }
    if (c + 1 < W::Chunks) {
      w <<= W::ChunkBits;
    }
    w |= ap_uint<W::Width>(raw);
  }
  return w;
}

// e[i] = element i of row `row` of a packed memory: columns of T hold whole elements of Bits bits.
template <int Bits, bool Signed, class T, int Depth, int Cols, class E, int Lanes, class I>
void load(const T (&rom)[Depth][Cols], I row, E (&e)[Lanes]) {
#pragma HLS INLINE
  constexpr int per_col = 8 * static_cast<int>(sizeof(T)) / Bits;
  static_assert(per_col >= 1 && per_col * Cols >= Lanes, "memory columns do not hold the lanes");
load_columns:
  for (int c = 0; c < Cols; ++c) {
#pragma HLS UNROLL
    const uint64_t raw = rom[row][c];
  load_lanes:
    for (int i = 0; i < per_col; ++i) {
#pragma HLS UNROLL
      if (c * per_col + i < Lanes) {
        e[c * per_col + i] = decode<Bits, Signed>(raw >> (i * Bits));
      }
    }
  }
}

// v limited to Lo..Hi.
template <class Y, long long Lo, long long Hi, class V>
Y saturate(const V& v) {
#pragma HLS INLINE
  const ap_int<signed_bits_of(Lo)> lo = Lo;
  const ap_int<signed_bits_of(Hi)> hi = Hi;
  return v < lo ? Y(lo) : v > hi ? Y(hi) : Y(v);
}

// Counts 0..Last and starts again; returns whether it did.
template <long long Last, class T>
bool advance(T& n) {
#pragma HLS INLINE
  const bool wrap = n == T(Last);
  n = wrap ? T(0) : T(n + 1);
  return wrap;
}

// The row of a memory whose period is Rows: 1 (the same for all channels) or that of p.
template <int Rows, class P>
P periodic(const P& p) {
#pragma HLS INLINE
  return Rows == 1 ? P(0) : p;
}

}  // namespace qfx

#endif
