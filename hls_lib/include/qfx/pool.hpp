// y[p][c] = max_t x[p][(t,c)], or factor[p] * sum_t x[p][(t,c)].
//
// Loops: position, PerWord taps, chunk of Lanes channels; one word of x per iteration, II = 1; the
// last taps emit. Several taps in a word take whole pixels (one chunk).
#ifndef QFX_POOL_HPP
#define QFX_POOL_HPP

#include "qfx/product.hpp"
#include "qfx/word.hpp"

namespace qfx {

template <class C>
struct pool_types {
  static constexpr int Simd = C::PerWord * C::Lanes;
  static constexpr int Steps = C::Taps / C::PerWord;
  typedef hls::stream<ap_uint<Simd * C::XBits> > xstream;
  typedef hls::stream<ap_uint<C::Lanes * C::YBits> > ystream;
  typedef typename elem<C::AccBits, C::XSigned>::type acc;
  typedef typename elem<C::YBits, C::YSigned>::type y;
  static constexpr int FBits = C::FBits > 0 ? C::FBits : 1;
  static_assert(C::Taps % C::PerWord == 0 && (C::PerWord == 1 || C::Chunks == 1),
                "words of several taps hold whole pixels");
};

// What is reduced and its factor as the operands of a product.
template <class C>
struct pool_factor : C {
  static constexpr int XBits = C::AccBits;
  static constexpr int WBits = pool_types<C>::FBits;
  static constexpr bool WSigned = false;
};

// factor * sum; the sum where there are no factors.
template <class C, bool Scaled>
struct pool_scale {
  template <class F, class S>
  static S run(const F&, const S& sum) {
#pragma HLS INLINE
    return sum;
  }
};
template <class C>
struct pool_scale<C, true> {
  template <class F, class S>
  static typename product_of<pool_factor<C> >::type run(const F& factor, const S& sum) {
#pragma HLS INLINE
    return product<pool_factor<C>, C::Fabric>::run(factor, sum);
  }
};

// The maximum or the sum of what was reduced and one element more.
template <class C>
typename pool_types<C>::acc pool_reduce(const typename pool_types<C>::acc& before,
                                        const typename pool_types<C>::acc& x) {
#pragma HLS INLINE
  typedef typename pool_types<C>::acc A;
  if (C::Max) {
    return before < x ? x : before;
  }
  return A(before + x);
}

template <class C, class T, int Rows, int Cols>
void pool_loop(typename pool_types<C>::xstream& xs, typename pool_types<C>::ystream& ys,
               const T (&rom)[Rows][Cols],
               typename pool_types<C>::acc (&acc)[C::Chunks][C::Lanes]) {
#pragma HLS INLINE
  typedef pool_types<C> P;
  typename counter<C::Positions>::type position = 0;
  typename counter<P::Steps>::type step = 0;
  typename counter<C::Chunks>::type chunk = 0;
words:
  for (int i = 0; i < C::Positions * P::Steps * C::Chunks; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename elem<C::XBits, C::XSigned>::type x[P::Simd];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    typename pool_types<C>::y y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    ap_uint<pool_types<C>::FBits> factor[1];
#pragma HLS ARRAY_PARTITION variable=factor type=complete
    unpack<P::Simd, C::XBits, C::XSigned>(xs.read(), x);
    load<pool_types<C>::FBits, false>(rom, periodic<Rows>(position), factor);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      typename P::acc here = x[l];
    taps:
      for (int t = 1; t < C::PerWord; ++t) {
#pragma HLS UNROLL
        here = pool_reduce<C>(here, x[t * C::Lanes + l]);
      }
      const typename P::acc now = step == 0 ? here : pool_reduce<C>(acc[chunk][l], here);
      acc[chunk][l] = now;
      y[l] = pool_scale<C, (C::FBits > 0)>::run(factor[0], now);
    }
    if (step == P::Steps - 1) {
      ys.write(pack<C::Lanes, C::YBits>(y));
    }
    if (advance<C::Chunks - 1>(chunk)) {
      if (advance<P::Steps - 1>(step)) {
        advance<C::Positions - 1>(position);
      }
    }
  }
}

// Where the accumulators live: registers when there are few chunks, else a memory per lane.
template <class C, bool Memory>
struct pool_state {
  template <class T, int Rows, int Cols>
  static void run(typename pool_types<C>::xstream& xs, typename pool_types<C>::ystream& ys,
                  const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
    typename pool_types<C>::acc acc[C::Chunks][C::Lanes] = {};
#pragma HLS ARRAY_PARTITION variable=acc type=complete dim=0
    pool_loop<C>(xs, ys, rom, acc);
  }
};

template <class C>
struct pool_state<C, true> {
  template <class T, int Rows, int Cols>
  static void run(typename pool_types<C>::xstream& xs, typename pool_types<C>::ystream& ys,
                  const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
    typename pool_types<C>::acc acc[C::Chunks][C::Lanes];
#pragma HLS ARRAY_PARTITION variable=acc type=complete dim=2
#pragma HLS BIND_STORAGE variable=acc type=ram_s2p
// True: a value is read again Chunks >= 16 iterations after it was written.
#pragma HLS DEPENDENCE variable=acc type=inter direction=RAW distance=16 dependent=true
    pool_loop<C>(xs, ys, rom, acc);
  }
};

// With a factor per position.
template <class C, class T, int Rows, int Cols>
void pool(typename pool_types<C>::xstream& xs, typename pool_types<C>::ystream& ys,
          const T (&rom)[Rows][Cols]) {
#pragma HLS INLINE
  static_assert(C::FBits == 0 || Rows == C::Positions, "the memory has a factor per position");
  pool_state<C, (C::Chunks >= 16)>::run(xs, ys, rom);
}

template <class C>
void pool(typename pool_types<C>::xstream& xs, typename pool_types<C>::ystream& ys) {
#pragma HLS INLINE
  static_assert(C::FBits == 0, "the factors are missing");
  static const uint8_t none[1][1] = {};
  pool<C>(xs, ys, none);
}

}  // namespace qfx

#endif
