// y[p] + carry[p] = sum over s of w[p][s] * x[s], every weight Terms signed powers of two (qfx_product_shift).
//
// A shifter per term, then a tree of adders over all of them. Latency: qfx_pkg::shift_stages. Width of a y:
// qfx_pkg::shift_bits + clog2(Simd * Terms).
`include "qfx_check.svh"

module qfx_dot_shift #(
    parameter int Simd = 0,
    parameter int Pe = 0,
    parameter int Terms = 0,
    parameter int Shifts = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    localparam int Code = 1 + $clog2(Shifts + 1),
    localparam int Stages = qfx_pkg::shift_stages(Simd, Terms),
    localparam int Part = qfx_pkg::shift_bits(Shifts, XBits, XSigned),
    localparam int YBits = Part + Stages - 1
) (
    input  logic                          clk_i,
    input  logic [            Stages-1:0] en_i,
    input  logic [        Simd*XBits-1:0] x_i,
    input  logic [Pe*Simd*Terms*Code-1:0] w_i,
    output logic [          Pe*YBits-1:0] y_o,
    output logic [                Pe-1:0] carry_o
);
  `QFX_REQUIRE(Simd >= 1 && Pe >= 1 && Terms >= 1 && Shifts >= 1, "qfx_dot_shift: illegal parameters")

  localparam int Count = Simd * Terms;
  localparam int Tree = Stages - 1;
  localparam int Enables = qfx_pkg::max_of(Tree, 1);

  genvar p, t;
  for (p = 0; p < Pe; p = p + 1) begin : g_output
    logic [Count*Part-1:0] part;
    logic [Count-1:0] carry;
    for (t = 0; t < Count; t = t + 1) begin : g_term
      qfx_product_shift #(.Shifts(Shifts), .XBits(XBits), .XSigned(XSigned)) u_product (
          .clk_i, .en_i(en_i[0]), .x_i(x_i[(t/Terms)*XBits+:XBits]), .w_i(w_i[(p*Count+t)*Code+:Code]),
          .y_o(part[t*Part+:Part]), .carry_o(carry[t]));
    end
    qfx_dot_sum #(.N(Count), .Bits(Part)) u_sum (
        .clk_i, .en_i(en_i[Stages-1-:Enables]), .x_i(part), .carry_i(carry), .y_o(y_o[p*YBits+:YBits]),
        .carry_o(carry_o[p]));
  end
endmodule
