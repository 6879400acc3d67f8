// y = Lo + the number of steps k with x >= t[k][c].
//
// One word per iteration, II = 1; Steps comparators per lane.
#ifndef QFX_COMPARE_HPP
#define QFX_COMPARE_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C, class TT, int RT, int CT>
void compare(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
             hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const TT (&romt)[RT][CT]) {
#pragma HLS INLINE
  static_assert(RT == C::TPeriod, "the memory does not have its period");
  typename counter<C::Period - 1>::type p = 0;
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename elem<C::XBits, C::XSigned>::type x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    typename elem<C::TBits, C::TSigned>::type t[max_of(C::Steps, 1) * C::Lanes];
#pragma HLS ARRAY_PARTITION variable=t type=complete
    typename elem<C::YBits, C::YSigned>::type y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    unpack<C::Lanes, C::XBits, C::XSigned>(xs.read(), x);
    load<C::TBits, C::TSigned>(romt, periodic<RT>(p), t);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      ap_uint<bits_of(C::Steps)> reached = 0;
    steps:
      for (int k = 0; k < C::Steps; ++k) {
#pragma HLS UNROLL
        reached += x[l] >= t[k * C::Lanes + l] ? 1 : 0;
      }
      y[l] = reached + ap_int<signed_bits_of(C::Lo)>(C::Lo);
    }
    ys.write(pack<C::Lanes, C::YBits>(y));
    advance<C::Period - 1>(p);
  }
}

}  // namespace qfx

#endif
