// A constant memory, read one word per cycle. The word is there after Stages cycles (1: the memory's own register;
// 2: and the output register that block memories need to be fast); stage k moves under en_i[k].
//
// Small ones become LUTs, larger ones block memory: synthesis decides as hw/cost_memory.py expects. A deep one stays a
// module of its own in synthesis: flattened into what counts its addresses, Yosys no longer sees that a LUT6 holds 64
// bits of it and takes up to five times as many. Whole: all bits of a word are used, else what is not read goes.
module qfx_rom #(
    parameter int Width = 0,
    parameter int Depth = 0,
    parameter int Stages = 1,
    parameter int Whole = 1,
    parameter File = "",
    localparam int Bits = qfx_pkg::counter_bits(Depth - 1)
) (
    input  logic              clk_i,
    input  logic [Stages-1:0] en_i,
    input  logic [  Bits-1:0] addr_i,
    output logic [ Width-1:0] data_o
);
  if (Whole != 0 && Depth > 12) begin : g_deep
    (* keep_hierarchy = "yes" *)
    qfx_rom_words #(
        .Width (Width),
        .Depth (Depth),
        .Stages(Stages),
        .File  (File)
    ) u_words (
        .clk_i,
        .en_i,
        .addr_i,
        .data_o
    );
  end else begin : g_flat
    qfx_rom_words #(
        .Width (Width),
        .Depth (Depth),
        .Stages(Stages),
        .File  (File)
    ) u_words (
        .clk_i,
        .en_i,
        .addr_i,
        .data_o
    );
  end

endmodule
