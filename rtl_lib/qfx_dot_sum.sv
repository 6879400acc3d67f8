// The sum of N signed numbers, each with a carry of its own: y + carry = sum of x[i] + carry[i].
//
// A tree of registered adders, one level per stage. An adder takes the carry of one operand as its carry
// input and hands the other one on, so that carries (the +1 of a negation, the borrow of a packed field) cost
// nothing. Latency: Stages = clog2(N). Width of y: Bits + Stages.
module qfx_dot_sum #(
    parameter int N = 0,
    parameter int Bits = 0,
    localparam int Stages = $clog2(N),
    localparam int Enables = qfx_pkg::max_of(Stages, 1)
) (
    input  logic                   clk_i,
    input  logic [    Enables-1:0] en_i,
    input  logic [     N*Bits-1:0] x_i,
    input  logic [          N-1:0] carry_i,
    output logic [Bits+Stages-1:0] y_o,
    output logic                   carry_o
);
  genvar l, i;
  for (l = 0; l <= Stages; l = l + 1) begin : g_level
    localparam int Count = (N + (1 << l) - 1) >> l;
    localparam int Width = Bits + l;
    logic [Count*Width-1:0] sum;
    logic [Count-1:0] carry;
    if (l == 0) begin : g_leaves
      assign sum   = x_i;
      assign carry = carry_i;
    end else begin : g_adders
      localparam int Before = (N + (1 << (l - 1)) - 1) >> (l - 1);
      for (i = 0; i < Count; i = i + 1) begin : g_node
        logic signed [Width-2:0] a;
        logic signed [Width-1:0] d, q;
        logic c_q;
        assign a = g_level[l-1].sum[2*i*(Width-1)+:Width-1];
        if (2 * i + 1 < Before) begin : g_add
          logic signed [Width-2:0] b;
          logic signed [Width:0] total;
          logic cb, unused;
          assign b = g_level[l-1].sum[(2*i+1)*(Width-1)+:Width-1];
          assign cb = g_level[l-1].carry[2*i+1];
          assign total = $signed({a, cb}) + $signed({b, cb});
          assign d = total[Width:1];
          assign unused = total[0];
        end else begin : g_pass
          assign d = {a[Width-2], a};
        end
        always_ff @(posedge clk_i) begin
          if (en_i[l-1]) begin
            q   <= d;
            c_q <= g_level[l-1].carry[2*i];
          end
        end
        assign sum[i*Width+:Width] = q;
        assign carry[i] = c_q;
      end
    end
  end
  assign y_o     = g_level[Stages].sum;
  assign carry_o = g_level[Stages].carry[0];
  if (Stages == 0) begin : g_idle
    logic unused;
    assign unused = &{1'b0, clk_i, en_i};
  end
endmodule
