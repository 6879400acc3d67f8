// y = the frame x, Repeats times.
//
// Loops: repeat, word; one word written per iteration, II = 1. The first repeat reads and keeps the
// words, the others use the kept ones.
#ifndef QFX_EXPAND_HPP
#define QFX_EXPAND_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C>
void expand_loop(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
                 hls::stream<ap_uint<C::Lanes * C::XBits> >& ys,
                 ap_uint<C::Lanes * C::XBits> (&kept)[C::Words]) {
#pragma HLS INLINE
  typename counter<C::Words>::type k = 0;
  bool first = true;
words:
  for (int i = 0; i < C::Repeats * C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    ap_uint<C::Lanes * C::XBits> word;
    if (first) {
      word = xs.read();
      kept[k] = word;
    } else {
      word = kept[k];
    }
    ys.write(word);
    if (advance<C::Words - 1>(k)) {
      first = false;
    }
  }
}

// Where the kept frame lives: registers when it is short, else a memory.
template <class C, bool Memory>
struct expand_frame {
  static void run(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
                  hls::stream<ap_uint<C::Lanes * C::XBits> >& ys) {
#pragma HLS INLINE
    ap_uint<C::Lanes * C::XBits> kept[C::Words];
#pragma HLS ARRAY_PARTITION variable=kept type=complete
    expand_loop<C>(xs, ys, kept);
  }
};

template <class C>
struct expand_frame<C, true> {
  static void run(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
                  hls::stream<ap_uint<C::Lanes * C::XBits> >& ys) {
#pragma HLS INLINE
    ap_uint<C::Lanes * C::XBits> kept[C::Words];
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p
// True: a word is read again Words >= 16 iterations after it was written.
#pragma HLS DEPENDENCE variable=kept type=inter dependent=false
    expand_loop<C>(xs, ys, kept);
  }
};

template <class C>
void expand(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
            hls::stream<ap_uint<C::Lanes * C::XBits> >& ys) {
#pragma HLS INLINE
  expand_frame<C, (C::Words >= 16)>::run(xs, ys);
}

}  // namespace qfx

#endif
