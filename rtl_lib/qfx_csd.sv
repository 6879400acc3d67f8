// y = saturate((Plus * x - Minus * x + b[c]) >> Shift, Lo, Hi), the products as sums of shifts.
//
// One word per iteration; adders only, one per set bit of Plus and Minus. Stages: the memory (if its period
// is more than 1), a tree over N terms (the digits and b), the saturation. Latency: their number, clog2(N)
// + 1 or + 2.
`include "qfx_check.svh"

module qfx_csd #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Period = 0,
    parameter signed [63:0] Plus = 0,
    parameter signed [63:0] Minus = 0,
    parameter int Shift = 0,
    parameter int WideBits = 0,
    parameter signed [63:0] Lo = 0,
    parameter signed [63:0] Hi = 0,
    parameter int BBits = 0,
    parameter int BSigned = 0,
    parameter int BPeriod = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter BFile = ""
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
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && Period >= 1 && Shift >= 0, "qfx_csd: illegal counts")
  `QFX_REQUIRE(BPeriod == 1 || BPeriod == Period, "qfx_csd: the memory does not have its period")
  `QFX_REQUIRE(WideBits >= XBits && WideBits <= 64 && YSigned >= 0, "qfx_csd: WideBits must hold x")

  function automatic int ones(input [63:0] digits);
    ones = 0;
    for (int i = 0; i < 64; i = i + 1) if (digits[i]) ones = ones + 1;
  endfunction
  // The place of the n-th one.
  function automatic int place(input [63:0] digits, input int n);
    int seen;
    place = 0;
    seen = 0;
    for (int i = 0; i < 64; i = i + 1) begin
      if (digits[i]) begin
        if (seen == n) place = i;
        seen = seen + 1;
      end
    end
  endfunction

  localparam int Added = ones(Plus) + 1;
  localparam int N = Added + ones(Minus);
  localparam int Tree = $clog2(N);
  localparam int Read = BPeriod > 1 ? 1 : 0;
  localparam int Latency = Read + Tree + 1;
  localparam int VBits = qfx_pkg::max_of(WideBits - Shift, 1);

  logic [Latency-1:0] en, moving;
  logic [qfx_pkg::counter_bits(Period-1)-1:0] p;
  logic last, unused;
  assign unused = &{1'b0, last, en, moving, p};

  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(x_valid_i[0]), .ready_o(x_ready_o[0]), .en_o(en), .moving_o(moving),
      .valid_o(y_valid_o[0]), .ready_i(y_ready_i[0]));
  qfx_counter #(.Last(Period - 1)) u_p (
      .clk_i, .rst_ni, .step_i(moving[0]), .count_o(p), .last_o(last));

  logic [Lanes*XBits-1:0] x;
  logic [Lanes*BBits-1:0] b;
  qfx_regs #(.Width(Lanes * XBits), .Stages(Read)) u_x (
      .clk_i, .en_i(en[0]), .data_i(x_data_i), .data_o(x));
  qfx_params #(.Width(Lanes * BBits), .Period(BPeriod), .File(BFile)) u_b (
      .clk_i, .en_i(en[0]), .addr_i(p[qfx_pkg::counter_bits(BPeriod-1)-1:0]), .data_o(b));

  genvar l, t;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    logic [WideBits-1:0] wide, bias;
    logic signed [WideBits-1:0] sum;
    logic [N*WideBits-1:0] terms;
    logic [YBits-1:0] y_d, y_q;
    if (XSigned != 0) begin : g_signed
      assign wide = WideBits'($signed(x[l*XBits+:XBits]));
    end else begin : g_unsigned
      assign wide = WideBits'(x[l*XBits+:XBits]);
    end
    if (BSigned != 0) begin : g_signed_b
      assign bias = WideBits'($signed(b[l*BBits+:BBits]));
    end else begin : g_unsigned_b
      assign bias = WideBits'(b[l*BBits+:BBits]);
    end
    for (t = 0; t < N; t = t + 1) begin : g_term
      if (t == Added - 1) begin : g_bias
        assign terms[t*WideBits+:WideBits] = bias;
      end else if (t < Added) begin : g_plus
        assign terms[t*WideBits+:WideBits] = wide << place(Plus, t);
      end else begin : g_minus
        assign terms[t*WideBits+:WideBits] = wide << place(Minus, t - Added);
      end
    end
    qfx_terms #(.N(N), .FirstMinus(Added), .Bits(WideBits)) u_sum (
        .clk_i, .en_i(en[Read+qfx_pkg::max_of(Tree, 1)-1:Read]), .x_i(terms), .y_o(sum));
    qfx_saturate #(.XBits(VBits), .YBits(YBits), .Lo(Lo), .Hi(Hi)) u_saturate (
        .x_i(VBits'(sum >>> Shift)), .y_o(y_d));
    always_ff @(posedge clk_i) if (en[Latency-1]) y_q <= y_d;
    assign y_data_o[l*YBits+:YBits] = y_q;
  end

endmodule
