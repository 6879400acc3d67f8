// One stream to N readers.
//
// One word per iteration, II = 1.
#ifndef QFX_FORK_HPP
#define QFX_FORK_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class W>
void fork_write(const W&) {
#pragma HLS INLINE
}

template <class W, class... Ys>
void fork_write(const W& word, hls::stream<W>& y, Ys&... ys) {
#pragma HLS INLINE
  y.write(word);
  fork_write(word, ys...);
}

template <class C, class... Ys>
void fork(hls::stream<ap_uint<C::Bits> >& xs, Ys&... ys) {
#pragma HLS INLINE
  static_assert(sizeof...(Ys) == C::N && C::N >= 2, "a fork has N outputs");
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    const ap_uint<C::Bits> word = xs.read();
    fork_write(word, ys...);
  }
}

}  // namespace qfx

#endif
