// Whether round(x / 2**Right) is the integer above the floor; x is signed, Round as in qfx_cast. LUTs: latency 0.
`include "qfx_check.svh"

module qfx_round_up #(
    parameter int XBits = 0,
    parameter int Right = 0,
    parameter int Round = 0
) (
    input  logic [XBits-1:0] x_i,
    output logic             up_o
);
  `QFX_REQUIRE(XBits > Right && Right >= 0 && Round >= 0 && Round <= 8, "qfx_round_up: illegal mode")

  localparam int Top = qfx_pkg::max_of(Right - 1, 0);

  logic half, rest, negative, odd, unused;
  assign half = Right > 0 && x_i[Top];
  assign negative = x_i[XBits-1];
  assign odd = x_i[Right];
  assign unused = &{1'b0, half, rest, negative, odd, x_i};
  if (Right > 1) begin : g_rest
    assign rest = |x_i[Top-1:0];
  end else begin : g_none
    assign rest = 1'b0;
  end

  if (Round == 0) begin : g_floor
    assign up_o = 1'b0;
  end else if (Round == 1) begin : g_zero
    assign up_o = negative && (half || rest);
  end else if (Round == 2) begin : g_ceil
    assign up_o = half || rest;
  end else if (Round == 3) begin : g_away
    assign up_o = !negative && (half || rest);
  end else if (Round == 4) begin : g_half_up
    assign up_o = half;
  end else if (Round == 5) begin : g_half_down
    assign up_o = half && rest;
  end else if (Round == 6) begin : g_half_zero
    assign up_o = half && (rest || negative);
  end else if (Round == 7) begin : g_half_away
    assign up_o = half && (rest || !negative);
  end else begin : g_half_even
    assign up_o = half && (rest || odd);
  end

endmodule
