// w * x of a dot product, in DSPs or, where Fabric is set, in LUTs: the same number either way.
#ifndef QFX_PRODUCT_HPP
#define QFX_PRODUCT_HPP

#include "qfx/word.hpp"

namespace qfx {

// The type that holds every product: signed where one of the factors is.
template <class C>
struct product_of {
  typedef typename elem<C::XBits + C::WBits, (C::XSigned || C::WSigned)>::type type;
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

}  // namespace qfx

#endif
