// y = a memory, once per frame.
//
// One word per iteration, II = 1.
#ifndef QFX_CONST_HPP
#define QFX_CONST_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C, class T, int Rows, int Cols>
void const_(hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
  static_assert(Rows == C::Words, "memory values has the wrong depth");
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename elem<C::YBits, C::YSigned>::type y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    load<C::YBits, C::YSigned>(rom, i, y);
    ys.write(pack<C::Lanes, C::YBits>(y));
  }
}

}  // namespace qfx

#endif
