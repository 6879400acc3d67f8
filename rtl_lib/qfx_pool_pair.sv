// y = a (alone), else the maximum (Max = 1) or the sum of a and b. Latency 0.
module qfx_pool_pair #(
    parameter int Max = 0,
    parameter int Bits = 0,
    parameter int IsSigned = 0
) (
    input  logic [Bits-1:0] a_i,
    input  logic [Bits-1:0] b_i,
    input  logic            alone_i,
    output logic [Bits-1:0] y_o
);
  if (Max != 0) begin : g_max
    logic less;
    if (IsSigned != 0) begin : g_signed
      assign less = $signed(a_i) < $signed(b_i);
    end else begin : g_unsigned
      assign less = a_i < b_i;
    end
    assign y_o = less && !alone_i ? b_i : a_i;
  end else begin : g_sum
    // a + b, written so that `a` is on the chain and the choice of b in its LUTs
    logic [Bits-1:0] b;
    logic [Bits:0] total;
    logic unused;
    assign b = alone_i ? '0 : b_i;
    assign total = {a_i, 1'b0} - {~b, 1'b1};
    assign y_o = total[Bits:1];
    assign unused = total[0];
  end
endmodule
