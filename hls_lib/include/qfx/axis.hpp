// Between AXI4-Stream ports and plain streams: TLAST marks the last word of a frame.
//
// One word per iteration, II = 1. AxisBits is Bits rounded up to whole bytes; the padding is zero
// on the way out and ignored on the way in, as is TLAST.
#ifndef QFX_AXIS_HPP
#define QFX_AXIS_HPP

#include <ap_axi_sdata.h>

#include "qfx/word.hpp"

namespace qfx {

template <class C>
void from_axis(hls::stream<hls::axis<ap_uint<C::AxisBits>, 0, 0, 0> >& xs,
               hls::stream<ap_uint<C::Bits> >& ys) {
#pragma HLS INLINE
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    const hls::axis<ap_uint<C::AxisBits>, 0, 0, 0> beat = xs.read();
    const ap_uint<C::Bits> word = beat.data;
    ys.write(word);
  }
}

template <class C>
void to_axis(hls::stream<ap_uint<C::Bits> >& xs,
             hls::stream<hls::axis<ap_uint<C::AxisBits>, 0, 0, 0> >& ys) {
#pragma HLS INLINE
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    hls::axis<ap_uint<C::AxisBits>, 0, 0, 0> beat;
    beat.data = xs.read();
    beat.keep = -1;
    beat.strb = -1;
    beat.last = i == C::Words - 1;
    ys.write(beat);
  }
}

}  // namespace qfx

#endif
