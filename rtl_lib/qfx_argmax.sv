// y = the index of the largest element of every vector, the first one at a tie.
//
// Loops: vector, word of Lanes elements; one word per iteration. Stages: the word, a tree of comparisons over
// its lanes, the best so far. Latency: 2 + clog2(Lanes).
`include "qfx_check.svh"

module qfx_argmax #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Vectors = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic [Lanes*XBits-1:0] x_data_i,
    input  logic [            0:0] x_valid_i,
    output logic [            0:0] x_ready_o,
    output logic [      YBits-1:0] y_data_o,
    output logic [            0:0] y_valid_o,
    input  logic [            0:0] y_ready_i
);
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && Vectors >= 1 && XBits >= 1 && YBits >= 1 && YSigned == 0,
               "qfx_argmax: illegal parameters")

  localparam int Tree = $clog2(Lanes);
  localparam int Latency = 2 + Tree;

  // front: the index of the word's first element travels with it
  logic [Latency-1:0] en, moving;
  logic [qfx_pkg::counter_bits(Words-1)-1:0] word;
  logic [YBits-1:0] base_q, base;
  logic last_word, first, last, valid, unused;
  assign unused = &{1'b0, moving};

  qfx_counter #(.Last(Words - 1)) u_word (
      .clk_i, .rst_ni, .step_i(moving[0]), .count_o(word), .last_o(last_word));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) base_q <= '0;
    else if (moving[0]) base_q <= last_word ? '0 : base_q + YBits'(Lanes);
  end
  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(x_valid_i[0]), .ready_o(x_ready_o[0]), .en_o(en), .moving_o(moving),
      .valid_o(valid), .ready_i(y_ready_i[0] || !last));
  assign y_valid_o[0] = valid && last;
  qfx_regs #(.Width(YBits + 1), .Stages(Tree + 1)) u_base (
      .clk_i, .en_i(en[Tree:0]), .data_i({base_q, word == '0}), .data_o({base, first}));
  qfx_regs #(.Width(1), .Stages(Latency)) u_last (.clk_i, .en_i(en), .data_i(last_word), .data_o(last));

  // (value, lane) of the largest of 2**n lanes; values in order as signed numbers
  localparam int Wide = XBits + (XSigned != 0 ? 0 : 1);
  genvar n, i;
  for (n = 0; n <= Tree; n = n + 1) begin : g_level
    localparam int Count = (Lanes + (1 << n) - 1) >> n;
    for (i = 0; i < Count; i = i + 1) begin : g_node
      logic signed [Wide-1:0] top_d, top_q;
      logic [YBits-1:0] lane_d, lane_q;
      if (n == 0) begin : g_word
        if (XSigned != 0) begin : g_signed
          assign top_d = x_data_i[i*XBits+:XBits];
        end else begin : g_unsigned
          assign top_d = {1'b0, x_data_i[i*XBits+:XBits]};
        end
        assign lane_d = YBits'(i);
      end else begin : g_reduce
        localparam int Below = (Lanes + (1 << (n - 1)) - 1) >> (n - 1);
        if (2 * i + 1 < Below) begin : g_pair
          logic second;
          assign second = g_level[n-1].g_node[2*i+1].top_q > g_level[n-1].g_node[2*i].top_q;
          assign top_d = second ? g_level[n-1].g_node[2*i+1].top_q : g_level[n-1].g_node[2*i].top_q;
          assign lane_d = second ? g_level[n-1].g_node[2*i+1].lane_q : g_level[n-1].g_node[2*i].lane_q;
        end else begin : g_pass
          assign top_d  = g_level[n-1].g_node[2*i].top_q;
          assign lane_d = g_level[n-1].g_node[2*i].lane_q;
        end
      end
      always_ff @(posedge clk_i) begin
        if (en[n]) begin
          top_q  <= top_d;
          lane_q <= lane_d;
        end
      end
    end
  end

  logic signed [Wide-1:0] best_q;
  logic [YBits-1:0] y_q;
  always_ff @(posedge clk_i) begin
    if (moving[Latency-1] && (first || g_level[Tree].g_node[0].top_q > best_q)) begin
      best_q <= g_level[Tree].g_node[0].top_q;
      y_q <= base + g_level[Tree].g_node[0].lane_q;
    end
  end
  assign y_data_o = y_q;

endmodule
