// y[j] + carry[j] = sum over lanes of x * w[j], in DSPs: one multiplier per lane for Pack outputs.
//
// The weights of a lane lie Field bits apart in one factor (their sum is the DSP's pre-adder), the products
// of all lanes are added before the fields are taken apart: lane k a stage after lane k - 1, which is the
// cascade of a column of DSPs. A field that is negative has borrowed from the one above: `carry_o` gives it
// back.
//
// A chain has Slots lanes of which Lanes are used, so that a shorter chain takes as long as a full one.
// Stages = 2 + Slots: operands, products, Slots sums; 2 if Slots = 1: what follows can be the DSP's adder.
// DSPs: Lanes (products of up to 27 x 18 bits).
`include "qfx_check.svh"

module qfx_product_dsp #(
    parameter int Lanes = 0,
    parameter int Slots = 0,
    parameter int Pack = 0,
    parameter int Field = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int WBits = 0,
    parameter int WSigned = 0,
    localparam int Stages = Slots == 1 ? 2 : Slots + 2,
    localparam int YBits = qfx_pkg::product_bits(XBits, XSigned, WBits, WSigned) + $clog2(Slots)
) (
    input  logic                        clk_i,
    input  logic [          Stages-1:0] en_i,
    input  logic [     Lanes*XBits-1:0] x_i,
    input  logic [Pack*Lanes*WBits-1:0] w_i,
    output logic [      Pack*YBits-1:0] y_o,
    output logic [            Pack-1:0] carry_o
);
  `QFX_REQUIRE(Lanes >= 1 && Lanes <= Slots && Pack >= 1, "qfx_product_dsp: illegal number of lanes")
  `QFX_REQUIRE(Pack == 1 || YBits <= Field, "qfx_product_dsp: the fields do not hold the sums")

  localparam int Wide = XBits + (XSigned != 0 ? 0 : 1);
  localparam int Factor = Pack == 1 ? WBits + (WSigned != 0 ? 0 : 1) : (Pack - 1) * Field + WBits + 1;
  localparam int High = (Pack - 1) * Field + qfx_pkg::product_bits(XBits, XSigned, WBits, WSigned);

  genvar k, j;
  for (k = 0; k < Slots; k = k + 1) begin : g_lane
    localparam int Sum = High + $clog2(qfx_pkg::min_of(k + 1, Slots));
    (* use_dsp = "yes" *) logic signed [Sum-1:0] sum_q;
    if (k < Lanes) begin : g_multiply
      logic [XBits-1:0] x;
      logic [Pack*WBits-1:0] w;
      logic signed [Wide-1:0] xs_q;
      logic signed [Factor-1:0] packed_q;
      (* use_dsp = "yes" *) logic signed [High-1:0] product_q;
      logic [Pack*WBits-1:0] w_lane;

      for (j = 0; j < Pack; j = j + 1) begin : g_weight
        logic signed [Factor-1:0] sum;
        logic signed [WBits-1:0] own;
        assign own = w[j*WBits+:WBits];
        assign w_lane[j*WBits+:WBits] = w_i[(j*Lanes+k)*WBits+:WBits];
        logic signed [Factor-1:0] placed;
        if (WSigned != 0) begin : g_signed
          assign placed = Factor'(own) <<< (j * Field);
        end else begin : g_unsigned
          assign placed = Factor'($signed({1'b0, own})) <<< (j * Field);
        end
        if (j == 0) begin : g_first
          assign sum = placed;
        end else begin : g_more
          assign sum = placed + g_weight[j-1].sum;
        end
      end

      qfx_regs #(
          .Width (XBits),
          .Stages(k)
      ) u_x (
          .clk_i,
          .en_i(en_i[(k == 0?0 : k-1):0]),
          .data_i(x_i[k*XBits+:XBits]),
          .data_o(x)
      );
      qfx_regs #(
          .Width (Pack * WBits),
          .Stages(k)
      ) u_w (
          .clk_i,
          .en_i(en_i[(k == 0?0 : k-1):0]),
          .data_i(w_lane),
          .data_o(w)
      );

      always_ff @(posedge clk_i) begin
        if (en_i[k]) begin
          packed_q <= g_weight[Pack-1].sum;
          xs_q <= XSigned != 0 ? Wide'($signed(x)) : Wide'(x);
        end
        if (en_i[k+1]) product_q <= High'(packed_q * xs_q);
      end
      if (Slots == 1) begin : g_alone
        assign sum_q = product_q;
      end else if (k == 0) begin : g_start
        always_ff @(posedge clk_i) if (en_i[k+2]) sum_q <= Sum'(product_q);
      end else begin : g_cascade
        always_ff @(posedge clk_i) if (en_i[k+2]) sum_q <= Sum'(g_lane[k-1].sum_q) + Sum'(product_q);
      end
    end else begin : g_pass
      always_ff @(posedge clk_i) if (en_i[k+2]) sum_q <= Sum'(g_lane[k-1].sum_q);
    end
  end

  for (j = 0; j < Pack; j = j + 1) begin : g_field
    assign y_o[j*YBits+:YBits] = g_lane[Slots-1].sum_q[j*Field+:YBits];
    if (j == 0) begin : g_lowest
      assign carry_o[j] = 1'b0;
    end else begin : g_borrow
      assign carry_o[j] = g_lane[Slots-1].sum_q[j*Field-1];
    end
  end
  logic unused;
  assign unused = &{1'b0, g_lane[Slots-1].sum_q};

endmodule
