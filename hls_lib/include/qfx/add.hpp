// y = KA * a + KB * b.
//
// One word of each input per iteration, II = 1. The factors are constants: shifts and additions.
#ifndef QFX_ADD_HPP
#define QFX_ADD_HPP

#include "qfx/product.hpp"
#include "qfx/word.hpp"

namespace qfx {

template <class C>
void add(hls::stream<ap_uint<C::Lanes * C::ABits> >& as,
         hls::stream<ap_uint<C::Lanes * C::BBits> >& bs,
         hls::stream<ap_uint<C::Lanes * C::YBits> >& ys) {
#pragma HLS INLINE
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename elem<C::ABits, C::ASigned>::type a[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=a type=complete
    typename elem<C::BBits, C::BSigned>::type b[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=b type=complete
    typename elem<C::YBits, C::YSigned>::type y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    unpack<C::Lanes, C::ABits, C::ASigned>(as.read(), a);
    unpack<C::Lanes, C::BBits, C::BSigned>(bs.read(), b);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      y[l] = multiple<C::KA>(a[l].to_int64()) + multiple<C::KB>(b[l].to_int64());
    }
    ys.write(pack<C::Lanes, C::YBits>(y));
  }
}

}  // namespace qfx

#endif
