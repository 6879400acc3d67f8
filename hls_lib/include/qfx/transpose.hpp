// y[b][j0][j1][j2][j3] = x[b][j0*T0 + j1*T1 + j2*T2 + j3*T3]: the words of every block in another order.
//
// The first half of a block's iterations stores it, the second half emits it; one word read or
// written per iteration, II = 1. The blocks of a frame are one loop: the pipeline never drains.
#ifndef QFX_TRANSPOSE_HPP
#define QFX_TRANSPOSE_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C>
void transpose(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
               hls::stream<ap_uint<C::Lanes * C::XBits> >& ys) {
#pragma HLS INLINE
  constexpr int Words = C::D0 * C::D1 * C::D2 * C::D3;
  typedef typename counter<Words>::type A;
  constexpr int Settle = 4;  // see DEPENDENCE below
  constexpr int Steps = 2 * Words + Settle;
  ap_uint<C::Lanes * C::XBits> block[Words];
#pragma HLS BIND_STORAGE variable=block type=ram_s2p
// True: a block is stored completely, Settle iterations before its first word is emitted, and emitted
// completely before the next one is stored.
#pragma HLS DEPENDENCE variable=block type=inter dependent=false
  typename counter<Steps>::type i = 0;
  A a0 = 0, a1 = 0, a2 = 0, a3 = 0;
  typename counter<C::D0>::type j0 = 0;
  typename counter<C::D1>::type j1 = 0;
  typename counter<C::D2>::type j2 = 0;
  typename counter<C::D3>::type j3 = 0;
words:
  for (int n = 0; n < C::Blocks * Steps; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    if (i < Words) {
      block[i] = xs.read();
    } else if (i >= Words + Settle) {
      ys.write(block[a0 + a1 + a2 + a3]);
      a3 += C::T3;
      if (advance<C::D3 - 1>(j3)) {
        a3 = 0;
        a2 += C::T2;
        if (advance<C::D2 - 1>(j2)) {
          a2 = 0;
          a1 += C::T1;
          if (advance<C::D1 - 1>(j1)) {
            a1 = 0;
            a0 += C::T0;
            if (advance<C::D0 - 1>(j0)) a0 = 0;
          }
        }
      }
    }
    advance<Steps - 1>(i);
  }
}

}  // namespace qfx

#endif
