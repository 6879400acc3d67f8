// sum[p] = sum over s of w[p][s] * x[s]: the dot products of one word.
//
// In DSPs, several weights share a multiplier where widths allow (two of 8 bits): they lie Field bits apart in one
// factor of 27 bits, a DSP multiplies it by x, and the products of up to Slots elements are added before the fields
// are taken apart. A field that is negative has borrowed from the one above it, which gets it back. The same arithmetic
// as rtl_lib/qfx_product_dsp.sv.
#ifndef QFX_DOT_HPP
#define QFX_DOT_HPP

#include "qfx/product.hpp"

namespace qfx {

// How weights share DSPs; a DSP48E2 multiplies 27 x 18 signed bits.
template <class C>
struct packing {
  static constexpr int Product = C::XBits + C::WBits + (C::XSigned || C::WSigned ? 0 : 1);
  static constexpr int Narrow = C::XBits + (C::XSigned ? 0 : 1);
  static constexpr int Room = 26 - C::WBits;
  static constexpr bool Alone = C::Fabric || Narrow > 18 || Room < Product;
  static constexpr int Pack = Alone ? 1 : min_of(C::Pe, 1 + Room / max_of(Product, 1));
  static constexpr int Field = Pack < 2 ? Product : Room / max_of(Pack - 1, 1);
  static constexpr int Slots = min_of(C::Simd, 1 << min_of(Field - Product, 2));
};

// One multiplier per product.
template <class C>
struct dot_products {
  template <class W, class X, class S>
  static void run(const W (&w)[C::Pe * C::Simd], const X (&x)[C::Simd], S (&sum)[C::Pe]) {
#pragma HLS INLINE
  outputs:
    for (int p = 0; p < C::Pe; ++p) {
#pragma HLS UNROLL
      S total = 0;
    products:
      for (int s = 0; s < C::Simd; ++s) {
#pragma HLS UNROLL
        total += product<C, C::Fabric>::run(w[p * C::Simd + s], x[s]);
      }
      sum[p] = total;
    }
  }
};

// Slots products for each of the Pack outputs from `first` on: one DSP per element of x.
template <class C, class W, class X, class S>
void dot_chain(const W (&w)[C::Pe * C::Simd], const X (&x)[C::Simd], int first, int from,
               S (&sum)[C::Pe]) {
#pragma HLS INLINE
  typedef packing<C> P;
  int64_t total = 0;
lanes:
  for (int s = from; s < from + P::Slots; ++s) {
#pragma HLS UNROLL
    if (s < C::Simd) {
      int64_t weights = 0;
    weights:
      for (int j = 0; j < P::Pack; ++j) {
#pragma HLS UNROLL
        if (first + j < C::Pe) {
          weights += int64_t(w[(first + j) * C::Simd + s]) << (j * P::Field);
        }
      }
      total += decode<27, true>(weights) * int64_t(x[s]);
    }
  }
fields:
  for (int j = 0; j < P::Pack; ++j) {
#pragma HLS UNROLL
    const int64_t field = decode<P::Field, true>(total);
    if (first + j < C::Pe) {
      sum[first + j] += field;
    }
    total = (total - field) >> P::Field;
  }
}

// Pack products per multiplier.
template <class C, int Pack>
struct dot_packed {
  template <class W, class X, class S>
  static void run(const W (&w)[C::Pe * C::Simd], const X (&x)[C::Simd], S (&sum)[C::Pe]) {
#pragma HLS INLINE
  start:
    for (int p = 0; p < C::Pe; ++p) {
#pragma HLS UNROLL
      sum[p] = 0;
    }
  groups:
    for (int p = 0; p < C::Pe; p += Pack) {
#pragma HLS UNROLL
    chains:
      for (int s = 0; s < C::Simd; s += packing<C>::Slots) {
#pragma HLS UNROLL
        dot_chain<C>(w, x, p, s, sum);
      }
    }
  }
};

template <class C>
struct dot_packed<C, 1> : dot_products<C> {};

template <class C, class W, class X, class S>
void dot(const W (&w)[C::Pe * C::Simd], const X (&x)[C::Simd], S (&sum)[C::Pe]) {
#pragma HLS INLINE
  dot_packed<C, packing<C>::Pack>::run(w, x, sum);
}

}  // namespace qfx

#endif
