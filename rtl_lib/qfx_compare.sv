// y = Lo + the number of steps k with x >= t[k][c].
//
// One word per iteration; Steps comparators per lane. Stages: the memory (if its period is more than 1), the
// comparisons, the counts of six each, a tree of adders over the Groups of six. Latency: their number,
// clog2(Groups) + 2 or + 3.
`include "qfx_check.svh"

module qfx_compare #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Period = 0,
    parameter signed [63:0] Lo = 0,
    parameter int Steps = 0,
    parameter int TBits = 0,
    parameter int TSigned = 0,
    parameter int TPeriod = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter TFile = ""
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic [Lanes*XBits-1:0] x_data_i,
    input  logic [            0:0] x_valid_i,
    output logic [            0:0] x_ready_o,
    output logic [Lanes*YBits-1:0] y_data_o,
    output logic [            0:0] y_valid_o,
    input  logic [            0:0] y_ready_i
);
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && Period >= 1 && Steps >= 0, "qfx_compare: illegal counts")
  `QFX_REQUIRE(TPeriod == 1 || TPeriod == Period, "qfx_compare: the memory does not have its period")
  `QFX_REQUIRE(XBits >= 1 && TBits >= 1 && YBits >= 1 && YSigned >= 0, "qfx_compare: a type is missing")

  localparam int Groups = Steps > 6 ? (Steps + 5) / 6 : 1;
  localparam int Rows = qfx_pkg::max_of(Steps, 1);
  localparam int Read = TPeriod > 1 ? 1 : 0;
  localparam int Latency = Read + 2 + $clog2(Groups);

  logic [Latency-1:0] en, moving;
  logic [qfx_pkg::counter_bits(Period-1)-1:0] p;
  logic last, unused;
  assign unused = &{1'b0, last, moving, p, x, t};

  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(x_valid_i[0]), .ready_o(x_ready_o[0]), .en_o(en), .moving_o(moving),
      .valid_o(y_valid_o[0]), .ready_i(y_ready_i[0]));
  qfx_counter #(.Last(Period - 1)) u_p (
      .clk_i, .rst_ni, .step_i(moving[0]), .count_o(p), .last_o(last));

  logic [Lanes*XBits-1:0] x;
  logic [Rows*Lanes*TBits-1:0] t;
  qfx_regs #(.Width(Lanes * XBits), .Stages(Read)) u_x (
      .clk_i, .en_i(en[0]), .data_i(x_data_i), .data_o(x));
  qfx_params #(.Width(Rows * Lanes * TBits), .Period(TPeriod), .File(TFile)) u_t (
      .clk_i, .en_i(en[0]), .addr_i(p[qfx_pkg::counter_bits(TPeriod-1)-1:0]), .data_o(t));

  genvar l, k;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    logic [6*Groups-1:0] reached_q;
    logic [Groups*YBits-1:0] counts_d, counts_q;
    for (k = 0; k < 6 * Groups; k = k + 1) begin : g_step
      logic reached;
      if (k < Steps) begin : g_compare
        qfx_reaches #(.XBits(XBits), .XSigned(XSigned), .TBits(TBits), .TSigned(TSigned)) u_reaches (
            .x_i(x[l*XBits+:XBits]), .t_i(t[(k*Lanes+l)*TBits+:TBits]), .y_o(reached));
      end else begin : g_none
        assign reached = 1'b0;
      end
      always_ff @(posedge clk_i) if (en[Read]) reached_q[k] <= reached;
    end
    for (k = 0; k < Groups; k = k + 1) begin : g_count
      logic [2:0] count;
      logic unused_high;
      assign unused_high = &{1'b0, count};
      assign count = 3'(reached_q[6*k]) + 3'(reached_q[6*k+1]) + 3'(reached_q[6*k+2]) + 3'(reached_q[6*k+3])
                     + 3'(reached_q[6*k+4]) + 3'(reached_q[6*k+5]);
      assign counts_d[k*YBits+:YBits] = YBits'(count) + YBits'(k == 0 ? Lo : 64'sd0);
    end
    always_ff @(posedge clk_i) if (en[Read+1]) counts_q <= counts_d;
    qfx_terms #(.N(Groups), .FirstMinus(Groups), .Bits(YBits)) u_sum (
        .clk_i, .en_i(en[Latency-1-:qfx_pkg::max_of($clog2(Groups), 1)]), .x_i(counts_q),
        .y_o(y_data_o[l*YBits+:YBits]));
  end

endmodule
