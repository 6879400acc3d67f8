// y = overflow(round(((x << left[c]) + b[c]) / 2**Right)): a cast of ap_fixed, with its modes.
//
// One word per iteration, II = 1. Round: 0 floor, 1 zero, 2 ceil, 3 away, 4 half up, 5 half down,
// 6 half to zero, 7 half away, 8 half even. Overflow: 0 saturates to Lo..Hi, 1 gives zero, 2 wraps;
// those two look at the bits of Y. Sum = 0: all channels have one left shift and b = 0.
#ifndef QFX_CAST_HPP
#define QFX_CAST_HPP

#include "qfx/word.hpp"

namespace qfx {

// Whether the integer above the floor is the result.
template <class C>
bool cast_up(const ap_int<C::WideBits>& v) {
#pragma HLS INLINE
  if (C::Right == 0) {
    return false;
  }
  constexpr int top = max_of(C::Right - 1, 0);
  const bool half = v[top];
  const bool rest = (v & ((ap_int<C::WideBits>(1) << top) - 1)) != 0;
  const bool negative = v < 0;
  const bool odd = v[C::Right];
  return C::Round == 1   ? negative && (half || rest)
         : C::Round == 2 ? half || rest
         : C::Round == 3 ? !negative && (half || rest)
         : C::Round == 4 ? half
         : C::Round == 5 ? half && rest
         : C::Round == 6 ? half && (rest || negative)
         : C::Round == 7 ? half && (rest || !negative)
         : C::Round == 8 ? half && (rest || odd)
                         : false;
}

// What becomes of an integer that Y may not hold.
template <class C, class Y>
Y cast_overflow(const ap_int<C::WideBits + 1>& v) {
#pragma HLS INLINE
  if (C::Overflow == 0) {
    return saturate<Y, C::Lo, C::Hi>(v);
  }
  return C::Overflow == 1 && ap_int<C::WideBits + 1>(Y(v)) != v ? Y(0) : Y(v);
}

template <class C, class TL, int RL, int CL, class TB, int RB, int CB>
void cast(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
          hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const TL (&romleft)[RL][CL],
          const TB (&romb)[RB][CB]) {
#pragma HLS INLINE
  static_assert(RL == C::LPeriod && RB == C::BPeriod, "memories do not have their periods");
  static_assert(C::Right >= 0 && C::WideBits > C::Right, "WideBits must hold a sign above Right");
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
      const ap_int<C::WideBits> moved = wide << left[l];
      const ap_int<C::WideBits> sum = C::Sum ? ap_int<C::WideBits>(moved + b[l]) : moved;
      const ap_int<C::WideBits + 1> floor = sum >> C::Right;
      y[l] = cast_overflow<C, Y>(floor + ap_uint<1>(cast_up<C>(sum)));
    }
    ys.write(pack<C::Lanes, C::YBits>(y));
    advance<C::Period - 1>(p);
  }
}

}  // namespace qfx

#endif
