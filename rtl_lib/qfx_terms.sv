// y = sum of the first FirstMinus terms - sum of the others, modulo 2**Bits: a tree of registered adders, one
// level per stage; level k moves under en_i[k]. Latency: Stages = clog2(N).
module qfx_terms #(
    parameter int N = 0,
    parameter int FirstMinus = 0,
    parameter int Bits = 0,
    localparam int Stages = $clog2(N),
    localparam int Enables = qfx_pkg::max_of(Stages, 1)
) (
    input  logic               clk_i,
    input  logic [Enables-1:0] en_i,
    input  logic [ N*Bits-1:0] x_i,
    output logic [   Bits-1:0] y_o
);
  genvar n, i;
  for (n = 0; n <= Stages; n = n + 1) begin : g_level
    localparam int Count = (N + (1 << n) - 1) >> n;
    logic [Count*Bits-1:0] sum;
    if (n == 0) begin : g_terms
      assign sum = x_i;
    end else begin : g_adders
      localparam int Below = (N + (1 << (n - 1)) - 1) >> (n - 1);
      for (i = 0; i < Count; i = i + 1) begin : g_node
        // a node whose terms are all subtracted holds their sum; the first added term above takes it off
        localparam int Negative = (i << n) >= FirstMinus ? 1 : 0;
        localparam int Minus = ((2 * i + 1) << (n - 1)) >= FirstMinus && Negative == 0 ? 1 : 0;
        logic [Bits-1:0] a, d, q;
        assign a = g_level[n-1].sum[2*i*Bits+:Bits];
        if (2 * i + 1 >= Below) begin : g_pass
          assign d = a;
        end else if (Minus != 0) begin : g_subtract
          assign d = a - g_level[n-1].sum[(2*i+1)*Bits+:Bits];
        end else begin : g_add
          assign d = a + g_level[n-1].sum[(2*i+1)*Bits+:Bits];
        end
        always_ff @(posedge clk_i) if (en_i[n-1]) q <= d;
        assign sum[i*Bits+:Bits] = q;
      end
    end
  end
  if (FirstMinus == 0) begin : g_negative
    assign y_o = -g_level[Stages].sum;
  end else begin : g_positive
    assign y_o = g_level[Stages].sum;
  end
  if (Stages == 0) begin : g_idle
    logic unused;
    assign unused = &{1'b0, clk_i, en_i};
  end
endmodule
