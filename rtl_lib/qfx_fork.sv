// One stream to N readers, in lock step: a word moves when all of them take it. Wires.
//
// Latency 0.
`include "qfx_check.svh"

module qfx_fork #(
    parameter int Bits = 0,
    parameter int Words = 0,
    parameter int N = 0
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic [  Bits-1:0] x_data_i,
    input  logic [       0:0] x_valid_i,
    output logic [       0:0] x_ready_o,
    output logic [N*Bits-1:0] y_data_o,
    output logic [     N-1:0] y_valid_o,
    input  logic [     N-1:0] y_ready_i
);
  `QFX_REQUIRE(Bits >= 1 && Words >= 1 && N >= 2 && N <= 16, "qfx_fork: 2 to 16 outputs of at least one word")

  localparam int Latency = 0;

  logic all, unused;
  assign unused = &{1'b0, clk_i, rst_ni, Latency != 0};
  assign all = &y_ready_i;
  assign x_ready_o = all;
  assign y_valid_o = {N{x_valid_i && all}};
  assign y_data_o = {N{x_data_i}};

endmodule
