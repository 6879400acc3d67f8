// The parameters of the channels of a word: a memory of Period words, read in one cycle under en_i. With a
// period of 1 they are constants, there at all times.
`include "qfx_check.svh"

module qfx_params #(
    parameter int Width = 0,
    parameter int Period = 0,
    parameter File = "",
    localparam int Bits = qfx_pkg::counter_bits(Period - 1)
) (
    input  logic             clk_i,
    input  logic             en_i,
    input  logic [ Bits-1:0] addr_i,
    output logic [Width-1:0] data_o
);
  `QFX_REQUIRE(Width >= 1 && Period >= 1, "qfx_params: Width and Period are at least 1")

  if (Period == 1) begin : g_constant
    logic [Width-1:0] mem[0:0];
    logic unused;
    assign unused = &{1'b0, clk_i, en_i, addr_i};
    initial $readmemh(File, mem);
    // not mem[0]: Icarus takes that before the file is read
    assign data_o = mem[addr_i[0] & 1'b0];
  end else begin : g_memory
    qfx_rom #(
        .Width (Width),
        .Depth (Period),
        .Stages(1),
        .File  (File)
    ) u_rom (
        .clk_i,
        .en_i,
        .addr_i,
        .data_o
    );
  end

endmodule
