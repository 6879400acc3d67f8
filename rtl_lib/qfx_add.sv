// y = KA * a + KB * b.
//
// One word of each input per iteration. The factors are split into signed digits (non-adjacent form), so the
// result is a sum of N shifted operands, some of them negative: a tree of registered adders of the width of
// y, modulo which all is computed. Latency: max(1, clog2(N)).
`include "qfx_check.svh"

module qfx_add #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter signed [63:0] KA = 0,
    parameter signed [63:0] KB = 0,
    parameter int ABits = 0,
    parameter int ASigned = 0,
    parameter int BBits = 0,
    parameter int BSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0
) (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    input  logic [Lanes*(ABits+BBits)-1:0] x_data_i,
    input  logic [                    1:0] x_valid_i,
    output logic [                    1:0] x_ready_o,
    output logic [        Lanes*YBits-1:0] y_data_o,
    output logic [                    0:0] y_valid_o,
    input  logic [                    0:0] y_ready_i
);
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && YSigned >= 0, "qfx_add: words and frames are not empty")
  `QFX_REQUIRE(KA != 0 && KB != 0, "qfx_add: no factor is 0")

  // Digits of +1 and of -1 of a number: the bits of 3k that k has not, and those of k that 3k has not,
  // halved.
  function automatic [63:0] plus_digits(input [63:0] k);
    plus_digits = ((k + (k << 1)) & ~k) >> 1;
  endfunction
  function automatic [63:0] minus_digits(input [63:0] k);
    minus_digits = (k & ~(k + (k << 1))) >> 1;
  endfunction
  function automatic int ones(input [63:0] bits);
    integer i;
    ones = 0;
    for (i = 0; i < 64; i = i + 1) if (bits[i]) ones = ones + 1;
  endfunction
  // The place of the n-th one.
  function automatic int place(input [63:0] bits, input int n);
    integer i, seen;
    place = 0;
    seen = 0;
    for (i = 0; i < 64; i = i + 1) begin
      if (bits[i]) begin
        if (seen == n) place = i;
        seen = seen + 1;
      end
    end
  endfunction

  // Terms: those of a and b that are added, then those that are subtracted.
  localparam [63:0] PlusA = plus_digits(KA);
  localparam [63:0] PlusB = plus_digits(KB);
  localparam [63:0] MinusA = minus_digits(KA);
  localparam [63:0] MinusB = minus_digits(KB);
  localparam int FirstPlusB = ones(PlusA);
  localparam int FirstMinusA = FirstPlusB + ones(PlusB);
  localparam int FirstMinusB = FirstMinusA + ones(MinusA);
  localparam int N = FirstMinusB + ones(MinusB);
  localparam int Levels = $clog2(N);
  localparam int Latency = qfx_pkg::max_of(Levels, 1);

  logic [Latency-1:0] en, moving;
  logic ready, both, unused;
  assign unused = &{1'b0, moving};
  assign both = &x_valid_i;
  assign x_ready_o = {2{ready && both}};
  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (both),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (y_valid_o[0]),
      .ready_i (y_ready_i[0])
  );

  genvar n, t, i;
  for (n = 0; n < Lanes; n = n + 1) begin : g_lane
    logic [YBits-1:0] a, b;
    if (ASigned != 0) begin : g_signed_a
      assign a = YBits'($signed(x_data_i[n*ABits+:ABits]));
    end else begin : g_unsigned_a
      assign a = YBits'(x_data_i[n*ABits+:ABits]);
    end
    if (BSigned != 0) begin : g_signed_b
      assign b = YBits'($signed(x_data_i[Lanes*ABits+n*BBits+:BBits]));
    end else begin : g_unsigned_b
      assign b = YBits'(x_data_i[Lanes*ABits+n*BBits+:BBits]);
    end

    for (t = 0; t <= Levels; t = t + 1) begin : g_level
      localparam int Count = (N + (1 << t) - 1) >> t;
      logic [Count*YBits-1:0] sum;
      for (i = 0; i < Count; i = i + 1) begin : g_node
        if (t == 0) begin : g_term
          if (i < FirstPlusB) begin : g_plus_a
            assign sum[i*YBits+:YBits] = a << place(PlusA, i);
          end else if (i < FirstMinusA) begin : g_plus_b
            assign sum[i*YBits+:YBits] = b << place(PlusB, i - FirstPlusB);
          end else if (i < FirstMinusB) begin : g_minus_a
            assign sum[i*YBits+:YBits] = a << place(MinusA, i - FirstMinusA);
          end else begin : g_minus_b
            assign sum[i*YBits+:YBits] = b << place(MinusB, i - FirstMinusB);
          end
        end else begin : g_sum
          // A node whose terms are all subtracted holds their sum; the first one above with an added term
          // takes it off.
          localparam bit Negative = (i << t) >= FirstMinusA;
          localparam bit Pair = 2 * i + 1 < ((N + (1 << (t - 1)) - 1) >> (t - 1));
          localparam bit Minus = ((2 * i + 1) << (t - 1)) >= FirstMinusA;
          logic [YBits-1:0] left, value_d, value_q;
          assign left = g_level[t-1].sum[2*i*YBits+:YBits];
          if (Pair) begin : g_pair
            logic [YBits-1:0] right;
            assign right = g_level[t-1].sum[(2*i+1)*YBits+:YBits];
            if (Minus && !Negative) begin : g_minus
              assign value_d = left - right;
            end else if (Negative && t == Levels) begin : g_negated
              assign value_d = -left - right;
            end else begin : g_plus
              assign value_d = left + right;
            end
          end else begin : g_pass
            assign value_d = left;
          end
          always_ff @(posedge clk_i) if (en[t-1]) value_q <= value_d;
          assign sum[i*YBits+:YBits] = value_q;
        end
      end
    end
    assign y_data_o[n*YBits+:YBits] = g_level[Levels].sum;
  end

endmodule
