// Taps words, each Depth words behind the one before it: column_o = x, x Depth words ago, 2 * Depth words
// ago, .. The newest one is the highest.
//
// All of them lie in one memory: at the place of the word that leaves its delay, the next younger one is
// stored. A word is read (read_i) Stages pipeline stages before it moves on (step_i, with x_i); the output
// register of a block memory moves under en_i. Distributed memory is read at once: Stages is 0.
`include "qfx_check.svh"

module qfx_lines #(
    parameter int Width = 0,
    parameter int Depth = 0,
    parameter int Taps = 0,
    localparam int Stages = qfx_pkg::lines_stages(Width, Depth, Taps)
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic                  read_i,
    input  logic                  en_i,
    input  logic                  step_i,
    input  logic [     Width-1:0] x_i,
    output logic [Taps*Width-1:0] column_o
);
  `QFX_REQUIRE(Width >= 1 && Depth >= 1 && Taps >= 1, "qfx_lines: Width, Depth and Taps are at least 1")

  if (Taps == 1) begin : g_wires
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, read_i, en_i, step_i};
    assign column_o = x_i;
  end else begin : g_memory
    localparam int Kept = (Taps - 1) * Width;
    localparam int Bits = qfx_pkg::counter_bits(Depth - 1);
    logic [Bits-1:0] at;
    logic [Kept-1:0] old, young;
    logic last, unused;
    assign column_o = {x_i, old};
    assign young = column_o[Width+:Kept];
    qfx_counter #(
        .Last(Depth - 1)
    ) u_at (
        .clk_i,
        .rst_ni,
        .step_i,
        .count_o(at),
        .last_o (last)
    );
    if (Stages == 0) begin : g_distributed
      (* ram_style = "distributed" *) logic [Kept-1:0] mem[0:Depth-1];
      always_ff @(posedge clk_i) if (step_i) mem[at] <= young;
      assign old = mem[at];
      assign unused = &{1'b0, read_i, en_i, last};
    end else begin : g_block
      logic [Bits-1:0] ahead;
      logic ahead_last;
      qfx_counter #(
          .Last(Depth - 1)
      ) u_ahead (
          .clk_i,
          .rst_ni,
          .step_i (read_i),
          .count_o(ahead),
          .last_o (ahead_last)
      );
      qfx_ram #(
          .Width(Kept),
          .Depth(Depth)
      ) u_ram (
          .clk_i,
          .write_i     (step_i),
          .write_addr_i(at),
          .write_data_i(young),
          .en_i        ({en_i, read_i}),
          .addr_i      (ahead),
          .data_o      (old)
      );
      assign unused = &{1'b0, ahead_last, last};
    end
  end

endmodule
