// y[v] = w * x[v]: a constant matrix times every vector, by the additions that C::sums lists.
//
// A vector per iteration, II = 1. C::sums is generated with the instance: no multiplier, no memory.
#ifndef QFX_ADDERS_HPP
#define QFX_ADDERS_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C>
void adders(hls::stream<ap_uint<C::Simd * C::XBits> >& xs,
            hls::stream<ap_uint<C::Pe * C::YBits> >& ys) {
#pragma HLS INLINE
vectors:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename elem<C::XBits, C::XSigned>::type x[C::Simd];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    typename elem<C::YBits, C::YSigned>::type y[C::Pe];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    unpack<C::Simd, C::XBits, C::XSigned>(xs.read(), x);
    C::sums(x, y);
    ys.write(pack<C::Pe, C::YBits>(y));
  }
}

}  // namespace qfx

#endif
