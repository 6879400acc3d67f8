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

// Where the terms of a weight lie: term t in one of Span places from 2 * t on. Its code, from the
// lowest bit: the place as remainder and quotient of Fine; whether there is one, unless a spare
// remainder says that there is none; the sign. As qfx_pkg.sv's shift_span, _fine and _code.
template <class C>
struct powers {
  static constexpr int Span = C::Terms == 1 ? C::Shifts : max_of(C::Shifts - 2 * (C::Terms - 1), 2);
  static constexpr int Fine = (Span + 1) / 2;
  static constexpr int Remainder = Fine > 1 ? bits_of(Fine - 1) : 0;
  static constexpr int Full = (1 << Remainder) - 1;
  static constexpr bool Spare = Full >= Fine;
  static constexpr int Code = Remainder + (Span > 1) + !Spare + 1;
  static_assert(C::WBits == C::Terms * Code, "a weight is one code per term");
};

// The sum of the terms of w. A term moves x by the remainder, then by 0 or Fine, and complements
// it; the +1 of the complements, two places apart, are the first addend.
template <class C, class X>
typename product_of<C>::type shifted(const ap_uint<C::WBits>& w, const X& x) {
#pragma HLS INLINE
  typedef powers<C> W;
  typedef typename product_of<C>::type P;
  static_assert(product_of<C>::Bits <= 64, "a product has at most 64 bits");
  typedef typename native<(product_of<C>::Bits > 32)>::type T;
  const uint64_t codes = w.to_uint64();
  const T wide = decode<C::XBits, C::XSigned>(x.to_uint64());
  T total = 0;
signs:
  for (int t = 0; t < C::Terms; ++t) {
#pragma HLS UNROLL
    total |= T((codes >> ((t + 1) * W::Code - 1)) & 1) << (2 * t);
  }
terms:
  for (int t = 0; t < C::Terms; ++t) {
#pragma HLS UNROLL
    const uint64_t code = codes >> (t * W::Code);
    const int by = code & W::Full;
    const bool far = W::Span > 1 && ((code >> W::Remainder) & 1);
    const bool there = W::Spare ? by < W::Fine : (code >> (W::Code - 2)) & 1;
    const T sign = T(0) - T((code >> (W::Code - 1)) & 1);
    const T near = wide << by;
    const T moved = far ? near << W::Fine : near;
    total += ((there ? moved : T(0)) ^ sign) << (2 * t);
  }
  return P(total);
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
