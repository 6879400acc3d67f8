// y[p][c] = max over t of x[p][(t,c)], or factor[p] * sum over t of x[p][(t,c)].
//
// Loops: position, PerWord taps, chunk of Lanes channels; a word of x per cycle; the last taps emit. Several
// taps in a word take whole pixels (one chunk).
//
// Latency: 2 + clog2(PerWord) (the word, the tree over its taps, the accumulators), + 1 + dot_stages, or
// shift_stages, of a product if there are factors.
`include "qfx_check.svh"

module qfx_pool #(
    parameter int Lanes = 0,
    parameter int Positions = 0,
    parameter int Taps = 0,
    parameter int PerWord = 0,
    parameter int Chunks = 0,
    parameter int Max = 0,
    parameter int AccBits = 0,
    parameter int FBits = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter int Fabric = 0,
    parameter int Terms = 0,
    parameter int Shifts = 0,
    parameter FactorFile = ""
) (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    input  logic [PerWord*Lanes*XBits-1:0] x_data_i,
    input  logic [                    0:0] x_valid_i,
    output logic [                    0:0] x_ready_o,
    output logic [        Lanes*YBits-1:0] y_data_o,
    output logic [                    0:0] y_valid_o,
    input  logic [                    0:0] y_ready_i
);
  `QFX_REQUIRE(Lanes >= 1 && Positions >= 1 && PerWord >= 1 && Chunks >= 1 && Taps % PerWord == 0,
               "qfx_pool: illegal counts")
  `QFX_REQUIRE(PerWord == 1 || Chunks == 1, "qfx_pool: words of several taps hold whole pixels")
  `QFX_REQUIRE(XBits >= 1 && YBits >= 1 && AccBits >= XBits && (YSigned == 0 || YSigned == 1),
               "qfx_pool: illegal types")
  `QFX_REQUIRE(Max == 0 || FBits == 0, "qfx_pool: a maximum has no factors")

  localparam int Steps = Taps / PerWord;
  localparam int Tree = $clog2(PerWord);
  localparam int Dot = Fabric == 2 ? qfx_pkg::shift_stages(1, Terms, Shifts)
                       : qfx_pkg::dot_stages(Fabric, 1, 1, AccBits, XSigned, FBits, 0);
  localparam int Scale = FBits == 0 ? 0 : 1 + Dot;
  localparam int Latency = 2 + Tree + Scale;
  localparam int Acc = 1 + Tree;

  // front
  logic [qfx_pkg::counter_bits(Chunks-1)-1:0] chunk;
  logic [qfx_pkg::counter_bits(Steps-1)-1:0] step;
  logic [qfx_pkg::counter_bits(Positions-1)-1:0] position;
  logic last_chunk, last_step, last_position, valid, first, last;
  logic [Latency-1:0] en, moving;

  qfx_counter #(.Last(Chunks - 1)) u_chunk (
      .clk_i, .rst_ni, .step_i(moving[0]), .count_o(chunk), .last_o(last_chunk));
  qfx_counter #(.Last(Steps - 1)) u_step (
      .clk_i, .rst_ni, .step_i(moving[0] && last_chunk), .count_o(step), .last_o(last_step));
  qfx_counter #(.Last(Positions - 1)) u_position (
      .clk_i, .rst_ni, .step_i(moving[0] && last_chunk && last_step), .count_o(position),
      .last_o(last_position));

  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(x_valid_i[0]), .ready_o(x_ready_o[0]), .en_o(en), .moving_o(moving),
      .valid_o(valid), .ready_i(y_ready_i[0] || !last));
  assign y_valid_o[0] = valid && last;

  qfx_regs #(.Width(1), .Stages(Acc)) u_first (
      .clk_i, .en_i(en[Acc-1:0]), .data_i(step == '0), .data_o(first));
  qfx_regs #(.Width(1), .Stages(Latency)) u_last (.clk_i, .en_i(en), .data_i(last_step), .data_o(last));

  // the word's taps, reduced by pairs: level 0 is the word itself
  genvar l, n, i;
  for (n = 0; n <= Tree; n = n + 1) begin : g_level
    localparam int Count = (PerWord + (1 << n) - 1) >> n;
    logic [Count*Lanes*AccBits-1:0] d, q;
    always_ff @(posedge clk_i) if (en[n]) q <= d;
    for (i = 0; i < Count * Lanes; i = i + 1) begin : g_node
      if (n == 0) begin : g_word
        logic sign;
        assign sign = XSigned != 0 && x_data_i[(i+1)*XBits-1];
        if (AccBits > XBits) begin : g_extend
          assign d[i*AccBits+:AccBits] = {{AccBits - XBits{sign}}, x_data_i[i*XBits+:XBits]};
        end else begin : g_same
          assign d[i*AccBits+:AccBits] = x_data_i[i*XBits+:XBits];
          logic unused;
          assign unused = sign;
        end
      end else begin : g_reduce
        localparam int Before = (PerWord + (1 << (n - 1)) - 1) >> (n - 1);
        localparam int Tap = i / Lanes;
        localparam int A = 2 * Tap * Lanes + i % Lanes;
        if (2 * Tap + 1 < Before) begin : g_pair
          qfx_pool_pair #(.Max(Max), .Bits(AccBits), .IsSigned(XSigned)) u_pair (
              .a_i(g_level[n-1].q[A*AccBits+:AccBits]), .b_i(g_level[n-1].q[(A+Lanes)*AccBits+:AccBits]),
              .alone_i(1'b0), .y_o(d[i*AccBits+:AccBits]));
        end else begin : g_pass
          assign d[i*AccBits+:AccBits] = g_level[n-1].q[A*AccBits+:AccBits];
        end
      end
    end
  end

  // what is reduced so far, of every chunk
  logic [Lanes*AccBits-1:0] now, acc_q, earlier;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    qfx_pool_pair #(.Max(Max), .Bits(AccBits), .IsSigned(XSigned)) u_pair (
        .a_i(g_level[Tree].q[l*AccBits+:AccBits]), .b_i(earlier[l*AccBits+:AccBits]),
        .alone_i(first || Steps == 1), .y_o(now[l*AccBits+:AccBits]));
  end
  always_ff @(posedge clk_i) if (moving[Acc]) acc_q <= now;
  if (Chunks > 1) begin : g_chunks
    qfx_delay #(.Width(Lanes * AccBits), .Length(Chunks - 1)) u_delay (
        .clk_i, .rst_ni, .en_i(moving[Acc]), .data_i(acc_q), .data_o(earlier));
  end else begin : g_single
    assign earlier = acc_q;
  end

  if (FBits == 0) begin : g_plain
    for (l = 0; l < Lanes; l = l + 1) begin : g_out
      if (YBits <= AccBits) begin : g_low
        assign y_data_o[l*YBits+:YBits] = acc_q[l*AccBits+:YBits];
      end else begin : g_extend
        logic sign;
        assign sign = XSigned != 0 && acc_q[(l+1)*AccBits-1];
        assign y_data_o[l*YBits+:YBits] = {{YBits - AccBits{sign}}, acc_q[l*AccBits+:AccBits]};
      end
    end
    logic unused;
    assign unused = &{1'b0, moving, chunk, position, last_position, acc_q};
  end else begin : g_scale
    localparam int Product = Fabric == 2 ? qfx_pkg::shift_sum(1, Terms, Shifts, AccBits, XSigned)
                             : qfx_pkg::dot_bits(Fabric, 1, 1, AccBits, XSigned, FBits, 0);
    logic [FBits-1:0] read, factor;
    qfx_rom #(.Width(FBits), .Depth(Positions), .Stages(2), .File(FactorFile)) u_factor (
        .clk_i, .en_i(en[1:0]), .addr_i(position), .data_o(read));
    qfx_regs #(.Width(FBits), .Stages(Tree)) u_wait (
        .clk_i, .en_i(en[Acc-:qfx_pkg::max_of(Tree, 1)]), .data_i(read), .data_o(factor));
    for (l = 0; l < Lanes; l = l + 1) begin : g_out
      logic [Product-1:0] product;
      logic carry;
      logic signed [YBits-1:0] y_q;
      if (Fabric == 2) begin : g_shift
        qfx_dot_shift #(
            .Simd(1), .Pe(1), .Terms(Terms), .Shifts(Shifts), .XBits(AccBits), .XSigned(XSigned)
        ) u_product (
            .clk_i, .en_i(en[Latency-2:Acc+1]), .x_i(acc_q[l*AccBits+:AccBits]), .w_i(factor),
            .y_o(product), .carry_o(carry));
      end else begin : g_multiply
        qfx_dot #(
            .Fabric(Fabric), .Simd(1), .Pe(1), .XBits(AccBits), .XSigned(XSigned), .WBits(FBits), .WSigned(0)
        ) u_product (
            .clk_i, .en_i(en[Latency-2:Acc+1]), .x_i(acc_q[l*AccBits+:AccBits]), .w_i(factor),
            .y_o(product), .carry_o(carry));
      end
      always_ff @(posedge clk_i) if (en[Latency-1]) y_q <= YBits'($signed(product)) + YBits'(carry);
      assign y_data_o[l*YBits+:YBits] = y_q;
      logic unused;
      assign unused = &{1'b0, product};
    end
    logic unused;
    assign unused = &{1'b0, moving, chunk, last_position};
  end

endmodule
