// y = overflow(round(((x << left[c]) + b[c]) / 2**Right)): a cast of ap_fixed, with its modes.
//
// One word per iteration. Round: 0 floor, 1 zero, 2 ceil, 3 away, 4 half up, 5 half down, 6 half to zero,
// 7 half away, 8 half even. Overflow: 0 saturates to Lo..Hi, 1 gives zero, 2 wraps; those two look at the bits
// of y. Sum = 0: all channels have one left shift and b = 0. Stages: the memories (if a period is more than 1),
// the left shift (if LPeriod is), the sum (if Sum), the rounding (if Right > 0 and Round > 0), the overflow.
// Latency: their number.
`include "qfx_check.svh"

module qfx_cast #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Period = 0,
    parameter int Sum = 0,
    parameter int Right = 0,
    parameter int Round = 0,
    parameter int Overflow = 0,
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
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && Period >= 1 && Right >= 0, "qfx_cast: illegal counts")
  `QFX_REQUIRE((LPeriod == 1 || LPeriod == Period) && (BPeriod == 1 || BPeriod == Period),
               "qfx_cast: memories do not have their periods")
  `QFX_REQUIRE(Round >= 0 && Round <= 8 && Overflow >= 0 && Overflow <= 2, "qfx_cast: unknown mode")
  `QFX_REQUIRE(WideBits >= XBits && WideBits > Right && WideBits <= 64, "qfx_cast: WideBits must hold x")

  localparam int Read = LPeriod > 1 || BPeriod > 1 ? 1 : 0;
  localparam int Move = LPeriod > 1 ? 1 : 0;
  localparam int Rounds = Right > 0 && Round > 0 ? 1 : 0;
  localparam int Latency = Read + Move + Sum + Rounds + 1;
  localparam int VBits = WideBits - Right + Rounds;
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
    logic signed [WideBits-1:0] wide, bias, sum;
    logic signed [VBits-1:0] rounded;
    logic [YBits-1:0] y_d, y_q;
    logic up, unused_low;
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

    if (Sum != 0) begin : g_sum
      always_ff @(posedge clk_i) begin
        if (en[Read+Move]) sum <= $signed(shifted[l*WideBits+:WideBits]) + bias;
      end
    end else begin : g_no_sum
      assign sum = shifted[l*WideBits+:WideBits];
    end

    qfx_round_up #(
        .XBits(WideBits),
        .Right(Right),
        .Round(Round)
    ) u_up (
        .x_i (sum),
        .up_o(up)
    );
    if (Rounds != 0) begin : g_round
      always_ff @(posedge clk_i) begin
        if (en[Latency-2]) rounded <= VBits'(sum >>> Right) + $signed({{VBits - 1{1'b0}}, up});
      end
    end else begin : g_floor
      assign rounded = VBits'(sum >>> Right);
    end

    if (Overflow == 0) begin : g_saturate
      qfx_saturate #(
          .XBits(VBits),
          .YBits(YBits),
          .Lo   (Lo),
          .Hi   (Hi)
      ) u_saturate (
          .x_i(rounded),
          .y_o(y_d)
      );
    end else if (Overflow == 1 && (YSigned == 0 || VBits > YBits)) begin : g_zero
      // The bits above those of y are all equal to its sign, or zero where it has none.
      localparam int From = YSigned != 0 ? YBits - 1 : qfx_pkg::min_of(YBits, VBits - 1);
      logic fits;
      if (YSigned != 0) begin : g_signed_y
        assign fits = &rounded[VBits-1:From] || !(|rounded[VBits-1:From]);
      end else begin : g_unsigned_y
        assign fits = !(|rounded[VBits-1:From]);
      end
      assign y_d = fits ? YBits'(rounded) : '0;
    end else begin : g_wrap
      assign y_d = YBits'(rounded);
    end
    always_ff @(posedge clk_i) begin
      if (en[Latency-1]) y_q <= y_d;
    end
    assign y_data_o[l*YBits+:YBits] = y_q;
    assign unused_low = &{1'b0, up, sum, bias, rounded};
  end

endmodule
