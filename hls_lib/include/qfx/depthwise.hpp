// y[p][c] = sum_t w[t][c] * x[p][(t,c)]: one dot product per channel over the taps of a window.
//
// Loops: position, PerWord taps, chunk of Lanes channels; one word of x per iteration, II = 1; the
// last taps emit. Several taps in a word take whole pixels (one chunk). The accumulators have the
// type of the result and wrap, which is exact since it fits.
#ifndef QFX_DEPTHWISE_HPP
#define QFX_DEPTHWISE_HPP

#include "qfx/product.hpp"
#include "qfx/word.hpp"

namespace qfx {

template <class C>
struct depthwise_types {
  static constexpr int Simd = C::PerWord * C::Lanes;
  static constexpr int Steps = C::Taps / C::PerWord;
  typedef typename elem<C::XBits, C::XSigned>::type x;
  typedef typename elem<C::WBits, C::WSigned>::type w;
  typedef ap_int<product_of<C>::Bits + bits_of(C::PerWord)> sum;
  typedef hls::stream<ap_uint<Simd * C::XBits> > xstream;
  static_assert(C::Taps % C::PerWord == 0 && (C::PerWord == 1 || C::Chunks == 1),
                "words of several taps hold whole pixels");
};

template <class C, class T, int Rows, int Cols>
void depthwise_loop(typename depthwise_types<C>::xstream& xs,
                    hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols],
                    typename elem<C::YBits, C::YSigned>::type (&acc)[C::Chunks][C::Lanes]) {
#pragma HLS INLINE
  typedef depthwise_types<C> D;
  static_assert(Rows == D::Steps * C::Chunks, "memory w has the wrong depth");
  typename counter<D::Steps>::type step = 0;
  typename counter<C::Chunks>::type chunk = 0;
  typename counter<Rows>::type row = 0;
words:
  for (int i = 0; i < C::Positions * Rows; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename D::x x[D::Simd];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    typename D::w w[D::Simd];
#pragma HLS ARRAY_PARTITION variable=w type=complete
    typename elem<C::YBits, C::YSigned>::type y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    unpack<D::Simd, C::XBits, C::XSigned>(xs.read(), x);
    load<C::WBits, C::WSigned>(rom, row, w);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      typename D::sum sum = 0;
    taps:
      for (int t = 0; t < C::PerWord; ++t) {
#pragma HLS UNROLL
        sum += product<C, C::Fabric>::run(w[t * C::Lanes + l], x[t * C::Lanes + l]);
      }
      const ap_int<C::YBits> here = sum;
      const ap_int<C::YBits> before = acc[chunk][l];
      y[l] = step == 0 ? here : ap_int<C::YBits>(before + here);
      acc[chunk][l] = y[l];
    }
    if (step == D::Steps - 1) {
      ys.write(pack<C::Lanes, C::YBits>(y));
    }
    advance<Rows - 1>(row);
    if (advance<C::Chunks - 1>(chunk)) {
      advance<D::Steps - 1>(step);
    }
  }
}

// Where the accumulators live: registers when there are few chunks, else a memory per lane.
template <class C, bool Memory>
struct depthwise_sums {
  template <class T, int Rows, int Cols>
  static void run(typename depthwise_types<C>::xstream& xs,
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
  static void run(typename depthwise_types<C>::xstream& xs,
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
void depthwise(typename depthwise_types<C>::xstream& xs,
               hls::stream<ap_uint<C::Lanes * C::YBits> >& ys, const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
  depthwise_sums<C, (C::Chunks >= 16)>::run(xs, ys, rom);
}

}  // namespace qfx

#endif
