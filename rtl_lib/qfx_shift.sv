// y = saturate(((x << left[c]) + b[c]) >> Right, Lo, Hi).
//
// One word per iteration. A left shift that all channels share is wires. Stages: one for the memories (if a
// period is more than 1), one for the left shift (if LPeriod is), the sum, the saturation. Latency: their
// number.
`include "qfx_check.svh"

module qfx_shift #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Period = 0,
    parameter int Right = 0,
    parameter int WideBits = 0,
    parameter signed [63:0] Lo = 0,
    parameter signed [63:0] Hi = 0,
    parameter int LBits = 0,
    parameter int LPeriod = 0,
    parameter int BBits = 0,
    parameter int BSigned = 0,
    parameter int BPeriod = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter LeftFile = "",
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
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && Period >= 1 && Right >= 0, "qfx_shift: illegal counts")
  `QFX_REQUIRE((LPeriod == 1 || LPeriod == Period) && (BPeriod == 1 || BPeriod == Period),
               "qfx_shift: memories do not have their periods")
  `QFX_REQUIRE(WideBits >= XBits && YSigned >= 0, "qfx_shift: WideBits must hold x")

  localparam int Read = LPeriod > 1 || BPeriod > 1 ? 1 : 0;
  localparam int Move = LPeriod > 1 ? 1 : 0;
  localparam int Latency = Read + Move + 2;
  localparam int VBits = qfx_pkg::max_of(WideBits - Right, 1);
  localparam int AddrBits = qfx_pkg::counter_bits(Period - 1);

  logic [Latency-1:0] en, moving;
  logic [AddrBits-1:0] p;
  logic last, ready, unused;
  assign unused = &{1'b0, last, en, moving, p};
  assign x_ready_o = ready;

  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (x_valid_i[0]),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (y_valid_o[0]),
      .ready_i (y_ready_i[0])
  );
  qfx_counter #(
      .Last(Period - 1)
  ) u_p (
      .clk_i,
      .rst_ni,
      .step_i (moving[0]),
      .count_o(p),
      .last_o (last)
  );

  // The word and its parameters, before the left shift.
  logic [Lanes*XBits-1:0] x;
  logic [Lanes*LBits-1:0] left;
  logic [Lanes*BBits-1:0] b;
  qfx_regs #(
      .Width (Lanes * XBits),
      .Stages(Read)
  ) u_x (
      .clk_i,
      .en_i  (en[0]),
      .data_i(x_data_i),
      .data_o(x)
  );
  qfx_params #(
      .Width (Lanes * LBits),
      .Period(LPeriod),
      .File  (LeftFile)
  ) u_left (
      .clk_i,
      .en_i  (en[0]),
      .addr_i(p[qfx_pkg::counter_bits(LPeriod-1)-1:0]),
      .data_o(left)
  );
  qfx_params #(
      .Width (Lanes * BBits),
      .Period(BPeriod),
      .File  (BFile)
  ) u_b (
      .clk_i,
      .en_i  (en[0]),
      .addr_i(p[qfx_pkg::counter_bits(BPeriod-1)-1:0]),
      .data_o(b)
  );

  logic [Lanes*WideBits-1:0] shifted_d, shifted;
  logic [Lanes*BBits-1:0] addend;
  qfx_regs #(
      .Width (Lanes * WideBits),
      .Stages(Move)
  ) u_shifted (
      .clk_i,
      .en_i  (en[Read]),
      .data_i(shifted_d),
      .data_o(shifted)
  );
  // Constants need no register.
  qfx_regs #(
      .Width (Lanes * BBits),
      .Stages(BPeriod > 1 ? Move : 0)
  ) u_addend (
      .clk_i,
      .en_i  (en[Read]),
      .data_i(b),
      .data_o(addend)
  );

  genvar l;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    logic signed [WideBits-1:0] wide, bias, sum_d, sum_q;
    logic [YBits-1:0] y_d, y_q;
    if (XSigned != 0) begin : g_signed
      assign wide = WideBits'($signed(x[l*XBits+:XBits]));
    end else begin : g_unsigned
      assign wide = WideBits'(x[l*XBits+:XBits]);
    end
    if (BSigned != 0) begin : g_signed_b
      assign bias = WideBits'($signed(addend[l*BBits+:BBits]));
    end else begin : g_unsigned_b
      assign bias = WideBits'(addend[l*BBits+:BBits]);
    end
    assign shifted_d[l*WideBits+:WideBits] = wide <<< left[l*LBits+:LBits];
    assign sum_d = $signed(shifted[l*WideBits+:WideBits]) + bias;
    qfx_saturate #(
        .XBits(VBits),
        .YBits(YBits),
        .Lo   (Lo),
        .Hi   (Hi)
    ) u_saturate (
        .x_i(VBits'(sum_q >>> Right)),
        .y_o(y_d)
    );
    always_ff @(posedge clk_i) begin
      if (en[Latency-2]) sum_q <= sum_d;
      if (en[Latency-1]) y_q <= y_d;
    end
    assign y_data_o[l*YBits+:YBits] = y_q;
  end

endmodule
