// y = a memory, once per frame.
//
// One word per iteration. The input is not looked at. Latency 1, or 2 with the output register of a block
// memory.
`include "qfx_check.svh"

module qfx_const #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter ValuesFile = ""
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic [            0:0] x_data_i,
    input  logic [            0:0] x_valid_i,
    output logic [            0:0] x_ready_o,
    output logic [Lanes*YBits-1:0] y_data_o,
    output logic [            0:0] y_valid_o,
    input  logic [            0:0] y_ready_i
);
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && YBits >= 1 && YSigned >= 0,
               "qfx_const: words and frames are not empty")

  localparam int Latency = qfx_pkg::memory_stages(Words, Lanes * YBits);
  localparam int AddrBits = qfx_pkg::counter_bits(Words - 1);

  logic [Latency-1:0] en, moving;
  logic [AddrBits-1:0] at;
  logic last, ready, unused;
  assign unused = &{1'b0, x_data_i, x_valid_i, last, moving, ready};
  assign x_ready_o = 1'b0;

  qfx_counter #(
      .Last(Words - 1)
  ) u_at (
      .clk_i,
      .rst_ni,
      .step_i (ready),
      .count_o(at),
      .last_o (last)
  );
  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (1'b1),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (y_valid_o[0]),
      .ready_i (y_ready_i[0])
  );
  qfx_rom #(
      .Width (Lanes * YBits),
      .Depth (Words),
      .Stages(Latency),
      .File  (ValuesFile)
  ) u_values (
      .clk_i,
      .en_i  (en),
      .addr_i(at),
      .data_o(y_data_o)
  );

endmodule
