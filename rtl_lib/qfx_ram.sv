// A memory with one write and one read per cycle. What is read is there after Stages cycles; stage k moves
// under en_i[k]. A read in the cycle of a write to the same word gives the old one.
//
// Distributed memory where `memory_stages` says one, else block memory with its output register.
`include "qfx_check.svh"

module qfx_ram #(
    parameter int Width = 0,
    parameter int Depth = 0,
    localparam int Stages = qfx_pkg::memory_stages(Depth, Width),
    localparam int Bits = qfx_pkg::counter_bits(Depth - 1)
) (
    input  logic              clk_i,
    input  logic              write_i,
    input  logic [  Bits-1:0] write_addr_i,
    input  logic [ Width-1:0] write_data_i,
    input  logic [Stages-1:0] en_i,
    input  logic [  Bits-1:0] addr_i,
    output logic [ Width-1:0] data_o
);
  `QFX_REQUIRE(Width >= 1 && Depth >= 1, "qfx_ram: Width and Depth are at least 1")

  if (Stages == 1) begin : g_distributed
    (* ram_style = "distributed" *) logic [Width-1:0] mem[0:Depth-1];
    logic [Width-1:0] word_q;
    always_ff @(posedge clk_i) if (write_i) mem[write_addr_i] <= write_data_i;
    always_ff @(posedge clk_i) if (en_i[0]) word_q <= mem[addr_i];
    assign data_o = word_q;
  end else begin : g_block
    (* ram_style = "block" *) logic [Width-1:0] mem[0:Depth-1];
    logic [Width-1:0] word_q, out_q;
    always_ff @(posedge clk_i) if (write_i) mem[write_addr_i] <= write_data_i;
    always_ff @(posedge clk_i) if (en_i[0]) word_q <= mem[addr_i];
    always_ff @(posedge clk_i) if (en_i[1]) out_q <= word_q;
    assign data_o = out_q;
  end

endmodule
