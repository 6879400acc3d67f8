// hls::axis for g++ C-simulation: the AXI4-Stream beat of Vitis HLS, without TUSER, TID and TDEST
// (widths of 0, the only ones that generated designs use).
#ifndef QFX_SIM_AP_AXI_SDATA_H
#define QFX_SIM_AP_AXI_SDATA_H

#include <ap_int.h>

namespace hls {

template <class T, int UserBits = 0, int IdBits = 0, int DestBits = 0>
struct axis;

template <int Bits>
struct axis<ap_uint<Bits>, 0, 0, 0> {
  ap_uint<Bits> data;
  ap_uint<(Bits + 7) / 8> keep;
  ap_uint<(Bits + 7) / 8> strb;
  ap_uint<1> last;
};

}  // namespace hls

template <int Bits, int UserBits, int IdBits, int DestBits>
using ap_axiu = hls::axis<ap_uint<Bits>, UserBits, IdBits, DestBits>;

#endif
