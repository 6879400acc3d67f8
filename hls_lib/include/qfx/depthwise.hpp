// y[p][c] = sum_t w[t][c] * x[p][(t,c)]: one dot product per channel over the taps of a window.
//
// Loops: position, tap, chunk of Lanes channels; one word of x per iteration, II = 1; the last tap
// emits. The accumulators have the type of the result and wrap, which is exact since it fits.
#ifndef QFX_DEPTHWISE_HPP
#define QFX_DEPTHWISE_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C, class T, int Rows, int Cols>
void depthwise_loop(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
                    hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols],
                    typename elem<C::YBits, C::YSigned>::type (&acc)[C::Chunks][C::Lanes]) {
#pragma HLS INLINE
  static_assert(Rows == C::Taps * C::Chunks, "memory w has the wrong depth");
  typename counter<C::Taps>::type tap = 0;
  typename counter<C::Chunks>::type chunk = 0;
  typename counter<Rows>::type row = 0;
words:
  for (int i = 0; i < C::Positions * Rows; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename native<C::XBits + C::WBits>::type x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    typename native<C::XBits + C::WBits>::type w[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=w type=complete
    typename elem<C::YBits, C::YSigned>::type y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    unpack<C::Lanes, C::XBits, C::XSigned>(xs.read(), x);
    load<C::WBits, C::WSigned>(rom, row, w);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      const ap_int<C::YBits> product = w[l] * x[l];
      const ap_int<C::YBits> before = acc[chunk][l];
      y[l] = tap == 0 ? product : ap_int<C::YBits>(before + product);
      acc[chunk][l] = y[l];
    }
    if (tap == C::Taps - 1) {
      ys.write(pack<C::Lanes, C::YBits>(y));
    }
    advance<Rows - 1>(row);
    if (advance<C::Chunks - 1>(chunk)) {
      advance<C::Taps - 1>(tap);
    }
  }
}

// Where the accumulators live: registers when there are few chunks, else a memory per lane.
template <class C, bool Memory>
struct depthwise_sums {
  template <class T, int Rows, int Cols>
  static void run(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
                  hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
    typename elem<C::YBits, C::YSigned>::type acc[C::Chunks][C::Lanes] = {};
#pragma HLS ARRAY_PARTITION variable=acc type=complete dim=0
    depthwise_loop<C>(xs, ys, rom, acc);
  }
};

template <class C>
struct depthwise_sums<C, true> {
  template <class T, int Rows, int Cols>
  static void run(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
                  hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
    typename elem<C::YBits, C::YSigned>::type acc[C::Chunks][C::Lanes];
#pragma HLS ARRAY_PARTITION variable=acc type=complete dim=2
#pragma HLS BIND_STORAGE variable=acc type=ram_s2p
// True: a sum is read again Chunks >= 16 iterations after it was written.
#pragma HLS DEPENDENCE variable=acc type=inter direction=RAW distance=16 dependent=true
    depthwise_loop<C>(xs, ys, rom, acc);
  }
};

template <class C, class T, int Rows, int Cols>
void depthwise(hls::stream<ap_uint<C::Lanes * C::XBits> >& xs,
               hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
  depthwise_sums<C, (C::Chunks >= 16)>::run(xs, ys, rom);
}

}  // namespace qfx

#endif
