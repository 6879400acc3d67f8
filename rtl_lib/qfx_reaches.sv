// y = x >= t, two numbers of any two types. Latency 0.
module qfx_reaches #(
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int TBits = 0,
    parameter int TSigned = 0
) (
    input  logic [XBits-1:0] x_i,
    input  logic [TBits-1:0] t_i,
    output logic             y_o
);
  localparam int Bits = qfx_pkg::max_of(XBits + (XSigned != 0 ? 0 : 1), TBits + (TSigned != 0 ? 0 : 1));
  logic signed [Bits-1:0] x, t;
  if (XSigned != 0) begin : g_signed_x
    assign x = Bits'($signed(x_i));
  end else begin : g_unsigned_x
    assign x = Bits'(x_i);
  end
  if (TSigned != 0) begin : g_signed_t
    assign t = Bits'($signed(t_i));
  end else begin : g_unsigned_t
    assign t = Bits'(t_i);
  end
  assign y_o = x >= t;
endmodule
