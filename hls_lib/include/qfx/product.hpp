// w * x of a dot product: in DSPs (Fabric = 0), in LUTs (1), or by shifts (2). The same number in
// every way; only the code of w differs: for shifts it is Terms signed powers of two. A `*` between
// two signals is written for DSPs only.
#ifndef QFX_PRODUCT_HPP
#define QFX_PRODUCT_HPP

#include "qfx/word.hpp"

namespace qfx {

// The type that holds every product: signed where one of the factors is.
template <class C>
struct product_of {
  static constexpr bool Moved = C::Fabric == 2;
  static constexpr int Bits = Moved ? C::XBits + C::Shifts + bits_of(C::Terms) + 1
                                    : C::XBits + C::WBits;
  typedef typename elem<Bits, (Moved || C::XSigned || C::WSigned)>::type type;
};

// Bits and sign of an operand.
template <class E>
struct operand;
template <int N>
struct operand<ap_int<N> > {
  static constexpr int Bits = N;
  static constexpr bool Signed = true;
};
template <int N>
struct operand<ap_uint<N> > {
  static constexpr int Bits = N;
  static constexpr bool Signed = false;
};

// A native number that holds a product: C-simulation is many times faster than with exact widths.
// Synthesis drops the bits above, which nothing reads.
template <bool Long>
struct native {
  typedef uint32_t type;
};
template <>
struct native<true> {
  typedef uint64_t type;
};

// Radix-4 Booth digits of a number of so many bits.
constexpr int booth_rows(int bits, bool is_signed) {
  return is_signed ? (bits + 1) >> 1 : (bits >> 1) + 1;
}

// w * x of LUTs, modulo the width of T: w becomes Rows digits -2..2. A digit chooses 0, x or 2x,
// its sign the complement; the +1 of the complements, bits 1, 3, 5.. of w, are the first addend.
template <int Rows, class T>
T booth(T w, T x) {
#pragma HLS INLINE
  const T digits = w << 1;
  const T ones = digits ^ (digits >> 1);
  const T twos = ((digits >> 1) ^ (digits >> 2)) & ~ones;
  const T signs = digits >> 2;
  constexpr T places = T(0x5555555555555555) & (~T(0) >> (8 * sizeof(T) - 2 * Rows));
  T total = signs & places;
rows:
  for (int r = 0; r < Rows; ++r) {
#pragma HLS UNROLL
    const T one = T(0) - ((ones >> (2 * r)) & 1);
    const T two = T(0) - ((twos >> (2 * r)) & 1);
    const T sign = T(0) - ((signs >> (2 * r)) & 1);
    total += (((x & one) | ((x << 1) & two)) ^ sign) << (2 * r);
  }
  return total;
}

// The product of two numbers of known width; P is wide enough for it.
template <bool InLuts>
struct multiplier {
  template <class P, class W, class X>
  static P run(const W& w, const X& x) {
#pragma HLS INLINE
    return w * x;  // left to synthesis, which can then take a DSP's adder as well
  }
};

// As rtl_lib/qfx_product_lut.sv: no `*`, so there is nothing that a DSP could take.
template <>
struct multiplier<true> {
  template <class P, class W, class X>
  static P run(const W& w, const X& x) {
#pragma HLS INLINE
    constexpr int wb = operand<W>::Bits, xb = operand<X>::Bits;
    constexpr bool ws = operand<W>::Signed, xs = operand<X>::Signed;
    static_assert(wb + xb <= 64, "a product has at most 64 bits");
    constexpr int w_rows = booth_rows(wb, ws), x_rows = booth_rows(xb, xs);
    constexpr bool swaps = x_rows * (wb + 2 - ws) < w_rows * (xb + 2 - xs);
    typedef typename native<(wb + xb > 32)>::type T;
    const T a = decode<wb, ws>(w.to_uint64());
    const T b = decode<xb, xs>(x.to_uint64());
    return swaps ? booth<x_rows, T>(b, a) : booth<w_rows, T>(a, b);
  }
};

template <bool InLuts, class P, class W, class X>
P multiply(const W& w, const X& x) {
#pragma HLS INLINE
  return multiplier<InLuts>::template run<P>(w, x);
}

// K * x modulo 2**64 by additions: the digits of +1 and of -1 of K in the non-adjacent form.
template <long long K>
uint64_t multiple(int64_t x) {
#pragma HLS INLINE
  constexpr uint64_t k = static_cast<uint64_t>(K), triple = k + (k << 1);
  constexpr uint64_t plus = (triple & ~k) >> 1, minus = (k & ~triple) >> 1;
  const uint64_t wide = static_cast<uint64_t>(x);
  uint64_t sum = 0;
digits:
  for (int i = 0; i < 64; ++i) {
#pragma HLS UNROLL
    if ((plus >> i) & 1) {
      sum += wide << i;
    }
    if ((minus >> i) & 1) {
      sum -= wide << i;
    }
  }
  return sum;
}

// The sum of the terms of w, each x << i or its negative: the sign in the highest bit of a term,
// below it 0 for no term or 1 + i.
template <class C, class X>
typename product_of<C>::type shifted(const ap_uint<C::WBits>& w, const X& x) {
#pragma HLS INLINE
  typedef typename product_of<C>::type P;
  constexpr int code_bits = bits_of(C::Shifts);
  P total = 0;
terms:
  for (int t = 0; t < C::Terms; ++t) {
#pragma HLS UNROLL
    const ap_uint<code_bits> code = w >> (t * (code_bits + 1));
    const bool sign = (w >> (t * (code_bits + 1) + code_bits)) & 1;
    const P wide = x;
    const P moved = code == 0 ? P(0) : P(wide << (code - 1));
    total = sign ? P(total - moved) : P(total + moved);
  }
  return total;
}

// w * x as the instance says.
template <class C, int Fabric>
struct product {
  template <class W, class X>
  static typename product_of<C>::type run(const W& w, const X& x) {
#pragma HLS INLINE
    return multiply<(Fabric != 0), typename product_of<C>::type>(w, x);
  }
};

template <class C>
struct product<C, 2> {
  template <class W, class X>
  static typename product_of<C>::type run(const W& w, const X& x) {
#pragma HLS INLINE
    return shifted<C>(w, x);
  }
};

}  // namespace qfx

#endif
