// The words of a constant memory and its Stages registers: the memory's own, and the output register of a block memory.
`include "qfx_check.svh"

module qfx_rom_words #(
    parameter int Width = 0,
    parameter int Depth = 0,
    parameter int Stages = 1,
    parameter File = "",
    localparam int Bits = qfx_pkg::counter_bits(Depth - 1)
) (
    input  logic              clk_i,
    input  logic [Stages-1:0] en_i,
    input  logic [  Bits-1:0] addr_i,
    output logic [ Width-1:0] data_o
);
  `QFX_REQUIRE(Width >= 1 && Depth >= 1 && Stages >= 1, "qfx_rom_words: Width, Depth and Stages are at least 1")

  logic [Width-1:0] mem[0:Depth-1];
  logic [Width*Stages-1:0] word_q;

  initial $readmemh(File, mem);

  always_ff @(posedge clk_i) if (en_i[0]) word_q[0+:Width] <= mem[addr_i];

  genvar k;
  for (k = 1; k < Stages; k = k + 1) begin : g_stage
    always_ff @(posedge clk_i) if (en_i[k]) word_q[k*Width+:Width] <= word_q[(k-1)*Width+:Width];
  end

  assign data_o = word_q[(Stages-1)*Width+:Width];

endmodule
