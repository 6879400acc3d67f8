// From plain words to an AXI4-Stream port: padded with zeros to whole bytes, TLAST on the last word of every
// frame. The stream is wires: latency 0.
`include "qfx_check.svh"

module qfx_axis_out #(
    parameter int Bits = 0,
    parameter int Words = 0,
    localparam int AxisBits = (Bits + 7) / 8 * 8
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic [    Bits-1:0] x_data_i,
    input  logic                x_valid_i,
    output logic                x_ready_o,
    output logic [AxisBits-1:0] y_tdata_o,
    output logic                y_tvalid_o,
    input  logic                y_tready_i,
    output logic                y_tlast_o
);
  `QFX_REQUIRE(Bits >= 1 && Words >= 1, "qfx_axis_out: words and frames are not empty")

  localparam int CountBits = qfx_pkg::counter_bits(Words - 1);
  logic [CountBits-1:0] count;
  qfx_counter #(
      .Last(Words - 1)
  ) u_word (
      .clk_i,
      .rst_ni,
      .step_i (x_valid_i && y_tready_i),
      .count_o(count),
      .last_o (y_tlast_o)
  );

  logic unused;
  assign unused = &{1'b0, count};
  assign y_tdata_o = AxisBits'(x_data_i);
  assign y_tvalid_o = x_valid_i;
  assign x_ready_o = y_tready_i;

endmodule
