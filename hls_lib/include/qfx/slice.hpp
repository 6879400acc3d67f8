// Keeps the words of x whose index j on every axis has A <= j < B and (j - A) mod S = 0.
//
// One word read per iteration, II = 1.
#ifndef QFX_SLICE_HPP
#define QFX_SLICE_HPP

#include "qfx/word.hpp"

namespace qfx {

// The index on one axis, and its distance from the last kept one.
template <int Size, int Start, int Stop, int Step>
struct slice_axis {
  typename counter<Size>::type j;
  typename counter<Step>::type phase;

  slice_axis() : j(0), phase(0) {}

  bool keep() const {
#pragma HLS INLINE
    return j >= Start && j < Stop && phase == 0;
  }

  // Moves on; returns whether the axis starts again.
  bool next() {
#pragma HLS INLINE
    if (j >= Start) {
      advance<Step - 1>(phase);
    }
    const bool wrap = advance<Size - 1>(j);
    if (wrap) {
      phase = 0;
    }
    return wrap;
  }
};

template <class C>
void slice(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
           hls::stream<ap_uint<C::Lanes * C::XBits> >& ys) {
#pragma HLS INLINE
  slice_axis<C::D0, C::A0, C::B0, C::S0> axis0;
  slice_axis<C::D1, C::A1, C::B1, C::S1> axis1;
  slice_axis<C::D2, C::A2, C::B2, C::S2> axis2;
  slice_axis<C::D3, C::A3, C::B3, C::S3> axis3;
words:
  for (int i = 0; i < C::D0 * C::D1 * C::D2 * C::D3; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    const ap_uint<C::Lanes * C::XBits> word = xs.read();
    if (axis0.keep() && axis1.keep() && axis2.keep() && axis3.keep()) {
      ys.write(word);
    }
    if (axis3.next()) {
      if (axis2.next()) {
        if (axis1.next()) {
          axis0.next();
        }
      }
    }
  }
}

}  // namespace qfx

#endif
