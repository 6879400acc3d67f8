// y = saturate(((x << left[c]) + b[c]) >> Right, Lo, Hi): a cast that floors and saturates.
#ifndef QFX_SHIFT_HPP
#define QFX_SHIFT_HPP

#include "qfx/cast.hpp"

namespace qfx {

template <class C>
struct shift_modes : C {
  static constexpr int Sum = 1;
  static constexpr int Round = 0;
  static constexpr int Overflow = 0;
};

template <class C, class TL, int RL, int CL, class TB, int RB, int CB>
void shift(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
           hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const TL (&romleft)[RL][CL],
           const TB (&romb)[RB][CB]) {
#pragma HLS INLINE
  cast<shift_modes<C> >(xs, ys, romleft, romb);
}

}  // namespace qfx

#endif
