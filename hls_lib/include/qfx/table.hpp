// y = values[c][x - XLo].
//
// One word per iteration, II = 1; every lane has a memory of its own (a column).
#ifndef QFX_TABLE_HPP
#define QFX_TABLE_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C, class T, int Rows, int Cols>
void table(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
           hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
  static_assert(Rows == C::VPeriod * C::Size && Cols == C::Lanes, "the memory does not fit");
  typename counter<C::VPeriod - 1>::type p = 0;
  typename counter<Rows - 1>::type base = 0;
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename elem<C::XBits, C::XSigned>::type x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    typename elem<C::YBits, C::YSigned>::type y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    unpack<C::Lanes, C::XBits, C::XSigned>(xs.read(), x);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      const typename counter<Rows - 1>::type row =
          base + (x[l] - ap_int<signed_bits_of(C::XLo)>(C::XLo));
      const uint64_t code = rom[row][l];
      y[l] = code;
    }
    ys.write(pack<C::Lanes, C::YBits>(y));
    base = p == C::VPeriod - 1 ? 0 : int(base) + C::Size;
    advance<C::VPeriod - 1>(p);
  }
}

}  // namespace qfx

#endif
