// y = a * b, in DSPs (Fabric = 0) or LUTs (1).
//
// One word of each input per iteration. Stages: the product (dot_stages), of LUTs its last carry. Latency:
// their number.
`include "qfx_check.svh"

module qfx_mul #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int ABits = 0,
    parameter int ASigned = 0,
    parameter int BBits = 0,
    parameter int BSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter int Fabric = 0
) (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    input  logic [Lanes*(ABits+BBits)-1:0] x_data_i,
    input  logic [                    1:0] x_valid_i,
    output logic [                    1:0] x_ready_o,
    output logic [        Lanes*YBits-1:0] y_data_o,
    output logic [                    0:0] y_valid_o,
    input  logic [                    0:0] y_ready_i
);
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && ABits >= 1 && BBits >= 1 && YBits >= 1 && YSigned >= 0,
               "qfx_mul: illegal parameters")

  localparam int Dot = qfx_pkg::dot_stages(Fabric, 1, 1, ABits, ASigned, BBits, BSigned);
  localparam int Product = qfx_pkg::dot_bits(Fabric, 1, 1, ABits, ASigned, BBits, BSigned);
  localparam int Latency = Dot + Fabric;

  logic [Latency-1:0] en, moving;
  logic ready, both, unused;
  assign unused = &{1'b0, moving};
  assign both = &x_valid_i;
  assign x_ready_o = {2{ready && both}};
  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(both), .ready_o(ready), .en_o(en), .moving_o(moving), .valid_o(y_valid_o[0]),
      .ready_i(y_ready_i[0]));

  genvar l;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    logic [Product-1:0] product;
    logic carry, unused_high;
    qfx_dot #(
        .Fabric(Fabric), .Simd(1), .Pe(1), .XBits(ABits), .XSigned(ASigned), .WBits(BBits), .WSigned(BSigned)
    ) u_product (
        .clk_i, .en_i(en[Dot-1:0]), .x_i(x_data_i[l*ABits+:ABits]),
        .w_i(x_data_i[Lanes*ABits+l*BBits+:BBits]), .y_o(product), .carry_o(carry));
    assign unused_high = &{1'b0, product, carry};
    if (Fabric == 0) begin : g_dsp
      assign y_data_o[l*YBits+:YBits] = YBits'($signed(product));
    end else begin : g_lut
      logic [YBits-1:0] y_q;
      always_ff @(posedge clk_i) if (en[Latency-1]) y_q <= YBits'($signed(product)) + YBits'(carry);
      assign y_data_o[l*YBits+:YBits] = y_q;
    end
  end

endmodule
