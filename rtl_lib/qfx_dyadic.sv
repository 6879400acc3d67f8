// y = saturate((a[s][c] * x + b[s][c]) >> Shift, Lo, Hi), s = the last segment with start[s][c] <= x.
//
// One word per iteration; one multiplier per lane whatever the number of segments. Stages: the memories (if a
// period is more than 1), the comparisons and the choice (if Segments > 1), the product (dot_stages), the
// sum, the saturation. Latency: their number. A DSP takes operands, product and sum.
`include "qfx_check.svh"

module qfx_dyadic #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Period = 0,
    parameter int Segments = 0,
    parameter int Shift = 0,
    parameter int WideBits = 0,
    parameter signed [63:0] Lo = 0,
    parameter signed [63:0] Hi = 0,
    parameter int ABits = 0,
    parameter int ASigned = 0,
    parameter int APeriod = 0,
    parameter int BBits = 0,
    parameter int BSigned = 0,
    parameter int BPeriod = 0,
    parameter int SBits = 0,
    parameter int SSigned = 0,
    parameter int SPeriod = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter int Fabric = 0,
    parameter int Terms = 0,
    parameter int Shifts = 0,
    parameter AFile = "",
    parameter BFile = "",
    parameter StartFile = ""
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
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && Period >= 1 && Segments >= 1 && Shift >= 0,
               "qfx_dyadic: illegal counts")
  `QFX_REQUIRE((APeriod == 1 || APeriod == Period) && (BPeriod == 1 || BPeriod == Period) &&
               (SPeriod == 1 || SPeriod == Period), "qfx_dyadic: memories do not have their periods")
  `QFX_REQUIRE(WideBits >= 1 && WideBits <= 64 && YSigned >= 0, "qfx_dyadic: WideBits is missing")

  localparam int Read = APeriod > 1 || BPeriod > 1 || SPeriod > 1 ? 1 : 0;
  localparam int Choose = Segments > 1 ? 2 : 0;
  localparam int Front = Read + Choose;
  localparam int Dot = Fabric == 2 ? qfx_pkg::shift_stages(1, Terms, Shifts)
                       : qfx_pkg::dot_stages(Fabric, 1, 1, XBits, XSigned, ABits, ASigned);
  localparam int Product = Fabric == 2 ? qfx_pkg::shift_sum(1, Terms, Shifts, XBits, XSigned)
                           : qfx_pkg::dot_bits(Fabric, 1, 1, XBits, XSigned, ABits, ASigned);
  localparam int Latency = Front + Dot + 2;
  localparam int VBits = qfx_pkg::max_of(WideBits - Shift, 1);
  localparam int Steps = Segments - 1;

  logic [Latency-1:0] en, moving;
  logic [qfx_pkg::counter_bits(Period-1)-1:0] p;
  logic last, unused;
  assign unused = &{1'b0, last, en, moving, p};

  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(x_valid_i[0]), .ready_o(x_ready_o[0]), .en_o(en), .moving_o(moving),
      .valid_o(y_valid_o[0]), .ready_i(y_ready_i[0]));
  qfx_counter #(.Last(Period - 1)) u_p (
      .clk_i, .rst_ni, .step_i(moving[0]), .count_o(p), .last_o(last));

  // the word and its parameters
  logic [Lanes*XBits-1:0] x;
  logic [Segments*Lanes*ABits-1:0] a;
  logic [Segments*Lanes*BBits-1:0] b;
  qfx_regs #(.Width(Lanes * XBits), .Stages(Read)) u_x (
      .clk_i, .en_i(en[0]), .data_i(x_data_i), .data_o(x));
  qfx_params #(.Width(Segments * Lanes * ABits), .Period(APeriod), .File(AFile)) u_a (
      .clk_i, .en_i(en[0]), .addr_i(p[qfx_pkg::counter_bits(APeriod-1)-1:0]), .data_o(a));
  qfx_params #(.Width(Segments * Lanes * BBits), .Period(BPeriod), .File(BFile)) u_b (
      .clk_i, .en_i(en[0]), .addr_i(p[qfx_pkg::counter_bits(BPeriod-1)-1:0]), .data_o(b));

  // the segment's factor and offset
  logic [Lanes*XBits-1:0] own_x;
  logic [Lanes*ABits-1:0] own_a;
  logic [Lanes*BBits-1:0] own_b;
  genvar l, s;
  if (Segments == 1) begin : g_one
    assign own_x = x;
    assign own_a = a;
    assign own_b = b;
  end else begin : g_segments
    logic [Steps*Lanes*SBits-1:0] start;
    logic [Steps*Lanes-1:0] reached_q;
    logic [Lanes*XBits-1:0] x_q, chosen_x_q;
    logic [Segments*Lanes*ABits-1:0] a_held;
    logic [Segments*Lanes*BBits-1:0] b_held;
    logic [Lanes*ABits-1:0] chosen_a_q;
    logic [Lanes*BBits-1:0] chosen_b_q;
    qfx_params #(.Width(Steps * Lanes * SBits), .Period(SPeriod), .File(StartFile)) u_start (
        .clk_i, .en_i(en[0]), .addr_i(p[qfx_pkg::counter_bits(SPeriod-1)-1:0]), .data_o(start));
    qfx_regs #(.Width(Segments * Lanes * ABits), .Stages(APeriod > 1 ? 1 : 0)) u_a_held (
        .clk_i, .en_i(en[Read]), .data_i(a), .data_o(a_held));
    qfx_regs #(.Width(Segments * Lanes * BBits), .Stages(BPeriod > 1 ? 1 : 0)) u_b_held (
        .clk_i, .en_i(en[Read]), .data_i(b), .data_o(b_held));
    always_ff @(posedge clk_i) begin
      if (en[Read]) x_q <= x;
      if (en[Read+1]) chosen_x_q <= x_q;
    end
    assign own_x = chosen_x_q;
    assign own_a = chosen_a_q;
    assign own_b = chosen_b_q;
    for (l = 0; l < Lanes; l = l + 1) begin : g_lane
      for (s = 0; s < Segments; s = s + 1) begin : g_segment
        logic [ABits-1:0] factor;
        logic [BBits-1:0] offset;
        if (s == 0) begin : g_first
          assign factor = a_held[l*ABits+:ABits];
          assign offset = b_held[l*BBits+:BBits];
        end else begin : g_later
          localparam int At = (s - 1) * Lanes + l;
          logic reached;
          qfx_reaches #(.XBits(XBits), .XSigned(XSigned), .TBits(SBits), .TSigned(SSigned)) u_reaches (
              .x_i(x[l*XBits+:XBits]), .t_i(start[At*SBits+:SBits]), .y_o(reached));
          always_ff @(posedge clk_i) if (en[Read]) reached_q[At] <= reached;
          assign factor = reached_q[At] ? a_held[(s*Lanes+l)*ABits+:ABits] : g_segment[s-1].factor;
          assign offset = reached_q[At] ? b_held[(s*Lanes+l)*BBits+:BBits] : g_segment[s-1].offset;
        end
      end
      always_ff @(posedge clk_i) begin
        if (en[Read+1]) begin
          chosen_a_q[l*ABits+:ABits] <= g_segment[Segments-1].factor;
          chosen_b_q[l*BBits+:BBits] <= g_segment[Segments-1].offset;
        end
      end
    end
  end

  // the offset waits for the product, unless it is constant
  logic [Lanes*BBits-1:0] addend;
  qfx_regs #(.Width(Lanes * BBits), .Stages(Segments == 1 && BPeriod == 1 ? 0 : Dot)) u_addend (
      .clk_i,
      .en_i(en[Front+(Segments == 1 && BPeriod == 1?1 : Dot)-1:Front]),
      .data_i(own_b), .data_o(addend));

  for (l = 0; l < Lanes; l = l + 1) begin : g_out
    logic [Product-1:0] product;
    logic carry;
    logic signed [WideBits-1:0] bias, sum, sum_q;
    logic [YBits-1:0] y_d, y_q;
    if (Fabric == 2) begin : g_shift
      qfx_dot_shift #(
          .Simd(1), .Pe(1), .Terms(Terms), .Shifts(Shifts), .XBits(XBits), .XSigned(XSigned)
      ) u_product (
          .clk_i, .en_i(en[Front+Dot-1:Front]), .x_i(own_x[l*XBits+:XBits]), .w_i(own_a[l*ABits+:ABits]),
          .y_o(product), .carry_o(carry));
    end else begin : g_multiply
      qfx_dot #(
          .Fabric(Fabric), .Simd(1), .Pe(1), .XBits(XBits), .XSigned(XSigned), .WBits(ABits),
          .WSigned(ASigned)
      ) u_product (
          .clk_i, .en_i(en[Front+Dot-1:Front]), .x_i(own_x[l*XBits+:XBits]), .w_i(own_a[l*ABits+:ABits]),
          .y_o(product), .carry_o(carry));
    end
    if (BSigned != 0) begin : g_signed
      assign bias = WideBits'($signed(addend[l*BBits+:BBits]));
    end else begin : g_unsigned
      assign bias = WideBits'(addend[l*BBits+:BBits]);
    end
    if (Fabric == 0) begin : g_dsp
      assign sum = WideBits'($signed(product)) + bias;
    end else begin : g_lut
      logic [WideBits:0] total;
      logic unused_bit;
      assign total = {bias, carry} + {WideBits'($signed(product)), carry};
      assign sum = total[WideBits:1];
      assign unused_bit = total[0];
    end
    qfx_saturate #(.XBits(VBits), .YBits(YBits), .Lo(Lo), .Hi(Hi)) u_saturate (
        .x_i(VBits'(sum_q >>> Shift)), .y_o(y_d));
    always_ff @(posedge clk_i) begin
      if (en[Latency-2]) sum_q <= sum;
      if (en[Latency-1]) y_q <= y_d;
    end
    assign y_data_o[l*YBits+:YBits] = y_q;
    logic unused_low;
    assign unused_low = &{1'b0, carry, sum_q, product};
  end

endmodule
