// y = the frame x, Repeats times.
//
// Loops: repeat, word; one word written per iteration. The first repeat reads and stores the words. The first
// stage stores, the stages behind it read: every word comes out of the memory. Latency: 1 + the stages of the
// memory.
`include "qfx_check.svh"

module qfx_expand #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Repeats = 0,
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
    output logic [Lanes*YBits-1:0] y_data_o,
    output logic [            0:0] y_valid_o,
    input  logic [            0:0] y_ready_i
);
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && Repeats >= 1, "qfx_expand: words and frames are not empty")
  `QFX_REQUIRE(XBits == YBits && XSigned == YSigned, "qfx_expand: the output is of the type of the input")

  localparam int Stages = qfx_pkg::memory_stages(Words, Lanes * XBits);
  localparam int Latency = 1 + Stages;
  localparam int AddrBits = qfx_pkg::counter_bits(Words - 1);

  logic [Latency-1:0] en, moving;
  logic [AddrBits-1:0] word, at_q;
  logic [qfx_pkg::counter_bits(Repeats-1)-1:0] repeats;
  logic ready, takes_q, last, repeats_last, unused;
  assign unused = &{1'b0, repeats, en[0], moving};
  assign x_ready_o = ready && takes_q;

  qfx_counter #(
      .Last(Words - 1)
  ) u_word (
      .clk_i,
      .rst_ni,
      .step_i (moving[0]),
      .count_o(word),
      .last_o (last)
  );
  qfx_counter #(
      .Last(Repeats - 1)
  ) u_repeat (
      .clk_i,
      .rst_ni,
      .step_i (moving[0] && last),
      .count_o(repeats),
      .last_o (repeats_last)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) takes_q <= 1'b1;
    else if (moving[0] && last) takes_q <= repeats_last;
    if (moving[0]) at_q <= word;
  end
  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (x_valid_i[0] || !takes_q),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (y_valid_o[0]),
      .ready_i (y_ready_i[0])
  );
  qfx_ram #(
      .Width(Lanes * XBits),
      .Depth(Words)
  ) u_kept (
      .clk_i,
      .write_i     (moving[0] && takes_q),
      .write_addr_i(word),
      .write_data_i(x_data_i),
      .en_i        (en[Latency-1:1]),
      .addr_i      (at_q),
      .data_o      (y_data_o)
  );

endmodule
