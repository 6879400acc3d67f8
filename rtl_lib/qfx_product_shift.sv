// y + carry = w * x, w one signed power of two or zero: a shifter, no multiplier.
//
// w: its sign in the highest bit, below it 0 for zero or 1 + the shift. A negative one is complemented, the +1
// is `carry_o`. Latency: 1. Width of y: qfx_pkg::shift_bits.
`include "qfx_check.svh"

module qfx_product_shift #(
    parameter int Shifts = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    localparam int CodeBits = $clog2(Shifts + 1),
    localparam int YBits = qfx_pkg::shift_bits(Shifts, XBits, XSigned)
) (
    input  logic              clk_i,
    input  logic              en_i,
    input  logic [ XBits-1:0] x_i,
    input  logic [CodeBits:0] w_i,
    output logic [ YBits-1:0] y_o,
    output logic              carry_o
);
  `QFX_REQUIRE(Shifts >= 1 && XBits >= 1, "qfx_product_shift: illegal parameters")

  // place i of the shifter holds x << i; code 0 takes none of them
  logic [CodeBits-1:0] code;
  logic sign;
  logic [YBits-1:0] wide, moved, y_q;
  logic carry_q;
  assign code = w_i[CodeBits-1:0];
  assign sign = w_i[CodeBits];
  if (XSigned != 0) begin : g_signed
    assign wide = YBits'($signed(x_i));
  end else begin : g_unsigned
    assign wide = YBits'(x_i);
  end
  assign moved = code == '0 ? '0 : wide << (code - 1'b1);
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      y_q <= sign ? ~moved : moved;
      carry_q <= sign;
    end
  end
  assign y_o = y_q;
  assign carry_o = carry_q;
endmodule
