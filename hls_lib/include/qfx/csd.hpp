// y = saturate((Plus * x - Minus * x + b[c]) >> Shift, Lo, Hi), the products as sums of shifts.
//
// One word per iteration, II = 1; adders only, one per set bit of Plus and Minus.
#ifndef QFX_CSD_HPP
#define QFX_CSD_HPP

#include "qfx/word.hpp"

namespace qfx {

// The sum of x << i over the set bits i of Digits.
template <class C>
ap_int<C::WideBits> csd_sum(const ap_int<C::WideBits>& x, long long digits) {
#pragma HLS INLINE
  ap_int<C::WideBits> sum = 0;
digits:
  for (int i = 0; i < bits_of(C::Plus | C::Minus); ++i) {
#pragma HLS UNROLL
    if ((digits >> i) & 1) {
      sum += ap_int<C::WideBits>(x << i);
    }
  }
  return sum;
}

template <class C, class TB, int RB, int CB>
void csd(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
         hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const TB (&romb)[RB][CB]) {
#pragma HLS INLINE
  static_assert(RB == C::BPeriod, "the memory does not have its period");
  typedef typename elem<C::YBits, C::YSigned>::type Y;
  typename counter<C::Period - 1>::type p = 0;
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename elem<C::XBits, C::XSigned>::type x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    typename elem<C::BBits, C::BSigned>::type b[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=b type=complete
    Y y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    unpack<C::Lanes, C::XBits, C::XSigned>(xs.read(), x);
    load<C::BBits, C::BSigned>(romb, periodic<RB>(p), b);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      const ap_int<C::WideBits> wide = x[l];
      const ap_int<C::WideBits> sum =
          csd_sum<C>(wide, C::Plus) - csd_sum<C>(wide, C::Minus) + b[l];
      y[l] = saturate<Y, C::Lo, C::Hi>(ap_int<C::WideBits>(sum >> C::Shift));
    }
    ys.write(pack<C::Lanes, C::YBits>(y));
    advance<C::Period - 1>(p);
  }
}

}  // namespace qfx

#endif
