// y = saturate((a[s][c] * x + b[s][c]) >> Shift, Lo, Hi), s = the last segment with
// start[s][c] <= x.
//
// One word per iteration, II = 1; one multiplier per lane whatever the number of segments.
#ifndef QFX_DYADIC_HPP
#define QFX_DYADIC_HPP

#include "qfx/product.hpp"
#include "qfx/word.hpp"

namespace qfx {

template <class C>
struct dyadic_types {
  typedef hls::stream<ap_uint<C::Lanes * C::XBits> > xstream;
  typedef hls::stream<ap_uint<C::Lanes * C::YBits> > ystream;
  typedef typename elem<C::XBits, C::XSigned>::type x;
  typedef typename elem<C::YBits, C::YSigned>::type y;
  typedef typename elem<C::ABits, C::ASigned>::type a;
  typedef typename elem<C::BBits, C::BSigned>::type b;
};

// The factor as the weight of a product: a number, or powers of two.
template <class C>
struct dyadic_factor : C {
  static constexpr int WBits = C::ABits;
  static constexpr bool WSigned = C::ASigned;
};

template <class C>
typename dyadic_types<C>::y dyadic_one(const typename dyadic_types<C>::x& x,
                                       const typename dyadic_types<C>::a& a,
                                       const typename dyadic_types<C>::b& b) {
#pragma HLS INLINE
  const ap_int<C::WideBits> wide = product<dyadic_factor<C>, C::Fabric>::run(a, x) + b;
  return saturate<typename dyadic_types<C>::y, C::Lo, C::Hi>(ap_int<C::WideBits>(wide >> C::Shift));
}

template <class C, class TA, int RA, int CA, class TB, int RB, int CB, class TS, int RS, int CS>
void dyadic(typename dyadic_types<C>::xstream& xs, typename dyadic_types<C>::ystream& ys,
            const TA (&roma)[RA][CA], const TB (&romb)[RB][CB], const TS (&roms)[RS][CS]) {
#pragma HLS INLINE
  static_assert(RA == C::APeriod && RB == C::BPeriod && RS == C::SPeriod,
                "memories do not have their periods");
  typename counter<C::Period - 1>::type p = 0;
words:
  for (int i = 0; i < C::Words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    typename dyadic_types<C>::x x[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=x type=complete
    typename dyadic_types<C>::y y[C::Lanes];
#pragma HLS ARRAY_PARTITION variable=y type=complete
    typename dyadic_types<C>::a a[C::Segments * C::Lanes];
#pragma HLS ARRAY_PARTITION variable=a type=complete
    typename dyadic_types<C>::b b[C::Segments * C::Lanes];
#pragma HLS ARRAY_PARTITION variable=b type=complete
    typename elem<C::SBits, C::SSigned>::type start[max_of(1, C::Segments - 1) * C::Lanes];
#pragma HLS ARRAY_PARTITION variable=start type=complete
    unpack<C::Lanes, C::XBits, C::XSigned>(xs.read(), x);
    load<C::ABits, C::ASigned>(roma, periodic<RA>(p), a);
    load<C::BBits, C::BSigned>(romb, periodic<RB>(p), b);
    load<C::SBits, C::SSigned>(roms, periodic<RS>(p), start);
  lanes:
    for (int l = 0; l < C::Lanes; ++l) {
#pragma HLS UNROLL
      typename dyadic_types<C>::a factor = a[l];
      typename dyadic_types<C>::b offset = b[l];
    segments:
      for (int s = 1; s < C::Segments; ++s) {
#pragma HLS UNROLL
        if (x[l] >= start[(s - 1) * C::Lanes + l]) {
          factor = a[s * C::Lanes + l];
          offset = b[s * C::Lanes + l];
        }
      }
      y[l] = dyadic_one<C>(x[l], factor, offset);
    }
    ys.write(pack<C::Lanes, C::YBits>(y));
    advance<C::Period - 1>(p);
  }
}

// One segment: nothing to choose by.
template <class C, class TA, int RA, int CA, class TB, int RB, int CB>
void dyadic(typename dyadic_types<C>::xstream& xs, typename dyadic_types<C>::ystream& ys,
            const TA (&roma)[RA][CA], const TB (&romb)[RB][CB]) {
#pragma HLS INLINE
  static_assert(C::Segments == 1, "more than one segment needs the memory start");
  static const uint64_t none[1][C::Lanes] = {};
  dyadic<C>(xs, ys, roma, romb, none);
}

}  // namespace qfx

#endif
