// y = x limited to Lo..Hi; x is signed, y the low YBits of the result. Wires and LUTs: latency 0.
//
// Limits that are powers of two look at the high bits of x only; those that x cannot pass take nothing.
`include "qfx_check.svh"

module qfx_saturate #(
    parameter int XBits = 0,
    parameter int YBits = 0,
    parameter signed [63:0] Lo = 0,
    parameter signed [63:0] Hi = 0
) (
    input  logic [XBits-1:0] x_i,
    output logic [YBits-1:0] y_o
);
  `QFX_REQUIRE(XBits >= 1 && XBits <= 64 && YBits >= 1 && Lo <= Hi, "qfx_saturate: illegal range")

  localparam signed [63:0] Highest = (64'sd1 <<< (XBits - 1)) - 64'sd1;
  localparam int HiBits = $clog2(Hi + 64'sd1);
  localparam int LoBits = $clog2(-Lo);

  logic signed [XBits-1:0] x;
  logic above, below;
  assign x = x_i;

  if (Hi >= Highest) begin : g_never_above
    assign above = 1'b0;
  end else if (Hi >= 0 && Hi == (64'sd1 <<< HiBits) - 64'sd1) begin : g_above_power
    assign above = !x[XBits-1] && |x[XBits-1:HiBits];
  end else begin : g_above
    assign above = x > XBits'(Hi);
  end

  if (Lo <= -Highest - 64'sd1) begin : g_never_below
    assign below = 1'b0;
  end else if (Lo == 0) begin : g_below_zero
    assign below = x[XBits-1];
  end else if (Lo < 0 && -Lo == (64'sd1 <<< LoBits)) begin : g_below_power
    assign below = x[XBits-1] && !(&x[XBits-1:LoBits]);
  end else begin : g_below
    assign below = x < XBits'(Lo);
  end

  assign y_o = below ? YBits'(Lo) : above ? YBits'(Hi) : YBits'(x);

endmodule
