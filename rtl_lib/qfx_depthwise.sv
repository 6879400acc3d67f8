// y[p][c] = sum over t of w[t][c] * x[p][(t,c)]: one dot product per channel over the taps of a window.
//
// Loops: position, PerWord taps, chunk of Lanes channels; a word of x per cycle; the last taps emit. Several
// taps in a word take whole pixels (one chunk). The accumulators have the type of the result and wrap, which
// is exact since it fits.
//
// Fabric: 0 multiplies in DSPs, 1 in LUTs, 2 shifts: weights are Terms signed powers of two (qfx_dot_shift).
// Latency: memory_stages of w + dot_stages (2: shift_stages) + 1 (memory, dot product, accumulators).
`include "qfx_check.svh"

module qfx_depthwise #(
    parameter int Lanes = 0,
    parameter int Positions = 0,
    parameter int Taps = 0,
    parameter int PerWord = 0,
    parameter int Chunks = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter int WBits = 0,
    parameter int WSigned = 0,
    parameter int Fabric = 0,
    parameter int Terms = 0,
    parameter int Shifts = 0,
    parameter WFile = ""
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
               "qfx_depthwise: illegal counts")
  `QFX_REQUIRE(PerWord == 1 || Chunks == 1, "qfx_depthwise: words of several taps hold whole pixels")
  `QFX_REQUIRE(XBits >= 1 && YBits >= 1 && WBits >= 1 && (YSigned == 0 || YSigned == 1),
               "qfx_depthwise: a type is missing")

  localparam int Simd = PerWord * Lanes;
  localparam int Steps = Taps / PerWord;
  localparam int Rows = Steps * Chunks;
  localparam int Read = qfx_pkg::memory_stages(Rows, Simd * WBits);
  localparam int Dot = Fabric == 2 ? qfx_pkg::shift_stages(PerWord, Terms, Shifts)
                       : qfx_pkg::dot_stages(Fabric, PerWord, 1, XBits, XSigned, WBits, WSigned);
  localparam int Sum = Fabric == 2 ? qfx_pkg::shift_sum(PerWord, Terms, Shifts, XBits, XSigned)
                       : qfx_pkg::dot_bits(Fabric, PerWord, 1, XBits, XSigned, WBits, WSigned);
  localparam int Latency = Read + Dot + 1;

  // front
  logic [qfx_pkg::counter_bits(Chunks-1)-1:0] chunk;
  logic [qfx_pkg::counter_bits(Steps-1)-1:0] step;
  logic [qfx_pkg::counter_bits(Rows-1)-1:0] row;
  logic last_chunk, last_step, last_row, fire, valid, first, last;
  logic [Latency-1:0] en, moving;
  assign fire = moving[0];

  qfx_counter #(.Last(Chunks - 1)) u_chunk (
      .clk_i, .rst_ni, .step_i(fire), .count_o(chunk), .last_o(last_chunk));
  qfx_counter #(.Last(Steps - 1)) u_step (
      .clk_i, .rst_ni, .step_i(fire && last_chunk), .count_o(step), .last_o(last_step));
  qfx_counter #(.Last(Rows - 1)) u_row (
      .clk_i, .rst_ni, .step_i(fire), .count_o(row), .last_o(last_row));

  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(x_valid_i[0]), .ready_o(x_ready_o[0]), .en_o(en), .moving_o(moving),
      .valid_o(valid), .ready_i(y_ready_i[0] || !last));
  assign y_valid_o[0] = valid && last;

  qfx_regs #(.Width(1), .Stages(Latency - 1)) u_first (
      .clk_i, .en_i(en[Latency-2:0]), .data_i(step == '0), .data_o(first));
  qfx_regs #(.Width(1), .Stages(Latency)) u_last (.clk_i, .en_i(en), .data_i(last_step), .data_o(last));

  // operands, then a dot product per lane
  logic [Simd*XBits-1:0] x;
  logic [Simd*WBits-1:0] w;
  logic [Lanes*Sum-1:0] sum;
  logic [Lanes-1:0] carry;

  qfx_regs #(.Width(Simd * XBits), .Stages(Read)) u_x (
      .clk_i, .en_i(en[Read-1:0]), .data_i(x_data_i), .data_o(x));
  qfx_rom #(.Width(Simd * WBits), .Depth(Rows), .Stages(Read), .File(WFile)) u_w (
      .clk_i, .en_i(en[Read-1:0]), .addr_i(row), .data_o(w));

  genvar l, t;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    logic [PerWord*XBits-1:0] own_x;
    logic [PerWord*WBits-1:0] own_w;
    for (t = 0; t < PerWord; t = t + 1) begin : g_tap
      assign own_x[t*XBits+:XBits] = x[(t*Lanes+l)*XBits+:XBits];
      assign own_w[t*WBits+:WBits] = w[(t*Lanes+l)*WBits+:WBits];
    end
    if (Fabric == 2) begin : g_shift
      qfx_dot_shift #(
          .Simd(PerWord), .Pe(1), .Terms(Terms), .Shifts(Shifts), .XBits(XBits), .XSigned(XSigned)
      ) u_dot (
          .clk_i, .en_i(en[Latency-2:Read]), .x_i(own_x), .w_i(own_w), .y_o(sum[l*Sum+:Sum]),
          .carry_o(carry[l]));
    end else begin : g_multiply
      qfx_dot #(
          .Fabric(Fabric), .Simd(PerWord), .Pe(1), .XBits(XBits), .XSigned(XSigned), .WBits(WBits),
          .WSigned(WSigned)
      ) u_dot (
          .clk_i, .en_i(en[Latency-2:Read]), .x_i(own_x), .w_i(own_w), .y_o(sum[l*Sum+:Sum]),
          .carry_o(carry[l]));
    end
  end

  qfx_accumulate #(.Lanes(Lanes), .SumBits(Sum), .YBits(YBits), .Chunks(Chunks)) u_accumulate (
      .clk_i, .rst_ni, .en_i(moving[Latency-1]), .first_i(first || Steps == 1), .sum_i(sum), .carry_i(carry),
      .y_o(y_data_o));

  logic unused;
  assign unused = &{1'b0, moving, chunk, last_row};

endmodule
