// y = the index of the largest element of every vector, the first one at a tie.
//
// Loops: vector, word of Lanes elements; one word per iteration, II = 1: the word is reduced first,
// so that only one comparison lies between iterations.
#ifndef QFX_ARGMAX_HPP
#define QFX_ARGMAX_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C>
void argmax(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs, hls::stream<ap_uint<C::YBits> >& ys) {
#pragma HLS INLINE
  typedef typename elem<C::XBits, C::XSigned>::type X;
  typedef ap_uint<bits_of(C::Words * C::Lanes)> Index;
  X best = 0;
  Index best_index = 0;
  Index base = 0;
  typename counter<C::Words>::type k = 0;
words:
  for (int i = 0; i < C::Vectors * C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    X x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    unpack<C::Lanes, C::XBits, C::XSigned>(xs.read(), x);
    X top = x[0];
    Index index = base;
  lanes:
    for (int l = 1; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      if (x[l] > top) {
        top = x[l];
        index = base + Index(l);
      }
    }
    if (k == 0 || top > best) {
      best = top;
      best_index = index;
    }
    base += Index(C::Lanes);
    if (advance<C::Words - 1>(k)) {
      base = 0;
      const ap_uint<C::YBits> y = best_index;
      ys.write(y);
    }
  }
}

}  // namespace qfx

#endif
