// y = Repeats times: Run0 words of input 0, then Run1 words of input 1, and so on.
//
// One word per iteration, II = 1. Every lane is extended to the type of the result.
#ifndef QFX_CONCAT_HPP
#define QFX_CONCAT_HPP

#include "qfx/word.hpp"

namespace qfx {

// Run length and type of input I, from the constants of C.
template <class C, int I>
struct concat_input;

template <class C>
struct concat_input<C, 0> {
  static constexpr int Run = C::Run0;
  static constexpr int Bits = C::X0Bits;
  static constexpr bool Signed = C::X0Signed;
  typedef typename elem<C::X0Bits, C::X0Signed>::type type;
};

template <class C>
struct concat_input<C, 1> {
  static constexpr int Run = C::Run1;
  static constexpr int Bits = C::X1Bits;
  static constexpr bool Signed = C::X1Signed;
  typedef typename elem<C::X1Bits, C::X1Signed>::type type;
};

template <class C>
struct concat_input<C, 2> {
  static constexpr int Run = C::Run2;
  static constexpr int Bits = C::X2Bits;
  static constexpr bool Signed = C::X2Signed;
  typedef typename elem<C::X2Bits, C::X2Signed>::type type;
};

template <class C>
struct concat_input<C, 3> {
  static constexpr int Run = C::Run3;
  static constexpr int Bits = C::X3Bits;
  static constexpr bool Signed = C::X3Signed;
  typedef typename elem<C::X3Bits, C::X3Signed>::type type;
};

template <class C>
struct concat_input<C, 4> {
  static constexpr int Run = C::Run4;
  static constexpr int Bits = C::X4Bits;
  static constexpr bool Signed = C::X4Signed;
  typedef typename elem<C::X4Bits, C::X4Signed>::type type;
};

template <class C>
struct concat_input<C, 5> {
  static constexpr int Run = C::Run5;
  static constexpr int Bits = C::X5Bits;
  static constexpr bool Signed = C::X5Signed;
  typedef typename elem<C::X5Bits, C::X5Signed>::type type;
};

template <class C>
struct concat_input<C, 6> {
  static constexpr int Run = C::Run6;
  static constexpr int Bits = C::X6Bits;
  static constexpr bool Signed = C::X6Signed;
  typedef typename elem<C::X6Bits, C::X6Signed>::type type;
};

template <class C>
struct concat_input<C, 7> {
  static constexpr int Run = C::Run7;
  static constexpr int Bits = C::X7Bits;
  static constexpr bool Signed = C::X7Signed;
  typedef typename elem<C::X7Bits, C::X7Signed>::type type;
};

template <class C>
struct concat_types {
  typedef ap_uint<C::Lanes * C::YBits> word;
  typedef hls::stream<word> ystream;
};

// The next word of input I, its lanes extended.
template <class C, int I, class X>
typename concat_types<C>::word concat_read(X& xs) {
#pragma HLS INLINE
  typename concat_input<C, I>::type x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
  typename elem<C::YBits, C::YSigned>::type y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
  unpack<C::Lanes, concat_input<C, I>::Bits, concat_input<C, I>::Signed>(xs.read(), x);
lanes:
  for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
    y[l] = x[l];
  }
  return pack<C::Lanes, C::YBits>(y);
}

// Word `at` of a round comes from input I or from a later one; First words came before it.
template <class C, int I, int First>
typename concat_types<C>::word concat_take(int) {
#pragma HLS INLINE
  return 0;
}

template <class C, int I, int First, class X, class... Xs>
typename concat_types<C>::word concat_take(int at, X& x, Xs&... xs) {
#pragma HLS INLINE
  constexpr int next = First + concat_input<C, I>::Run;
  if (at < next) {
    return concat_read<C, I>(x);
  }
  return concat_take<C, I + 1, next>(at, xs...);
}

template <class C, int I>
struct concat_round {
  static constexpr int Words = concat_round<C, I - 1>::Words + concat_input<C, I - 1>::Run;
};

template <class C>
struct concat_round<C, 0> {
  static constexpr int Words = 0;
};

template <class C, class... Xs>
void concat_loop(typename concat_types<C>::ystream& ys, Xs&... xs) {
#pragma HLS INLINE
  static_assert(sizeof...(Xs) == C::N, "a concat has N inputs");
  constexpr int round = concat_round<C, C::N>::Words;
  typename counter<round>::type at = 0;
words:
  for (int i = 0; i < C::Repeats * round; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    ys.write(concat_take<C, 0, 0>(at, xs...));
    advance<round - 1>(at);
  }
}

template <class C, class X0, class X1>
void concat(X0& x0, X1& x1, typename concat_types<C>::ystream& y) {
#pragma HLS INLINE
  concat_loop<C>(y, x0, x1);
}

template <class C, class X0, class X1, class X2>
void concat(X0& x0, X1& x1, X2& x2, typename concat_types<C>::ystream& y) {
#pragma HLS INLINE
  concat_loop<C>(y, x0, x1, x2);
}

template <class C, class X0, class X1, class X2, class X3>
void concat(X0& x0, X1& x1, X2& x2, X3& x3, typename concat_types<C>::ystream& y) {
#pragma HLS INLINE
  concat_loop<C>(y, x0, x1, x2, x3);
}

template <class C, class X0, class X1, class X2, class X3, class X4>
void concat(X0& x0, X1& x1, X2& x2, X3& x3, X4& x4, typename concat_types<C>::ystream& y) {
#pragma HLS INLINE
  concat_loop<C>(y, x0, x1, x2, x3, x4);
}

template <class C, class X0, class X1, class X2, class X3, class X4, class X5>
void concat(X0& x0, X1& x1, X2& x2, X3& x3, X4& x4, X5& x5,
            typename concat_types<C>::ystream& y) {
#pragma HLS INLINE
  concat_loop<C>(y, x0, x1, x2, x3, x4, x5);
}

template <class C, class X0, class X1, class X2, class X3, class X4, class X5, class X6>
void concat(X0& x0, X1& x1, X2& x2, X3& x3, X4& x4, X5& x5, X6& x6,
            typename concat_types<C>::ystream& y) {
#pragma HLS INLINE
  concat_loop<C>(y, x0, x1, x2, x3, x4, x5, x6);
}

template <class C, class X0, class X1, class X2, class X3, class X4, class X5, class X6, class X7>
void concat(X0& x0, X1& x1, X2& x2, X3& x3, X4& x4, X5& x5, X6& x6, X7& x7,
            typename concat_types<C>::ystream& y) {
#pragma HLS INLINE
  concat_loop<C>(y, x0, x1, x2, x3, x4, x5, x6, x7);
}

}  // namespace qfx

#endif
