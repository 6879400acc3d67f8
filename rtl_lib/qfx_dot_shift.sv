// y[p] + carry[p] = sum over s of w[p][s] * x[s], every weight Terms signed powers of two.
//
// Chains of a few lanes each (qfx_product_shift), then a tree of adders over the chains. Places of powers of
// two are 0..Shifts - 1. Latency: qfx_pkg::shift_stages. Width of a y: qfx_pkg::shift_sum.
`include "qfx_check.svh"

module qfx_dot_shift #(
    parameter int Simd = 0,
    parameter int Pe = 0,
    parameter int Terms = 0,
    parameter int Shifts = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    localparam int Span = qfx_pkg::shift_span(Terms, Shifts),
    localparam int Code = Terms * qfx_pkg::shift_code(Span),
    localparam int Stages = qfx_pkg::shift_stages(Simd, Terms, Shifts),
    localparam int YBits = qfx_pkg::shift_sum(Simd, Terms, Shifts, XBits, XSigned)
) (
    input  logic                    clk_i,
    input  logic [      Stages-1:0] en_i,
    input  logic [  Simd*XBits-1:0] x_i,
    input  logic [Pe*Simd*Code-1:0] w_i,
    output logic [    Pe*YBits-1:0] y_o,
    output logic [          Pe-1:0] carry_o
);
  `QFX_REQUIRE(Simd >= 1 && Pe >= 1 && Terms >= 1 && Shifts >= 1, "qfx_dot_shift: illegal parameters")

  localparam int Slots = qfx_pkg::shift_slots(Simd, Terms);
  localparam int Chains = (Simd + Slots - 1) / Slots;
  localparam int Tree = $clog2(Chains);
  localparam int Part = YBits - Tree;
  localparam int First = Stages - Tree;
  localparam int Enables = qfx_pkg::max_of(Tree, 1);

  genvar p, c;
  for (p = 0; p < Pe; p = p + 1) begin : g_output
    logic [Chains*Part-1:0] part;
    logic [Chains-1:0] carry;
    for (c = 0; c < Chains; c = c + 1) begin : g_chain
      localparam int Lanes = qfx_pkg::min_of(Slots, Simd - c * Slots);
      qfx_product_shift #(
          .Lanes(Lanes), .Slots(Slots), .Terms(Terms), .Span(Span), .XBits(XBits), .XSigned(XSigned)
      ) u_products (
          .clk_i, .en_i(en_i[First-1:0]), .x_i(x_i[c*Slots*XBits+:Lanes*XBits]),
          .w_i(w_i[(p*Simd+c*Slots)*Code+:Lanes*Code]), .y_o(part[c*Part+:Part]), .carry_o(carry[c]));
    end
    qfx_dot_sum #(.N(Chains), .Bits(Part)) u_sum (
        .clk_i, .en_i(en_i[Stages-1-:Enables]), .x_i(part), .carry_i(carry), .y_o(y_o[p*YBits+:YBits]),
        .carry_o(carry_o[p]));
  end
endmodule
