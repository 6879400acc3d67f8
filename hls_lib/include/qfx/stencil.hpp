// The windows of an image, Pe elements (whole taps) per word: what `window` emits tap by tap.
//
// The rows above the newest one are kept in Rows - 1 lines, as memories of one read and one write
// per iteration: at the newest pixel's column all of them move up by one row. The last Cols pixels
// of the window's KH rows are shift registers. A window leaves in Parts words as soon as its last
// pixel is there, the first one in the same iteration; the next pixel is read after the last one.
// One flat loop over the words read and the Parts - 1 further words of every window, II = 1.
#ifndef QFX_STENCIL_HPP
#define QFX_STENCIL_HPP

#include "qfx/word.hpp"

namespace qfx {

template <class C>
struct stencil_shape {
  static constexpr int Rows = (C::KH - 1) * C::DH + 1;  // that a window spans
  static constexpr int Cols = (C::KW - 1) * C::DW + 1;
  static constexpr int Line = C::W * C::Words;
  static constexpr int Lines = max_of(Rows - 1, 1);
  static constexpr int Pixel = C::Words * C::Simd;
  static constexpr int Span = Cols * Pixel;
  static constexpr int Size = C::KH * C::KW * Pixel;
  static constexpr int Parts = Size / C::Pe;
  static constexpr int Total = C::H * Line + C::OH * C::OW * (Parts - 1);
  typedef ap_uint<C::Simd * C::XBits> word;
  typedef ap_uint<C::XBits> code;
  typedef typename counter<Line>::type address;
  static_assert(Size == Parts * C::Pe, "a window is a whole number of words");
};

// Where the newest word lies, and how far it is to the next window.
template <class C>
struct stencil_position {
  typedef stencil_shape<C> S;
  typename S::address at;                        // inside the line
  typename counter<C::Words>::type word;         // inside the pixel
  typename counter<max_of(S::Rows, C::SH)>::type rows;  // until one is the last of a window
  typename counter<max_of(S::Cols, C::SW)>::type cols;

  stencil_position() : at(0), word(0), rows(S::Rows - 1), cols(S::Cols - 1) {}

  // Goes on by one word; returns whether a window ends with the word at the old position.
  bool next() {
#pragma HLS INLINE
    const bool last = word == C::Words - 1;
    const bool whole = last && rows == 0 && cols == 0;
    const bool line = at == S::Line - 1;
    advance<C::Words - 1>(word);
    advance<S::Line - 1>(at);
    if (line) {
      cols = S::Cols - 1;
      rows = rows == 0 ? C::SH - 1 : int(rows) - 1;
    } else if (last) {
      cols = cols == 0 ? C::SW - 1 : int(cols) - 1;
    }
    return whole;
  }
};

// The newest word enters the lines, and one word of every row of the window its registers.
template <class C>
void stencil_take(const typename stencil_shape<C>::word& x,
                  const typename stencil_shape<C>::address& at,
                  typename stencil_shape<C>::word (&lines)[stencil_shape<C>::Lines]
                                                          [stencil_shape<C>::Line],
                  typename stencil_shape<C>::code (&kept)[C::KH][stencil_shape<C>::Span]) {
#pragma HLS INLINE
  typedef stencil_shape<C> S;
  typename S::word column[S::Rows];
#pragma HLS ARRAY_PARTITION variable=column type=complete
  column[S::Rows - 1] = x;
above:
  for (int r = 0; r < S::Rows - 1; ++r) {
#pragma HLS UNROLL
    column[r] = lines[r][at];
  }
up:
  for (int r = 0; r < S::Rows - 1; ++r) {
#pragma HLS UNROLL
    lines[r][at] = column[r + 1];
  }
rows:
  for (int kh = 0; kh < C::KH; ++kh) {
#pragma HLS UNROLL
    typename S::code fresh[C::Simd];
#pragma HLS ARRAY_PARTITION variable=fresh type=complete
    unpack<C::Simd, C::XBits, false>(column[kh * C::DH], fresh);
  shift:
    for (int e = 0; e < S::Span; ++e) {
#pragma HLS UNROLL
      kept[kh][e] = e + C::Simd < S::Span ? kept[kh][min_of(e + C::Simd, S::Span - 1)]
                                          : fresh[max_of(e + C::Simd - S::Span, 0)];
    }
  }
}

// Word `part` of the window that the registers hold.
template <class C, class P>
ap_uint<C::Pe * C::XBits> stencil_word(
    const typename stencil_shape<C>::code (&kept)[C::KH][stencil_shape<C>::Span], const P& part) {
#pragma HLS INLINE
  typedef stencil_shape<C> S;
  typename S::code all[S::Size];
#pragma HLS ARRAY_PARTITION variable=all type=complete
  typename S::code y[C::Pe];
#pragma HLS ARRAY_PARTITION variable=y type=complete
rows:
  for (int kh = 0; kh < C::KH; ++kh) {
#pragma HLS UNROLL
  taps:
    for (int kw = 0; kw < C::KW; ++kw) {
#pragma HLS UNROLL
    elements:
      for (int e = 0; e < S::Pixel; ++e) {
#pragma HLS UNROLL
        all[(kh * C::KW + kw) * S::Pixel + e] = kept[kh][kw * C::DW * S::Pixel + e];
      }
    }
  }
parts:
  for (int p = 0; p < S::Parts; ++p) {
#pragma HLS UNROLL
    if (part == p) {
    choose:
      for (int e = 0; e < C::Pe; ++e) {
#pragma HLS UNROLL
        y[e] = all[p * C::Pe + e];
      }
    }
  }
  return pack<C::Pe, C::XBits>(y);
}

template <class C>
void stencil_loop(hls::stream<ap_uint<C::Simd * C::XBits> >& xs,
                  hls::stream<ap_uint<C::Pe * C::XBits> >& ys,
                  typename stencil_shape<C>::word (&lines)[stencil_shape<C>::Lines]
                                                          [stencil_shape<C>::Line]) {
#pragma HLS INLINE
  typedef stencil_shape<C> S;
  typename S::code kept[C::KH][S::Span] = {};
#pragma HLS ARRAY_PARTITION variable=kept type=complete dim=0
  stencil_position<C> position;
  typename counter<S::Parts>::type part = 0;
  bool whole = false;
iterations:
  for (int i = 0; i < S::Total; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    if (part == 0) {
      stencil_take<C>(xs.read(), position.at, lines, kept);
      whole = position.next();
    }
    if (whole) {
      ys.write(stencil_word<C>(kept, part));
      advance<S::Parts - 1>(part);
    }
  }
}

// Where the lines live: registers when they are short, else memories.
template <class C, bool Memory>
struct stencil_lines {
  static void run(hls::stream<ap_uint<C::Simd * C::XBits> >& xs,
                  hls::stream<ap_uint<C::Pe * C::XBits> >& ys) {
#pragma HLS INLINE
    typename stencil_shape<C>::word lines[stencil_shape<C>::Lines][stencil_shape<C>::Line] = {};
#pragma HLS ARRAY_PARTITION variable=lines type=complete dim=0
    stencil_loop<C>(xs, ys, lines);
  }
};

template <class C>
struct stencil_lines<C, true> {
  static void run(hls::stream<ap_uint<C::Simd * C::XBits> >& xs,
                  hls::stream<ap_uint<C::Pe * C::XBits> >& ys) {
#pragma HLS INLINE
    typename stencil_shape<C>::word lines[stencil_shape<C>::Lines][stencil_shape<C>::Line];
#pragma HLS ARRAY_PARTITION variable=lines type=complete dim=1
#pragma HLS BIND_STORAGE variable=lines type=ram_s2p
// True: an address is used again Line >= 16 iterations later, after all others of its line.
#pragma HLS DEPENDENCE variable=lines type=inter direction=RAW distance=16 dependent=true
    stencil_loop<C>(xs, ys, lines);
  }
};

template <class C>
void stencil(hls::stream<ap_uint<C::Simd * C::XBits> >& xs,
             hls::stream<ap_uint<C::Pe * C::XBits> >& ys) {
#pragma HLS INLINE
  stencil_lines<C, (stencil_shape<C>::Line >= 16)>::run(xs, ys);
}

}  // namespace qfx

#endif
