// From an AXI4-Stream port to plain words: the padding to whole bytes and TLAST are ignored. Wires: latency
// 0.
`include "qfx_check.svh"

module qfx_axis_in #(
    parameter int Bits = 0,
    parameter int Words = 0,
    localparam int AxisBits = (Bits + 7) / 8 * 8
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic [AxisBits-1:0] x_tdata_i,
    input  logic                x_tvalid_i,
    output logic                x_tready_o,
    input  logic                x_tlast_i,
    output logic [    Bits-1:0] y_data_o,
    output logic                y_valid_o,
    input  logic                y_ready_i
);
  `QFX_REQUIRE(Bits >= 1 && Words >= 1, "qfx_axis_in: words and frames are not empty")

  logic unused;
  assign unused = &{1'b0, clk_i, rst_ni, x_tdata_i, x_tlast_i};
  assign y_data_o = x_tdata_i[Bits-1:0];
  assign y_valid_o = x_tvalid_i;
  assign x_tready_o = y_ready_i;

endmodule
