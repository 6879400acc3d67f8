// y = saturate(((x << left[c]) + b[c]) >> Right, Lo, Hi).
//
// One word per iteration, II = 1. A left shift that all channels share is a constant: wires.
#ifndef QFX_SHIFT_HPP
#define QFX_SHIFT_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C, class TL, int RL, int CL, class TB, int RB, int CB>
void shift(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
           hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const TL (&romleft)[RL][CL],
           const TB (&romb)[RB][CB]) {
#pragma HLS INLINE
  static_assert(RL == C::LPeriod && RB == C::BPeriod, "memories do not have their periods");
  typedef typename elem<C::YBits, C::YSigned>::type Y;
  typename counter<C::Period - 1>::type p = 0;
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename elem<C::XBits, C::XSigned>::type x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    ap_uint<C::LBits> left[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=left type=complete
    typename elem<C::BBits, C::BSigned>::type b[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=b type=complete
    Y y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    unpack<C::Lanes, C::XBits, C::XSigned>(xs.read(), x);
    load<C::LBits, false>(romleft, periodic<RL>(p), left);
    load<C::BBits, C::BSigned>(romb, periodic<RB>(p), b);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      const ap_int<C::WideBits> wide = x[l];
      const ap_int<C::WideBits> sum = (wide << left[l]) + b[l];
      y[l] = saturate<Y, C::Lo, C::Hi>(ap_int<C::WideBits>(sum >> C::Right));
    }
    ys.write(pack<C::Lanes, C::YBits>(y));
    advance<C::Period - 1>(p);
  }
}

}  // namespace qfx

#endif
