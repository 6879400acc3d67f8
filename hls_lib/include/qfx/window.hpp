// y[oh][ow][(g,kh,kw,c)] = x[oh*SH + kh*DH][ow*SW + kw*DW][(g,c)]: all windows, one by one.
//
// A ring buffer holds E + SH rows, E = (KH-1)*DH + 1 being the rows that a window spans. Phase 0
// reads the first E rows; phase 1 + oh emits the windows of output row oh and reads the next SH
// rows at the same time; what the last window does not reach is read and dropped. One flat loop
// over the phases' iterations, each reading at most one word and writing at most one, II = 1.
#ifndef QFX_WINDOW_HPP
#define QFX_WINDOW_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C>
struct window_shape {
  static constexpr int Settle = 4;  // see DEPENDENCE below
  static constexpr int Span = (C::KH - 1) * C::DH + 1;
  static constexpr int Row = C::W * C::Words;
  static constexpr int Ring = (Span + C::SH) * Row;
  static constexpr int GroupWords = C::Words / C::Groups;
  static constexpr int Emit = C::OW * C::KH * C::KW * C::Words;
  static constexpr int Fill = Span * Row + Settle;
  static constexpr int Phase = max_of(C::SH * Row + Settle, Emit);
  static constexpr int Rest = (C::H - Span - (C::OH - 1) * C::SH) * Row;
  static constexpr int Last = max_of(Rest, Emit);
  static constexpr int Total = Fill + (C::OH - 1) * Phase + Last;
  typedef typename counter<2 * Ring>::type address;
};

// base + step, wrapped around the ring.
template <class C>
typename window_shape<C>::address window_step(typename window_shape<C>::address base, int step) {
#pragma HLS INLINE
  typedef typename window_shape<C>::address A;
  const A next = base + A(step);
  return next >= window_shape<C>::Ring ? A(next - window_shape<C>::Ring) : next;
}

// Walks through the windows of one output row; `at()` is the ring address of the word to emit.
template <class C>
struct window_reader {
  typedef window_shape<C> S;
  typename S::address top;    // of the window's first row
  typename S::address row;    // of the current tap's row
  typename counter<S::Row>::type left;   // of the window, inside a row
  typename counter<S::Row>::type tap;    // of the tap, inside the window's row
  typename counter<C::Words>::type group;
  typename counter<C::Words>::type word;
  typename counter<C::KH>::type kh;
  typename counter<C::KW>::type kw;
  typename counter<C::Groups>::type g;
  typename counter<C::OW>::type ow;

  window_reader()
      : top(0), row(0), left(0), tap(0), group(0), word(0), kh(0), kw(0), g(0), ow(0) {}

  typename S::address at() const {
#pragma HLS INLINE
    return row + left + tap + group + word;
  }

  void next() {
#pragma HLS INLINE
    if (!advance<S::GroupWords - 1>(word)) {
      return;
    }
    tap += C::DW * C::Words;
    if (!advance<C::KW - 1>(kw)) {
      return;
    }
    tap = 0;
    row = window_step<C>(row, C::DH * S::Row);
    if (!advance<C::KH - 1>(kh)) {
      return;
    }
    row = top;
    group += S::GroupWords;
    if (!advance<C::Groups - 1>(g)) {
      return;
    }
    group = 0;
    left += C::SW * C::Words;
    if (advance<C::OW - 1>(ow)) {
      left = 0;
      top = window_step<C>(top, C::SH * S::Row);
      row = top;
    }
  }
};

template <class C>
void window(hls::stream<ap_uint<C::Simd * C::XBits> >& xs,
            hls::stream<ap_uint<C::Simd * C::XBits> >& ys) {
#pragma HLS INLINE
  static_assert(C::Words % C::Groups == 0, "a word must not straddle groups");
  typedef window_shape<C> S;
  ap_uint<C::Simd * C::XBits> ring[S::Ring];
#pragma HLS BIND_STORAGE variable=ring type=ram_s2p
// True: a phase emits only words that earlier phases read, and no phase reads in its last Settle
// iterations, so a word is emitted at least Settle iterations after it was stored.
#pragma HLS DEPENDENCE variable=ring type=inter dependent=false
  window_reader<C> reader;
  typename S::address store = 0;
  typename counter<C::H * S::Row>::type stored = 0;
  typename counter<max_of(S::Fill, max_of(S::Phase, S::Last))>::type n = 0;
  bool fill = true;
iterations:
  for (int i = 0; i < S::Total; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    const bool takes = fill ? n < S::Span * S::Row : n < C::SH * S::Row;
    if (takes && stored < C::H * S::Row) {
      ring[store] = xs.read();
      advance<S::Ring - 1>(store);
      ++stored;
    }
    if (!fill && n < S::Emit) {
      ys.write(ring[reader.at()]);
      reader.next();
    }
    if (n == (fill ? S::Fill : S::Phase) - 1) {
      n = 0;
      fill = false;
    } else {
      ++n;
    }
  }
}

}  // namespace qfx

#endif
