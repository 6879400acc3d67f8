// w * x of a dot product: in DSPs (Fabric = 0), in LUTs (1), or by shifts (2). The same number in
// every way; only the code of w differs: for shifts it is Terms signed powers of two.
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

// P is wide enough for the product.
template <bool Fabric, class P, class W, class X>
P multiply(const W& w, const X& x) {
#pragma HLS INLINE
  if (Fabric) {
    const P in_luts = w * x;
#pragma HLS BIND_OP variable=in_luts op=mul impl=fabric
    return in_luts;
  }
  // left to synthesis, which can then take a DSP's adder as well
  return w * x;
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
