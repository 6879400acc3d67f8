// y[v][(g,m)] = sum_k w[g][k][m] * x[v][(g,k)]: a constant matrix times every vector.
//
// Loops: vector, group, tile of Pe outputs, word of Simd inputs; a word of x per iteration, II = 1.
// Tile 0 reads the vector's words and keeps them; the tiles after it use the kept ones. The
// accumulators have the type of the result and wrap, which is exact since every result fits.
#ifndef QFX_MATVEC_HPP
#define QFX_MATVEC_HPP

#include "qfx/dot.hpp"
#include "qfx/word.hpp"

namespace qfx {

template <class C>
struct matvec_types {
  typedef ap_uint<C::Simd * C::XBits> word;
  typedef hls::stream<word> xstream;
  typedef hls::stream<ap_uint<C::Pe * C::YBits> > ystream;
  typedef typename elem<C::YBits, C::YSigned>::type y;
  typedef typename elem<C::XBits, C::XSigned>::type x;
  typedef typename elem<C::WBits, C::WSigned>::type w;
  typedef ap_int<product_of<C>::Bits + bits_of(C::Simd)> sum;
  static constexpr int Kept = C::Tiles > 1 ? C::Depth : 1;
};

// acc (= or +=) w * one word of x.
template <class C>
void matvec_step(const typename matvec_types<C>::word& word, bool first,
                 const typename matvec_types<C>::w (&w)[C::Pe * C::Simd],
                 typename matvec_types<C>::y (&acc)[C::Pe]) {
#pragma HLS INLINE
  typename matvec_types<C>::x x[C::Simd];
#pragma HLS ARRAY_PARTITION variable=x type=complete
  typename matvec_types<C>::sum sum[C::Pe];
#pragma HLS ARRAY_PARTITION variable=sum type=complete
  unpack<C::Simd, C::XBits, C::XSigned>(word, x);
  dot<C>(w, x, sum);
outputs:
  for (int p = 0; p < C::Pe; ++p) {
#pragma HLS UNROLL
    const ap_int<C::YBits> here = sum[p];
    acc[p] = first ? here : ap_int<C::YBits>(acc[p] + here);
  }
}

template <class C, class T, int Rows, int Cols>
void matvec_loop(typename matvec_types<C>::xstream& xs, typename matvec_types<C>::ystream& ys,
                 const T (&rom)[Rows][Cols],
                 typename matvec_types<C>::word (&kept)[matvec_types<C>::Kept]) {
#pragma HLS INLINE
  static_assert(Rows == C::Groups * C::Tiles * C::Depth, "memory w has the wrong depth");
  typename matvec_types<C>::y acc[C::Pe];
#pragma HLS ARRAY_PARTITION variable=acc type=complete
  typename counter<C::Depth - 1>::type k = 0;
  typename counter<C::Tiles - 1>::type t = 0;
  typename counter<Rows - 1>::type row = 0;
words:
  for (int i = 0; i < C::Vectors * Rows; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename matvec_types<C>::word x;
    if (t == 0) {
      x = xs.read();
      if (C::Tiles > 1) {
        kept[k] = x;
      }
    } else {
      x = kept[k];
    }
    typename matvec_types<C>::w w[C::Pe * C::Simd];
#pragma HLS ARRAY_PARTITION variable=w type=complete
    load<C::WBits, C::WSigned>(rom, row, w);
    matvec_step<C>(x, k == 0, w, acc);
    advance<Rows - 1>(row);
    if (advance<C::Depth - 1>(k)) {
      ys.write(pack<C::Pe, C::YBits>(acc));
      advance<C::Tiles - 1>(t);
    }
  }
}

// Where the kept vector lives: registers when it is short, else a memory.
template <class C, bool Memory>
struct matvec_vector {
  template <class T, int Rows, int Cols>
  static void run(typename matvec_types<C>::xstream& xs, typename matvec_types<C>::ystream& ys,
                  const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
    typename matvec_types<C>::word kept[matvec_types<C>::Kept];
#pragma HLS ARRAY_PARTITION variable=kept type=complete
    matvec_loop<C>(xs, ys, rom, kept);
  }
};

template <class C>
struct matvec_vector<C, true> {
  template <class T, int Rows, int Cols>
  static void run(typename matvec_types<C>::xstream& xs, typename matvec_types<C>::ystream& ys,
                  const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
    typename matvec_types<C>::word kept[matvec_types<C>::Kept];
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p
// True: a word is read again Depth >= 16 iterations after it was written, longer than the pipeline
// from the memory's read to its write.
#pragma HLS DEPENDENCE variable=kept type=inter dependent=false
    matvec_loop<C>(xs, ys, rom, kept);
  }
};

template <class C, class T, int Rows, int Cols>
void matvec(typename matvec_types<C>::xstream& xs, typename matvec_types<C>::ystream& ys,
            const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
  matvec_vector<C, (C::Tiles > 1 && C::Depth >= 16)>::run(xs, ys, rom);
}

}  // namespace qfx

#endif
