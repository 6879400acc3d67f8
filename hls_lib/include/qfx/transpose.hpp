// y[j0][j1][j2][j3] = x[j0*T0 + j1*T1 + j2*T2 + j3*T3]: the frame's words in another order.
//
// The first half of the iterations stores the frame, the second half emits it; one word read or
// written per iteration, II = 1.
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
  ap_uint<C::Lanes * C::XBits> frame[Words];
#pragma HLS BIND_STORAGE variable=frame type=ram_s2p
// True: the frame is stored completely, Settle iterations before the first word is emitted.
#pragma HLS DEPENDENCE variable=frame type=inter dependent=false
  A a0 = 0, a1 = 0, a2 = 0, a3 = 0;
  typename counter<C::D0>::type j0 = 0;
  typename counter<C::D1>::type j1 = 0;
  typename counter<C::D2>::type j2 = 0;
  typename counter<C::D3>::type j3 = 0;
words:
  for (int i = 0; i < 2 * Words + Settle; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    if (i < Words) {
      frame[i] = xs.read();
    } else if (i >= Words + Settle) {
      ys.write(frame[a0 + a1 + a2 + a3]);
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
            advance<C::D0 - 1>(j0);
          }
        }
      }
    }
  }
}

}  // namespace qfx

#endif
