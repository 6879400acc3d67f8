// y = Repeats times: Run0 words of input 0, then Run1 words of input 1, and so on; every lane is extended to
// the type of the result.
//
// One word per iteration. Latency 1.
`include "qfx_check.svh"

module qfx_concat #(
    parameter int Lanes = 0,
    parameter int N = 0,
    parameter int Repeats = 0,
    parameter int Run0 = 0,
    parameter int Run1 = 0,
    parameter int Run2 = 0,
    parameter int Run3 = 0,
    parameter int Run4 = 0,
    parameter int Run5 = 0,
    parameter int Run6 = 0,
    parameter int Run7 = 0,
    parameter int X0Bits = 0,
    parameter int X1Bits = 0,
    parameter int X2Bits = 0,
    parameter int X3Bits = 0,
    parameter int X4Bits = 0,
    parameter int X5Bits = 0,
    parameter int X6Bits = 0,
    parameter int X7Bits = 0,
    parameter int X0Signed = 0,
    parameter int X1Signed = 0,
    parameter int X2Signed = 0,
    parameter int X3Signed = 0,
    parameter int X4Signed = 0,
    parameter int X5Signed = 0,
    parameter int X6Signed = 0,
    parameter int X7Signed = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    localparam int AllBits = X0Bits + X1Bits + X2Bits + X3Bits + X4Bits + X5Bits + X6Bits + X7Bits
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic [Lanes*AllBits-1:0] x_data_i,
    input  logic [            N-1:0] x_valid_i,
    output logic [            N-1:0] x_ready_o,
    output logic [  Lanes*YBits-1:0] y_data_o,
    output logic [              0:0] y_valid_o,
    input  logic [              0:0] y_ready_i
);
  `QFX_REQUIRE(Lanes >= 1 && Repeats >= 1 && N >= 2 && N <= 8,
               "qfx_concat: 2 to 8 inputs of at least one word")
  `QFX_REQUIRE(YSigned >= 0, "qfx_concat: YSigned is 0 or 1")

  // What holds for input i, in place i.
  localparam [8*32-1:0] Runs = {
    32'(Run7), 32'(Run6), 32'(Run5), 32'(Run4), 32'(Run3), 32'(Run2), 32'(Run1), 32'(Run0)
  };
  localparam [8*32-1:0] Widths = {
    32'(X7Bits), 32'(X6Bits), 32'(X5Bits), 32'(X4Bits), 32'(X3Bits), 32'(X2Bits), 32'(X1Bits), 32'(X0Bits)
  };
  localparam [7:0] Signs = {
    X7Signed != 0, X6Signed != 0, X5Signed != 0, X4Signed != 0, X3Signed != 0, X2Signed != 0,
    X1Signed != 0, X0Signed != 0
  };
  function automatic int sum_before(input [8*32-1:0] values, input int i);
    integer n;
    sum_before = 0;
    for (n = 0; n < i; n = n + 1) sum_before = sum_before + values[n*32+:32];
  endfunction
  function automatic int largest(input [8*32-1:0] values);
    integer n;
    largest = 1;
    for (n = 0; n < 8; n = n + 1) largest = values[n*32+:32] > largest ? values[n*32+:32] : largest;
  endfunction

  localparam int Latency = 1;
  localparam int CountBits = qfx_pkg::counter_bits(largest(Runs) - 1);

  // Input `turn_q` (one bit each) is read; count_q of its words were.
  logic [N-1:0] turn_q, ends;
  logic [CountBits-1:0] count_q;
  logic en, moving, ready, valid, run_ends;
  assign valid = |(x_valid_i & turn_q);
  assign x_ready_o = {N{ready}} & turn_q;
  assign run_ends = |(ends & turn_q);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      turn_q  <= N'(1);
      count_q <= '0;
    end else if (moving && run_ends) begin
      turn_q  <= {turn_q[N-2:0], turn_q[N-1]};
      count_q <= '0;
    end else if (moving) begin
      count_q <= count_q + 1'b1;
    end
  end

  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (valid),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (y_valid_o[0]),
      .ready_i (y_ready_i[0])
  );

  // The word of every input, extended; zero unless it is its turn.
  logic [Lanes*YBits-1:0] y_d, y_q;
  logic [N*Lanes*YBits-1:0] words;
  genvar i, l;
  for (i = 0; i < N; i = i + 1) begin : g_input
    localparam int Bits = Widths[i*32+:32];
    localparam int First = Lanes * sum_before(Widths, i);
    assign ends[i] = count_q == CountBits'(Runs[i*32+:32] - 1);
    for (l = 0; l < Lanes; l = l + 1) begin : g_lane
      logic [YBits-1:0] lane;
      if (Signs[i]) begin : g_signed
        assign lane = YBits'($signed(x_data_i[First+l*Bits+:Bits]));
      end else begin : g_unsigned
        assign lane = YBits'(x_data_i[First+l*Bits+:Bits]);
      end
      assign words[(i*Lanes+l)*YBits+:YBits] = turn_q[i] ? lane : '0;
    end
  end
  integer j;
  always_comb begin
    y_d = '0;
    for (j = 0; j < N; j = j + 1) y_d = y_d | words[j*Lanes*YBits+:Lanes*YBits];
  end
  always_ff @(posedge clk_i) if (en) y_q <= y_d;
  assign y_data_o = y_q;

endmodule
