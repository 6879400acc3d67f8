// The same bits in wider or in narrower words; the first narrow word is the least significant one.
//
// One narrow word per iteration, II = 1.
#ifndef QFX_WIDTH_HPP
#define QFX_WIDTH_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C, bool Wider>
struct width_converter {
  static void run(hls::stream<ap_uint<C::InBits> >& xs, hls::stream<ap_uint<C::OutBits> >& ys) {
#pragma HLS INLINE
    static_assert(C::OutBits % C::InBits == 0 && C::InWords % (C::OutBits / C::InBits) == 0,
                  "one width must divide the other, and words must fill the frame");
    constexpr int Ratio = C::OutBits / C::InBits;
    ap_uint<C::OutBits> word = 0;
    typename counter<Ratio>::type k = 0;
  words:
    for (int i = 0; i < C::InWords; ++i) {
#pragma HLS PIPELINE II=1 style=flp
      const ap_uint<C::OutBits> x = xs.read();
      if (Ratio > 1) {
        word >>= C::InBits;
      }
      word |= ap_uint<C::OutBits>(x << (C::OutBits - C::InBits));
      if (advance<Ratio - 1>(k)) {
        ys.write(word);
        word = 0;
      }
    }
  }
};

template <class C>
struct width_converter<C, false> {
  static void run(hls::stream<ap_uint<C::InBits> >& xs, hls::stream<ap_uint<C::OutBits> >& ys) {
#pragma HLS INLINE
    static_assert(C::InBits % C::OutBits == 0, "one width must divide the other");
    constexpr int Ratio = C::InBits / C::OutBits;
    ap_uint<C::InBits> word = 0;
    typename counter<Ratio>::type k = 0;
  words:
    for (int i = 0; i < C::InWords * Ratio; ++i) {
#pragma HLS PIPELINE II=1 style=flp
      if (k == 0) {
        word = xs.read();
      }
      const ap_uint<C::OutBits> y = word;
      ys.write(y);
      word >>= C::OutBits;
      advance<Ratio - 1>(k);
    }
  }
};

template <class C>
void width(hls::stream<ap_uint<C::InBits> >& xs, hls::stream<ap_uint<C::OutBits> >& ys) {
#pragma HLS INLINE
  width_converter<C, (C::InBits <= C::OutBits)>::run(xs, ys);
}

}  // namespace qfx

#endif
