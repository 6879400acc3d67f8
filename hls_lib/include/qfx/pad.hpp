// y = x with a border of value[c]: Top, Bottom rows, Left, Right pixels, Before, After words inside
// every pixel.
//
// Loops: output row, pixel, word; one word written per iteration, II = 1.
#ifndef QFX_PAD_HPP
#define QFX_PAD_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C, class T, int Rows, int Cols>
void pad(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
         hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
  static_assert(Rows == C::VPeriod, "the memory does not have its period");
  constexpr int OH = C::Top + C::H + C::Bottom;
  constexpr int OW = C::Left + C::W + C::Right;
  constexpr int OWords = C::Before + C::Words + C::After;
  typedef typename elem<C::YBits, C::YSigned>::type Y;
  typename counter<OH>::type row = 0;
  typename counter<OW>::type col = 0;
  typename counter<OWords>::type at = 0;
words:
  for (int i = 0; i < OH * OW * OWords; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    Y y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    load<C::YBits, C::YSigned>(rom, periodic<Rows>(at), y);
    if (row >= C::Top && row < C::Top + C::H && col >= C::Left && col < C::Left + C::W &&
        at >= C::Before && at < C::Before + C::Words) {
      typename elem<C::XBits, C::XSigned>::type x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
      unpack<C::Lanes, C::XBits, C::XSigned>(xs.read(), x);
    lanes:
      for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
        y[l] = x[l];
      }
    }
    ys.write(pack<C::Lanes, C::YBits>(y));
    if (advance<OWords - 1>(at)) {
      if (advance<OW - 1>(col)) {
        advance<OH - 1>(row);
      }
    }
  }
}

}  // namespace qfx

#endif
